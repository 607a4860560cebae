"""What arrived at the webhook, as incidents: one per id, with the moments at which people heard of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from streamgauge.clock import to_micros


class Request(Protocol):
    """A request as :class:`streamgauge.testing.WebhookReceiver` records it."""

    @property
    def at(self) -> float:
        """Monotonic seconds of its arrival."""
        ...

    @property
    def json(self) -> Any:
        """Its body, decoded."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """One incident as the receiver knows it. All moments are microseconds since 1970.

    Attributes:
        incident: its id.
        monitor, key: whose it is.
        kind: ``verdict``, or what else befell the monitor or stream (``source lost`` …).
        title: the sentence people read.
        since: where what the rule looked at begins: the window's start, for a silence the last record.
        at: the moment at which the rule held, in the records' own time.
        told_at: when the first notice had arrived, by the receiver's clock.
        resolved_at: its end, in the records' own time; None while it goes on.
    """

    incident: str
    monitor: str
    key: str | None
    kind: str
    title: str
    since: int
    at: int
    told_at: int
    resolved_at: int | None = None

    @property
    def delay(self) -> float:
        """Seconds from the moment at which the rule held to the arrival of the notice."""
        return (self.told_at - self.at) / 1e6


@dataclass(frozen=True, slots=True)
class Line:
    """One notice in the order of arrival."""

    arrived_at: int
    status: str
    severity: str
    told: Told


class Hearing:
    """Gathers what arrives; looks at each request once.

    Args:
        requests: the receiver's list, which grows.
        epoch: microseconds since 1970 at which the monotonic clock stood at zero.

    Attributes:
        lines: each notice in the order of arrival, repeats left out.
    """

    def __init__(self, requests: Sequence[Request], epoch: int) -> None:
        self.lines: list[Line] = []
        self._requests = requests
        self._epoch = epoch
        self._looked = 0
        self._told: dict[str, Told] = {}
        self._seen: set[str] = set()

    def told(self) -> list[Told]:
        """All incidents heard of so far, in the order of their first notices."""
        while self._looked < len(self._requests):
            request = self._requests[self._looked]
            self._looked += 1
            self._take(request.json, self._epoch + round(request.at * 1e6))
        return list(self._told.values())

    def _take(self, notice: Mapping[str, Any], arrived_at: int) -> None:
        if notice["notice"] in self._seen:  # told again after an unclear answer
            return
        self._seen.add(notice["notice"])
        known = self._told.get(notice["id"]) or read(notice, arrived_at)
        if notice["status"] == "resolved":
            known = replace(known, resolved_at=_moment(notice["resolved_at"]))
        self._told[notice["id"]] = known
        self.lines.append(Line(arrived_at, notice["status"], notice["severity"], known))


def read(notice: Mapping[str, Any], arrived_at: int) -> Told:
    """An incident by its first notice."""
    at = _moment(notice["opened_at"])
    since = notice["window_start"]
    return Told(
        incident=notice["id"],
        monitor=notice["monitor"],
        key=notice["key"],
        kind=notice["incident"],
        title=notice["title"],
        since=at if since is None else _moment(since),
        at=at,
        told_at=arrived_at,
    )


def _moment(text: str) -> int:
    return to_micros(datetime.fromisoformat(text))
