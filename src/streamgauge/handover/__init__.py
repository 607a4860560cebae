"""From the hot store to the history: series leave Redis for PostgreSQL, and only what surely arrived is removed."""
