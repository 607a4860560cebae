"""Who runs the path."""
