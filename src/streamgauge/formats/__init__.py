"""Bytes to columns: one file per format, named as users write it after ``type:``."""
