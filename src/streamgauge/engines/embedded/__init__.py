"""The engine that runs everything in this process: reads, advances, commits, and goes on after a fall."""
