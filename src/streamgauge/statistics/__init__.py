"""Numerics with no streams in them: what is known of many values without keeping them all."""
