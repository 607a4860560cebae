"""Charts for Kubernetes, and what packs the part that they share."""
