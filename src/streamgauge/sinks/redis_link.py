"""How a Redis is reached, whether it has the module TimeSeries, and what its errors mean."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from streamgauge.errors import ConfigError

Client: TypeAlias = Any
"""A ``redis.Redis``, whose own annotations say little about answers."""


def opened(url: str, timeout: float) -> Client:
    """A client that tries once and gives up after ``timeout`` seconds of silence; it connects with the first command.

    Raises:
        ConfigError: redis-py is not installed, or the address is none.
    """
    try:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry
    except ImportError as error:
        raise ConfigError(
            f"{place_of(url)} needs the library redis; install it: pip install 'streamgauge[redis]'"
        ) from error
    try:
        return redis.Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
            decode_responses=True,
            client_name="streamgauge",
        )
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{place_of(url)} is no address of a Redis: {error}") from None


def has_module(client: Client) -> bool:
    """Whether this Redis knows TimeSeries.

    Raises:
        redis.RedisError: it does not answer.
    """
    from redis.exceptions import ResponseError

    try:
        client.execute_command("TS.QUERYINDEX", "streamgauge=asks")
    except ResponseError as error:
        if "unknown command" in str(error):
            return False
        raise
    return True


def without_module(where: str) -> str:
    """What is said of a Redis that lacks it."""
    return (
        f"{where}: Redis without the module TimeSeries; take Redis 8, or load the module, or say `fallback: plain` to "
        "keep series in sorted sets"
    )


def place_of(url: str) -> str:
    """The server for people: without password and options.

    >>> place_of("redis://:secret@cache:6379/0?protocol=3")
    'redis://cache:6379/0'
    """
    return re.sub(r"://[^/@]*@", "://", url.partition("?")[0])


def explained(where: str, error: Exception) -> str:
    """The error in a sentence that begins with the place."""
    from redis import exceptions as known

    said = " ".join(str(error).split())[:300]
    meanings: list[tuple[type[Exception], str]] = [
        (known.AuthenticationError, "it refuses the password; give the right one in `url` as ${NAME}"),
        (
            known.NoPermissionError,
            f"this user may not ({said}); grant the commands TS.* and HSET on the keys",
        ),
        (known.OutOfMemoryError, "its memory is full; raise maxmemory, or keep less by `retention`"),
        (known.ReadOnlyError, "it is a read-only replica; name the primary"),
        (known.BusyLoadingError, "it is still loading its data"),
        (known.TimeoutError, "no answer in time"),
    ]
    return f"{where}: {next((text for kind, text in meanings if isinstance(error, kind)), said)}"
