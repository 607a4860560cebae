"""The contract of a channel: one notice in, one answer out.

Retries, order and bookkeeping belong to the outbox; a channel only tries once and says how it went. It may
be called again with a notice that it has already sent (after a crash, or an unclear answer): the notice's id
is the same then.

A module in this folder offers::

    class Config(ChannelConfig): ...                 # frozen pydantic model: the keys beside ``type:``
    def open_channel(config: Config, name: str) -> Channel: ...
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol

from streamgauge.durations import Duration
from streamgauge.settings import Settings


class ChannelConfig(Settings):
    """Base of every channel's configuration: frozen, unknown keys are errors."""

    type: str
    give_up_after: Duration = timedelta(hours=24)
    """How long a notice that cannot be delivered is tried; then it is given up, said loudly."""


class Result(StrEnum):
    """How a try went."""

    DELIVERED = "delivered"
    AGAIN = "try again"
    GAVE_UP = "give up"


@dataclass(frozen=True, slots=True)
class Answer:
    """A channel's answer.

    Attributes:
        result: see :class:`Result`.
        detail: one sentence for people; no secrets.
        wait: how long the receiver asked us to wait (``Retry-After``).
    """

    result: Result
    detail: str = ""
    wait: timedelta | None = None


class Channel(Protocol):
    """Tells people (or their tools) of one notice at a time."""

    def send(self, notice: dict[str, Any]) -> Answer:
        """Try once; must return within its own time-out and never raise for what the receiver does.

        ``notice`` is :meth:`streamgauge.incident.Notice.as_json`; ``notice["notice"]`` is its id.
        """
        ...

    def close(self) -> None:
        """Flush and let go."""
        ...
