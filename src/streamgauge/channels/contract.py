"""The contract of a channel: one notice in, one answer out.

Retries, order and bookkeeping belong to the outbox; a channel only tries once and says how it went. It may
be called again with a notice that it has already sent (after a crash, or an unclear answer): the notice's id
is the same then.

A module in this folder offers::

    class Config(ChannelConfig): ...                 # frozen pydantic model: the keys beside ``type:``
    def open_channel(config: Config, name: str) -> Channel: ...

``open_channel`` may also take, by these names: ``clock``; ``receipts``, what it wants to remember over a restart
(:class:`Receipts`); ``recent``, the series that a notice is about (:data:`Recent`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

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


class Receipts(Protocol):
    """What a channel remembers of what it sent, by a name of its own choice; it survives a restart.

    It is written after the receiver's answer and before the notice is marked. Methods raise
    :class:`~streamgauge.errors.StoreError`.
    """

    def recall(self, name: str) -> str | None:
        """What was kept under ``name``; None where nothing is."""
        ...

    def keep(self, name: str, body: str) -> None:
        """Keep ``body`` under ``name``, in place of what was there."""
        ...

    def forget(self, name: str) -> None:
        """Keep it no longer."""
        ...

    def kept(self) -> Mapping[str, str]:
        """All of them by name, the oldest first."""
        ...

    def close(self) -> None:
        """Let go of them."""
        ...


class HeldReceipts:
    """Receipts that end with the process: for a trial, and for tests."""

    def __init__(self) -> None:
        self._held: dict[str, str] = {}

    def recall(self, name: str) -> str | None:
        """What was kept under ``name``; None where nothing is."""
        return self._held.get(name)

    def keep(self, name: str, body: str) -> None:
        """Keep ``body`` under ``name``, in place of what was there."""
        self._held.pop(name, None)
        self._held[name] = body

    def forget(self, name: str) -> None:
        """Keep it no longer."""
        self._held.pop(name, None)

    def kept(self) -> Mapping[str, str]:
        """All of them by name, the oldest first."""
        return dict(self._held)

    def close(self) -> None:
        """Nothing is held open."""


Recent: TypeAlias = Callable[[Mapping[str, Any]], Sequence[float | None]]
"""The last values of what a notice observed, the oldest first; empty where nothing is known. Never raises."""


def nothing_recent(_notice: Mapping[str, Any]) -> Sequence[float | None]:
    """A :data:`Recent` that knows nothing."""
    return ()
