"""Faults of a pipeline, injected for real, and what is told of them."""
