"""Streamgauge watches event streams and tells people once, within a second, what went wrong."""

__version__ = "0.1.0"
