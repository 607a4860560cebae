"""What one poller brings: it asks its system once, and says what it heard as records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeAlias, runtime_checkable

from streamgauge.errors import SourceError

Sample: TypeAlias = tuple[str, tuple[str, ...], float]
"""A metric's name, the values of its labels in their order, and its value."""


class TargetError(SourceError):
    """No answer, or none that can be understood: what happened, where, what to do. It is asked again later."""


class Target(Protocol):
    """Asked on a thread of its own, one question at a time."""

    def ask(self, seconds: float) -> Sequence[bytes]:
        """The records of one answer, a JSON object each, without line ends; none is an answer too.

        Raises:
            TargetError: nothing came within ``seconds``, or nothing of use.
        """
        ...

    def close(self) -> None:
        """Let go of connections; called once nothing is being asked any more, or from another thread while it is."""
        ...


@runtime_checkable
class Exposing(Protocol):
    """A target whose answers are also shown on our own ``/metrics``, under names that dashboards know."""

    def exposed(self, records: Sequence[bytes]) -> Iterable[Sample]:
        """The samples of one answer; called by the server's thread at each scrape."""
        ...
