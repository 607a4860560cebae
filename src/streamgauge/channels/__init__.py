"""Where notices to people go: one channel per file, named by the word after ``type:``."""
