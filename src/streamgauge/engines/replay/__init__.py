"""The same path over records of the past: replays, and drafts of monitors that are tried."""
