# ruff: noqa: INP001  Superset reads it as a file
"""What Superset must be told; all else is as it comes. Each can be set in the environment of the container."""

import os

SECRET_KEY = os.environ["SUPERSET_SECRET_KEY"]
"""Signs sessions and encrypts the passwords of databases: keep it, and keep it secret."""

SQLALCHEMY_DATABASE_URI = os.environ["SUPERSET_DATABASE"]
"""Where Superset keeps its own tables: a database of its own, not the one that charts look at."""
