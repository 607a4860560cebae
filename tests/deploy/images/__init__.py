"""Images really built, and really started."""
