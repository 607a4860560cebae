"""The pages of the analysis app, one per file; each offers ``show``."""
