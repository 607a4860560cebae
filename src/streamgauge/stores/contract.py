"""The contract of a store: everything that must agree is written in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from streamgauge.batch import BadRecord, Partition
from streamgauge.incident import Incident, Notice
from streamgauge.state import Tables


@dataclass(frozen=True, slots=True)
class Position:
    """How far one reader has come in one partition.

    Attributes:
        next_offset: the first offset not yet counted.
        largest_time: largest event time seen (microseconds), idle advances included.
        partial_until: windows that start at or before this are partial.
    """

    next_offset: int
    largest_time: int
    partial_until: int


@dataclass(frozen=True, slots=True)
class StateKey:
    """Names one saved state: what (``name`` with the hash of the fields that shape it) and of which partition.

    ``partition`` is None where the state spans partitions (mergeable and single monitors).
    """

    name: str
    shape: str
    partition: Partition | None = None


@dataclass(frozen=True, slots=True)
class SavedState:
    """A state as it was at its ``positions`` (next offset per partition it spans)."""

    tables: Tables
    positions: Mapping[Partition, int]
    version: int


@dataclass(frozen=True, slots=True)
class LateCount:
    """How many records came too late for one window of one monitor."""

    monitor: str
    window_start: int
    count: int


@dataclass(frozen=True, slots=True)
class HistoryBlock:
    """Window results of one monitor, columnar: ``columns`` hold key text, window bounds and values."""

    monitor: str
    first_end: int
    last_end: int
    columns: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Commit:
    """All that one commit writes. Whatever is absent stays as it was.

    Attributes:
        positions: per (stream, partition), for the reader that owns this engine.
        states: the *whole* present tables per state; the store finds out what changed.
        positions_of: which partitions' positions a state belongs to are those of its stream.
        incidents: new or changed incidents.
        notices: to be told; they leave after the commit.
        dead_letters: bad records with their stream's name.
        late: to be added to the counts.
        history: window results.
        paused: monitors paused (with the reason) or resumed (None).
    """

    positions: Mapping[tuple[str, Partition], Position] = field(default_factory=dict)
    states: Mapping[StateKey, StateWrite] = field(default_factory=dict)
    dropped: Sequence[StateKey] = ()
    incidents: Sequence[Incident] = ()
    notices: Sequence[Notice] = ()
    dead_letters: Sequence[tuple[str, BadRecord]] = ()
    late: Sequence[LateCount] = ()
    history: Sequence[HistoryBlock] = ()
    paused: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StateWrite:
    """A state's present tables, its version, and the positions they stand for."""

    tables: Tables
    version: int
    positions: Mapping[Partition, int]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A notice in the outbox: not yet delivered, not given up.

    Attributes:
        sequence: grows with every notice ever decided; the order within an incident.
        id: the notice's id, which the receiver sees.
        channel: through which it goes.
        payload: :meth:`~streamgauge.incident.Notice.as_json`.
        attempts: how often it was tried.
        due: wall clock of the next try.
        since: wall clock when it was put in; what a channel's ``give_up_after`` counts from. 0 = unknown.
    """

    sequence: int
    id: str
    channel: str
    payload: dict[str, Any]
    attempts: int
    due: int
    since: int = 0


class Store(Protocol):
    """What an engine needs of a store. Methods raise :class:`~streamgauge.errors.StoreError` subclasses."""

    def positions(self, stream: str) -> dict[Partition, Position]:
        """Where the reader of ``stream`` goes on."""
        ...

    def load(self, key: StateKey) -> SavedState | None:
        """A saved state, or None. A damaged block falls back to the last good one, with its positions."""
        ...

    def commit(self, commit: Commit) -> None:
        """Write all of it in one transaction.

        Raises:
            StoreTakenError: another process owns the store now; nothing was written.
        """
        ...

    def open_incidents(self) -> list[Incident]:
        """Incidents that are pending or open."""
        ...

    def waiting(self, limit: int = 1000, *, after: int = 0, channel: str | None = None) -> list[Waiting]:
        """The outbox in the order in which the notices were decided.

        Only those with a sequence beyond ``after``, and only of ``channel`` where one is named.
        """
        ...

    def still_mine(self) -> bool:
        """Whether this process still owns the store; cheap, asked before each notice leaves."""
        ...

    def answered(self, sequence: int, result: str, detail: str, *, attempts: int, due: int, at: int) -> None:
        """Note how a try went.

        ``result`` is a :class:`~streamgauge.channels.contract.Result` value: ``delivered`` and ``give up``
        take the notice out of :meth:`waiting`; ``try again`` keeps it with its new ``attempts`` and ``due``.
        Called from the delivery's threads while the engine commits.
        """
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...
