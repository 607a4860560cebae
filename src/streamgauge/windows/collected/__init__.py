"""Aggregates that hold more than a few numbers: lists, maps and sketches, one family per file."""
