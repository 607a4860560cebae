"""What ``streamgauge demo`` plays: invented payments with planted faults, watched by the real path."""
