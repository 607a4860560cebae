"""What survives a restart: checkpoints, incidents, outbox, history. One schema, one code path."""
