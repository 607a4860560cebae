"""Monitors over batches: windows, detectors and incidents of one stream, the same live, in a replay and in a trial."""
