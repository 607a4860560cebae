"""What leaves after a commit: notices to channels, rows to sinks, dead letters to files and topics."""
