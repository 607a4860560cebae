"""The charts: what Helm makes of them, and what a real API server says to it."""
