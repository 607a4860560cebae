"""How a stream is cut: one kind of window per file, one contract, shared by all monitors cut alike."""
