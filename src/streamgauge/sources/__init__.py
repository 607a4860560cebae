"""Where records come from: one source per file, named by the word after ``type:``."""
