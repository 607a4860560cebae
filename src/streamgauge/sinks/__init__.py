"""Where data goes: one sink per file, named by the word after ``type:``; idempotent by the id of each row."""
