"""The HTTP side of a running engine: health, metrics, API. It has its own thread and its own look into the store."""
