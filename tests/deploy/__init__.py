"""What lies in ``deploy/``, held against the tools that take it."""
