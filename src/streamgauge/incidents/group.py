"""Incidents that are told together: one notice for all that changed, and then for a while none.

The first notice of a group leaves after ``wait``, each later one at the earliest ``interval`` after the last. A group
counts what it tells, so that nothing is lost in it, and shows the first few.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from streamgauge.clock import iso
from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.repeat import Repeat, next_repeat
from streamgauge.incidents.route import Manner, Way

SHOWN = 20
"""Incidents that one notice shows."""


@dataclass(frozen=True, slots=True)
class Group:
    """What is remembered of a group. Moments are wall clock, microseconds.

    Attributes:
        path, channels, manner: the way that it goes.
        labels: what its incidents share.
        opened_at: when its first incident came.
        n: how many notices it had.
        flushed_at: when the last one was decided.
        repeats: how many of them in a row were repeats.
        members: incidents that are open.
        speaking: those of them that are neither acknowledged nor muted.
        began, ended: how many did so since the last notice.
        again: how many got worse, or are told again after they were muted.
        severity: the worst since the last notice.
        shown: the first few of what changed since.
    """

    path: str
    channels: tuple[str, ...]
    manner: Manner
    labels: Mapping[str, str]
    opened_at: int
    n: int = 0
    flushed_at: int | None = None
    repeats: int = 0
    members: int = 0
    speaking: int = 0
    began: int = 0
    ended: int = 0
    again: int = 0
    severity: str = "warning"
    shown: tuple[Mapping[str, Any], ...] = field(default=())

    @property
    def news(self) -> int:
        """How much there is to tell."""
        return self.began + self.ended + self.again

    @property
    def name(self) -> str:
        """What the store calls it."""
        return group_name(self.path, self.labels)

    @property
    def id(self) -> str:
        """The id that its notices bear."""
        return _incident(self, self.opened_at).id


def group_name(path: str, labels: Mapping[str, str]) -> str:
    """The name of the group of a way with these labels."""
    text = "\x1f".join((path, *(f"{name}\x1e{value}" for name, value in labels.items())))
    return f"group:{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"


def find_group(groups: Mapping[str, Group], asked: str) -> Group | None:
    """The group whose notices bear the id ``asked``, or that the store calls so."""
    return groups.get(asked) or next((group for group in groups.values() if group.id == asked), None)


def group_labels(way: Way, labels: Mapping[str, str]) -> dict[str, str]:
    """What an incident shares with those of its group."""
    return {name: labels.get(name, "") for name in way.manner.group_by}


def new_group(way: Way, labels: Mapping[str, str], now: int) -> Group:
    """The group of the first incident that comes this way."""
    return Group(way.path, way.channels, way.manner, group_labels(way, labels), now)


def with_began(group: Group, incident: Incident, way: Way) -> Group:
    """With one more incident; what the way says now is what counts from now on."""
    worst = "critical" if "critical" in (group.severity, incident.severity) else incident.severity
    return replace(
        group,
        channels=way.channels,
        manner=way.manner,
        members=group.members + 1,
        speaking=group.speaking + 1,
        began=group.began + 1,
        severity=worst,
        shown=_shown(group, incident),
    )


def with_ended(group: Group, incident: Incident, *, spoke: bool) -> Group:
    """With one of its incidents over; ``spoke``: it was neither acknowledged nor muted."""
    return replace(
        group,
        members=max(0, group.members - 1),
        speaking=max(0, group.speaking - spoke),
        ended=group.ended + 1,
        shown=_shown(group, incident),
    )


def with_again(group: Group, incident: Incident) -> Group:
    """With one of its incidents to be told again."""
    worst = "critical" if "critical" in (group.severity, incident.severity) else incident.severity
    return replace(group, again=group.again + 1, severity=worst, shown=_shown(group, incident))


def with_quiet(group: Group, change: int) -> Group:
    """With incidents of it acknowledged or muted (``change`` below 0), or speaking again."""
    return replace(group, speaking=max(0, group.speaking + change))


def due(group: Group) -> int | None:
    """When it tells next, or (with nothing to tell, ever) when it may be forgotten; None: nothing ahead."""
    if group.news:
        return (
            group.opened_at + group.manner.wait
            if group.flushed_at is None
            else group.flushed_at + group.manner.interval
        )
    if group.flushed_at is None:
        return None
    if group.members == 0:
        return group.flushed_at + group.manner.interval
    return next_repeat(group.flushed_at, group.repeats, group.manner.repeat) if group.speaking else None


def forgotten(group: Group) -> bool:
    """Whether, once :func:`due`, there is nothing left of it."""
    return group.members == 0 and not group.news


def flushed(group: Group, now: int) -> tuple[Group, Incident]:
    """The group after a notice, and the incident that stands for it there."""
    told = replace(group, n=group.n + 1, repeats=0 if group.news else group.repeats + 1)
    after = replace(told, flushed_at=now, began=0, ended=0, again=0, severity="warning", shown=())
    return after, _incident(told, now)


def brief(incident: Incident) -> dict[str, Any]:
    """An incident in a few words, within the notice of several."""
    return {
        "id": incident.id,
        "state": str(incident.state),
        "severity": incident.severity,
        "title": incident.title[:200],
        "opened_at": iso(incident.opened_at),
    }


def counted(began: int, ended: int, again: int = 0) -> str:
    """What happened, in words.

    >>> counted(12, 3)
    '12 incidents began, 3 ended'
    """
    counts = (began, "began"), (ended, "ended"), (again, "told again")
    parts = [f"{count:,} {word}" for count, word in counts if count]
    first, *rest = parts or ["nothing new"]
    number, _, word = first.partition(" ")
    noun = "incident" if number == "1" else "incidents"
    return ", ".join([f"{number} {noun} {word}" if parts else first, *rest])


def _shown(group: Group, incident: Incident) -> tuple[Mapping[str, Any], ...]:
    return group.shown if len(group.shown) >= SHOWN else (*group.shown, brief(incident))


def _incident(group: Group, now: int) -> Incident:
    about = ", ".join(f"{name} {value}" for name, value in group.labels.items() if value)
    first = f": {group.shown[0]['title']}" if group.shown else ""
    more = group.news - len(group.shown)
    still = f"{group.members:,} open" if group.members else "none open"
    resolved = group.members == 0
    return Incident(
        monitor=group.labels.get("monitor") or "group",
        key=tuple(group.labels.values()) or None,
        kind=f"group of {group.path}",
        episode=group.opened_at,
        state=IncidentState.RESOLVED if resolved else IncidentState.FIRING,
        severity=group.severity,
        opened_at=group.opened_at,
        title=f"{counted(group.began, group.ended, group.again)}, {still} of {about or 'all'}{first}",
        evidence={
            "began": group.began,
            "ended": group.ended,
            "open": group.members,
            "not_shown": max(0, more),
        },
        samples=group.shown,
        resolved_at=now if resolved else None,
        reason="recovered" if resolved else None,
        notices=group.n,
        labels=dict(group.labels),
    )


def read_group(plain: Mapping[str, Any]) -> Group:
    """What the store kept of it."""
    manner = plain["manner"]
    return Group(
        **{
            **plain,
            "channels": tuple(plain["channels"]),
            "shown": tuple(plain["shown"]),
            "manner": Manner(
                tuple(manner["group_by"]), manner["wait"], manner["interval"], Repeat(**manner["repeat"])
            ),
        }
    )
