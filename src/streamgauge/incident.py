"""What people see: one incident from its beginning to its end, and the notices that tell of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from operator import attrgetter
from typing import Any

from streamgauge.clock import iso
from streamgauge.keys import Key, key_label, key_text


class IncidentState(StrEnum):
    """Where an incident stands."""

    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that went wrong for one key of one monitor. Moments are microseconds of event time.

    Attributes:
        monitor, key: whose it is.
        kind: ``verdict``, or what else befell the monitor: ``source lost``, ``detector failed``,
            ``key limit``, ``key on two partitions``, ``sink overflow``.
        episode: what tells this incident from the next one of the same fingerprint: the start of the
            window that opened it, else the event time that did.
        state: see :class:`IncidentState`.
        severity: ``warning`` or ``critical``.
        opened_at: the moment it began to fire (the deciding record, else the window's end).
        window_start, window_end: the window that opened it; None where there was none.
        last_start, last_end: the last window that fired; a later one that clears resolves it.
        observed, expected, evidence: as in the verdict that last fired.
        samples: a few records, masked fields masked.
        partition, offset: the record that decided, where one did.
        pending_since: event time since which the condition holds, while ``for`` runs.
        no_data: closed windows without data since the last one that had some.
        resolved_at, reason: its end: ``recovered``, ``no data``, ``forgotten``, ``removed`` …
        notices: how many notices have been told.
        title: one sentence for people.
        labels: what matchers look at: monitor, stream, severity, incident, the key and its fields, and the
            monitor's own.
        runbook: the monitor's link for whoever is told.
        description: what the monitor says of itself: what it means, what to do.
        notify: the channels that the monitor names; empty: the route decides.
        told: the channels that heard of it; who heard of the beginning hears of the end.
        told_at: wall clock of the last notice; None while nobody heard.
        repeats: how many of its notices were repeats.
        groups: the groups that it was told in.
        muted_by: what keeps it from being told: ``silence ID``, or the id of the incident that it follows from.
        muted: the same in words.
        owner, note, feedback: what people said of it.
        acknowledged_at: wall clock at which somebody took it; from then on it is not repeated.
        clearing_since: event time since which it is clear, while ``clear_after`` runs.
        openings: event times of the key's openings that flap damping still counts, this one last.
    """

    monitor: str
    key: Key
    kind: str
    episode: int
    state: IncidentState
    severity: str
    opened_at: int
    title: str
    window_start: int | None = None
    window_end: int | None = None
    last_start: int | None = None
    last_end: int | None = None
    observed: Mapping[str, Any] = field(default_factory=dict)
    expected: Any = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    samples: Sequence[Mapping[str, Any]] = ()
    partition: str | None = None
    offset: int | None = None
    early: bool = False
    partial: bool = False
    pending_since: int | None = None
    no_data: int = 0
    resolved_at: int | None = None
    reason: str | None = None
    notices: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    runbook: str | None = None
    description: str | None = None
    notify: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    told_at: int | None = None
    repeats: int = 0
    groups: tuple[str, ...] = ()
    muted_by: str | None = None
    muted: str | None = None
    owner: str | None = None
    note: str | None = None
    feedback: str | None = None
    acknowledged_at: int | None = None
    clearing_since: int | None = None
    openings: tuple[int, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The same for every incident of this (monitor, key): 16 hexadecimal digits."""
        return fingerprint(self.monitor, self.key, self.kind)

    @property
    def id(self) -> str:
        """Unique and decided once: monitor, key's fingerprint and episode."""
        return f"{self.monitor}-{self.fingerprint}-{self.episode}"

    @property
    def open(self) -> bool:
        """Whether it has begun to fire and not ended."""
        return self.state in (IncidentState.FIRING, IncidentState.ACKNOWLEDGED, IncidentState.SUPPRESSED)

    @property
    def lasted(self) -> int | None:
        """Microseconds from the opening to the end; None while it is open."""
        return None if self.resolved_at is None else max(0, self.resolved_at - self.opened_at)

    def as_json(self) -> dict[str, Any]:
        """Plain data for people's tools: times are ISO 8601 UTC with milliseconds."""
        return {
            "id": self.id,
            "monitor": self.monitor,
            "key": list(self.key) if isinstance(self.key, tuple) else self.key,
            "fingerprint": self.fingerprint,
            "incident": self.kind,
            "state": str(self.state),
            "severity": self.severity,
            "title": self.title,
            "opened_at": iso(self.opened_at),
            "window_start": iso(self.window_start),
            "window_end": iso(self.window_end),
            "last_window_start": iso(self.last_start),
            "last_window_end": iso(self.last_end),
            "observed": dict(self.observed),
            "expected": self.expected,
            "evidence": dict(self.evidence),
            "samples": [dict(sample) for sample in self.samples],
            "partition": self.partition,
            "offset": self.offset,
            "early": self.early,
            "partial": self.partial,
            "resolved_at": iso(self.resolved_at),
            "reason": self.reason,
            "lasted_seconds": None if self.lasted is None else self.lasted / 1e6,
            "labels": dict(self.labels),
            "runbook": self.runbook,
            "description": self.description,
            "owner": self.owner,
            "note": self.note,
            "feedback": self.feedback,
            "acknowledged_at": iso(self.acknowledged_at),
            "muted": self.muted,
        }


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody said or did about an incident: a line of its history that its state alone does not tell."""

    incident: str
    who: str
    state: IncidentState
    why: str


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell through one channel; ``n`` counts the notices of its incident from 1.

    ``id`` is the same however often it is delivered: receivers can drop repeats by it. ``cause`` is why it is
    told: ``began``, ``worse``, ``repeat``, ``still firing``, ``ended``; None where nobody asked. ``around``: what else
    began in the minutes before it on the same stream, causes first.
    """

    incident: Incident
    n: int
    channel: str
    cause: str | None = None
    around: Sequence[Mapping[str, Any]] = ()

    @property
    def id(self) -> str:
        """The idempotency key: incident and n. The same notice goes to each channel under this id."""
        return f"{self.incident.id}-{self.n}"

    @property
    def resolved(self) -> bool:
        """Whether it tells of the end."""
        return self.incident.state is IncidentState.RESOLVED

    def as_json(self) -> dict[str, Any]:
        """What channels send: the incident as it was when the notice was decided."""
        status = "resolved" if self.resolved else "firing"
        cause = {} if self.cause is None else {"cause": self.cause}
        around = {"around": [dict(each) for each in self.around]} if self.around else {}
        return {
            "notice": self.id,
            "n": self.n,
            "status": status,
            **cause,
            **self.incident.as_json(),
            **around,
        }


def fingerprint(monitor: str, key: Key, kind: str = "verdict") -> str:
    """16 hexadecimal digits that name a (monitor, key); ``kind`` sets mishaps of the monitor itself apart."""
    text = "\x1f".join((monitor, key_text(key), kind))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def subject(monitor: str, key: Key) -> str:
    """How a sentence names whose incident it is: ``burst of a-7``, or ``burst`` without a key."""
    label = key_label(key)
    return f"{monitor} of {label}" if label else monitor


_NAMES = tuple(each.name for each in fields(Incident))
_PLACES = {name: place for place, name in enumerate(_NAMES)}
_all_of = attrgetter(*_NAMES)
_SET = tuple(getattr(Incident, name).__set__ for name in _NAMES)


def changed(incident: Incident, **changes: Any) -> Incident:
    """As :func:`dataclasses.replace`, in a third of the time: every verdict on an incident makes four or five of them.

    Raises:
        KeyError: an incident has no such field.
    """
    values = list(_all_of(incident))
    for name, value in changes.items():
        values[_PLACES[name]] = value
    made = object.__new__(Incident)
    for put, value in zip(_SET, values, strict=True):  # past __init__, which asks for each name anew
        put(made, value)
    return made
