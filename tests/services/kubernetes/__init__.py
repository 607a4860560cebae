"""A real Kubernetes, and what others add to it."""
