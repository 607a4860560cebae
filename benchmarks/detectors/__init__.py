"""How good and how fast the detectors are, on real data, beside others."""
