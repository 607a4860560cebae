"""What judges: one detector per file, named by the word after ``type:``."""
