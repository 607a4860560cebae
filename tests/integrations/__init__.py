"""Other people's tools, each in its own environment, run for real: ``make test-integrations``."""
