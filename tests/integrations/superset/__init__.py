"""Superset: the bundle as files, and on a real server over what the product itself wrote."""
