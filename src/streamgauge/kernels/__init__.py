"""The compiled row loops that windows and detectors share: plain loops over NumPy arrays, slot per key."""
