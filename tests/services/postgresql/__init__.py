"""A real PostgreSQL for tests."""

from tests.services.postgresql.server import Database, PostgresServer

__all__ = ["Database", "PostgresServer"]
