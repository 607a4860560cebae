"""What else began within the same minutes on the same stream: in each notice, causes first.

Of each stream and minute of event time the first few beginnings are kept, so that a storm costs no more than a drizzle,
and the order in which they became known makes no difference. They are rows of the board, committed with what they
follow from: the same after a kill.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from streamgauge.clock import iso
from streamgauge.incident import Incident, Notice

MINUTE = 60_000_000
WITHIN = 5 * MINUTE
"""Beginnings so long (microseconds) before one are shown beside it."""

SHOWN = 5
"""Of them, in one notice."""

KEPT = 20
"""Of one stream and minute."""

MINUTES = 60
"""Of one stream."""

TITLE = 200
"""Characters of a title."""

CAUSES = frozenset({"source lost"})
"""Kinds of incidents that all others of a stream may follow from."""

_GATHERED = frozenset({"group", "summary"})


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """That an incident began to fire, and as what; ``fingerprint`` is the same for each of its key."""

    opened_at: int
    id: str
    monitor: str
    stream: str
    kind: str
    fingerprint: str
    title: str


@dataclass(frozen=True, slots=True)
class Minute:
    """What the store keeps of a stream and minute: the first openings, in their order."""

    openings: tuple[Opening, ...] = ()


class Openings:
    """What began of late, by stream.

    Args:
        streams: which stream each monitor watches; one that is named like a monitor holds the rows of that one.
        rows: what was kept at the last commit, by name.
        causes: by stream, others whose incidents may be the cause of its own.
    """

    def __init__(
        self,
        streams: Mapping[str, str],
        rows: Mapping[str, Mapping[str, Any]],
        causes: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._streams = streams
        self._causes = causes or {}
        self._minutes: dict[str, dict[int, Minute]] = {}
        for name, row in rows.items():
            if name.startswith("around:"):
                stream, _, minute = name.removeprefix("around:").rpartition("/")
                found = Minute(tuple(Opening(**opening) for opening in row["openings"]))
                self._minutes.setdefault(stream, {})[int(minute)] = found

    def note(self, incident: Incident, rows: dict[str, object]) -> None:
        """It began; what changes of what is kept goes into ``rows``."""
        stream = incident.labels.get("stream")
        if stream is None:
            return
        opening = Opening(
            incident.opened_at, incident.id, incident.monitor, stream, incident.kind, incident.fingerprint,
            incident.title[:TITLE],
        )  # fmt: skip
        minutes, minute = self._minutes.setdefault(stream, {}), incident.opened_at // MINUTE
        before = minutes.get(minute, Minute()).openings
        if len(before) == KEPT and opening >= before[-1]:
            return
        after = list(before)
        insort(after, opening)
        minutes[minute] = Minute(tuple(after[:KEPT]))
        rows[_row(stream, minute)] = minutes[minute]
        for old in [m for m in minutes if m <= max(minutes) - MINUTES] if len(before) == 0 else ():
            del minutes[old]
            rows[_row(stream, old)] = None

    def before(self, incident: Incident) -> list[dict[str, Any]]:
        """What began in the minutes before it: what is upstream first, then the first."""
        stream = incident.labels.get("stream")
        if stream is None:
            return []
        mine = incident.fingerprint
        near = [
            (not upstream, opening)
            for opening, upstream in self._near(stream, incident.opened_at)
            if opening.fingerprint != mine
        ]
        near.sort()
        return [_brief(opening, incident.opened_at, upstream=not below) for below, opening in near[:SHOWN]]

    def explain(self, notices: list[Notice], first: int = 0) -> None:
        """Put it into the notices from ``first`` on; an end, and what tells of several, needs no explanation."""
        found: dict[str, Sequence[Mapping[str, Any]]] = {}
        for place in range(first, len(notices)):
            notice = notices[place]
            if notice.resolved or notice.cause in _GATHERED:
                continue
            name = notice.incident.id
            if name not in found:
                found[name] = self.before(notice.incident)
            if found[name]:
                notices[place] = replace(notice, around=found[name])

    def _near(self, stream: str, until: int) -> Iterator[tuple[Opening, bool]]:
        """Openings within reach; with whether they are upstream of ``stream``."""
        for opening in self._of(stream, until):
            yield opening, opening.kind in CAUSES
        for above, monitor in upstream(stream, self._streams):
            for opening in self._of(above, until):
                if opening.monitor == monitor or opening.kind in CAUSES:
                    yield opening, True
        for other in self._causes.get(stream, ()):
            yield from ((opening, True) for opening in self._of(other, until))

    def _of(self, stream: str, until: int) -> Iterator[Opening]:
        minutes = self._minutes.get(stream, {})
        for minute in range((until - WITHIN) // MINUTE, until // MINUTE + 1):
            for opening in minutes.get(minute, Minute()).openings:
                if until - WITHIN <= opening.opened_at <= until:
                    yield opening


def upstream(stream: str, streams: Mapping[str, str]) -> list[tuple[str, str]]:
    """The streams above one that holds a monitor's rows, the nearest first; with that monitor.

    >>> upstream("minutes", {"minutes": "payments", "burst": "minutes"})
    [('payments', 'minutes')]
    """
    found: list[tuple[str, str]] = []
    while stream in streams and len(found) < len(streams):
        found.append((streams[stream], stream))
        stream = streams[stream]
    return found


def _row(stream: str, minute: int) -> str:
    return f"around:{stream}/{minute}"


def _brief(opening: Opening, at: int, *, upstream: bool) -> dict[str, Any]:
    return {
        "id": opening.id,
        "monitor": opening.monitor,
        "incident": opening.kind,
        "title": opening.title,
        "opened_at": iso(opening.opened_at),
        "seconds": (opening.opened_at - at) / 1e6,
        "upstream": upstream,
    }
