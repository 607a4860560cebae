"""What is known of one monitor and key: closed windows, the key, the incident, and time. Plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamgauge.batch import NEVER, Partition
from streamgauge.incident import Incident
from streamgauge.keys import Key
from streamgauge.monitor import Monitor
from streamgauge.why.holding import Time


@dataclass(frozen=True, slots=True)
class Part:
    """One condition within a condition, over one window; ``holds`` is None where a value is missing."""

    text: str
    holds: bool | None
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Seen:
    """A closed window of the key.

    Attributes:
        start, end: microseconds.
        values: the computed values by name.
        holds, clears: the truth of ``when`` and of ``clear_when``; None: cannot be said, or there is none.
        parts: what ``when`` is made of.
        partial: whether its beginning was not seen.
        late: how many records of the monitor came too late for this window, over all keys.
    """

    start: int
    end: int
    values: Mapping[str, Any]
    holds: bool | None
    clears: bool | None
    parts: Sequence[Part]
    partial: bool
    late: int


@dataclass(frozen=True, slots=True)
class Known:
    """What the saved state says of the key.

    Attributes:
        saved: whether there is a saved state of the monitor's grouping at all.
        last_seen: event time of the key's last record; None: the key is not known.
        partition: where the key is; None where the state spans partitions, or the key is not known.
        partial_until: windows that start at or before this are partial.
        near: a known key that is spelled alike.
    """

    saved: bool
    last_seen: int | None = None
    partition: Partition | None = None
    partial_until: int = NEVER
    near: str | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that an answer is made from.

    Attributes:
        monitor, key: whose question; ``chosen`` whether the key was chosen by us.
        rule: the monitor as planned.
        where, when, clear: its conditions as written; None where it has none.
        after: microseconds of a gap that counts as silence; None for all but ``silence``.
        hold_for: microseconds of ``for``.
        early: whether it is told before a window closes.
        grid: whether windows close at fixed moments, and the length and distance of these (microseconds).
        windows: closed ones of the key, the newest last.
        late: records of the monitor that came too late for their window, over all keys.
        known: what the saved state says of the key.
        incident: the newest of the key.
        paused: why the monitor is paused.
        time: how far event time is and what holds it back.
        live: whether a running engine was asked.
        starting, store: what a running engine waits for; what keeps its commits from succeeding.
        gap: microseconds, of sessions: one is over when the watermark has passed its last record by more.
        single: whether it judges single records.
    """

    monitor: str
    key: Key
    chosen: bool
    rule: Monitor
    where: str | None
    when: str | None
    clear: str | None
    after: int | None
    hold_for: int
    early: bool
    grid: tuple[int, int] | None
    windows: Sequence[Seen]
    late: int
    known: Known
    incident: Incident | None
    paused: str | None
    time: Time
    live: bool
    starting: str | None = None
    store: str | None = None
    gap: int | None = None
    single: bool = False
