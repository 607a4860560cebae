"""A real Redis for tests, with the module TimeSeries or without."""

from tests.services.redis.server import RedisServer

__all__ = ["RedisServer"]
