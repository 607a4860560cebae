"""The contract of a store: everything that must agree is written in one transaction, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from streamgauge.batch import BadRecord, Partition
from streamgauge.incident import Incident, IncidentState, Notice, Remark
from streamgauge.keys import Key
from streamgauge.sinks.contract import SpooledRow
from streamgauge.state import Tables

if TYPE_CHECKING:
    import polars as pl

UNKNOWN = -1
"""Of an offset that nobody noted."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far one reader has come in one partition.

    Attributes:
        next_offset: the first offset not yet counted.
        largest_time: largest event time seen (microseconds), idle advances included.
        partial_until: windows that start at or before this are partial.
        began: the first offset that was ever counted; ``UNKNOWN`` for what an earlier version wrote.
    """

    next_offset: int
    largest_time: int
    partial_until: int
    began: int = UNKNOWN


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
    """A state as it was at its ``positions`` (of each partition it spans).

    After a damage these lie before the stream's own: the records between must be read again for it.

    Attributes:
        went_back: whether it is older than the last commit, for a damage.
    """

    tables: Tables
    positions: Mapping[Partition, Position]
    version: int
    went_back: bool = False


@dataclass(frozen=True, slots=True)
class LateCount:
    """How many records came too late for one window of one monitor."""

    monitor: str
    window_start: int
    count: int


@dataclass(frozen=True, slots=True)
class HistoryBlock:
    """Window results of one monitor; ``columns`` are of one length.

    ``key`` (:func:`~streamgauge.keys.key_text`), ``window_start`` and ``window_end`` (int64 microseconds) and
    the values by name: arrays, lists or :class:`~streamgauge.batch.Column`. ``first_end`` and ``last_end``
    bound ``window_end``.
    """

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
        dropped: states that nobody wants any more.
        incidents: new or changed incidents.
        notices: to be told; they leave after the commit.
        dead_letters: bad records with their stream's name.
        late: to be added to the counts.
        history: window results.
        judgements: what was judged of windows; see :mod:`streamgauge.engines.running.judgements`.
        paused: monitors paused (with the reason) or resumed (None).
        rows: for sinks; they leave after the commit.
        remarks: what people said and did about incidents.
        telling: what the stages after an incident remember, by name; None: forgotten.
        decided: what became of incidents where the owner of their partition does not tell of them itself.
        heard: of what others decided, the sequences that this commit has taken into account.
    """

    positions: Mapping[tuple[str, Partition], Position] = field(default_factory=dict)
    states: Mapping[StateKey, StateWrite] = field(default_factory=dict)
    dropped: Sequence[StateKey] = ()
    incidents: Sequence[Incident] = ()
    notices: Sequence[Notice] = ()
    dead_letters: Sequence[tuple[str, BadRecord]] = ()
    late: Sequence[LateCount] = ()
    history: Sequence[HistoryBlock] = ()
    judgements: Sequence[HistoryBlock] = ()
    paused: Mapping[str, str | None] = field(default_factory=dict)
    rows: Sequence[DecidedRow] = ()
    remarks: Sequence[Remark] = ()
    telling: Mapping[str, object] = field(default_factory=dict)
    decided: Sequence[Decided] = ()
    heard: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """What became of an incident where several instances share the work.

    Attributes:
        incident: as it was then.
        cause: why there may be something to tell, a :class:`~streamgauge.incidents.board.Cause` value; empty where
            there is nothing.
        channels: its monitor's.
        stream, partition: whose owner decided it.
        sequence: the order of decision; 0 before it is in the store.
    """

    incident: Incident
    cause: str = ""
    channels: tuple[str, ...] = ()
    stream: str = ""
    partition: Partition | None = None
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class StateWrite:
    """A state's present tables, its version, and the positions they stand for."""

    tables: Tables
    version: int
    positions: Mapping[Partition, Position]


@dataclass(frozen=True, slots=True)
class DecidedRow:
    """A row for a sink, as a commit brings it.

    Attributes:
        sink: whose it is, such as ``monitor burst``.
        id: names it for good.
        key: whose row it is, as text.
        body: JSON.
        revises: whether an older row with this id may wait still; it takes that one's place.
    """

    sink: str
    id: str
    key: str | None
    body: bytes
    revises: bool = False


@dataclass(frozen=True, slots=True)
class Answered:
    """How one try of a notice went.

    Attributes:
        sequence: the notice's, as in :class:`Waiting`.
        result: a :class:`~streamgauge.channels.contract.Result` value.
        detail: the channel's sentence.
        attempts: tries so far, this one included.
        due: when it goes again, where it does (wall clock, microseconds).
        at: when the answer came (wall clock, microseconds).
    """

    sequence: int
    result: str
    detail: str
    attempts: int
    due: int
    at: int


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


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A bad record as it was kept. ``payload`` holds its beginning only where ``truncated``."""

    sequence: int
    stream: str
    partition: Partition
    offset: int
    at: int
    reason: str
    payload: bytes | None
    truncated: bool
    replayed_at: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One step in an incident's life (wall clock, microseconds): written once, never altered."""

    at: int
    who: str
    state: IncidentState
    why: str


@dataclass(frozen=True, slots=True)
class Paused:
    """Why a monitor is paused, and since when (wall clock, microseconds)."""

    reason: str
    since: int


@dataclass(frozen=True, slots=True)
class Keep:
    """How much a store keeps before the oldest goes.

    Attributes:
        history: event time of window results.
        dead_letters: rows.
        notices: delivered (or given up) notices, whose ids must not be decided again.
    """

    history: timedelta = timedelta(hours=24)
    dead_letters: int = 100_000
    notices: int = 100_000


class Reading(Protocol):
    """What a look into a store can tell; for verbs and the API, also while another process writes."""

    @property
    def id(self) -> str:
        """What tells this store from every other, for good."""
        ...

    def positions(self, stream: str) -> dict[Partition, Position]:
        """Where the reader of ``stream`` goes on."""
        ...

    def states(self) -> list[StateKey]:
        """The states that are saved, also those that no monitor wants any more."""
        ...

    def incidents(
        self,
        *,
        state: IncidentState | None = None,
        monitor: str | None = None,
        severity: str | None = None,
        keys: Sequence[str] | None = None,
        limit: int = 100,
        before: int | None = None,
        after: str | None = None,
    ) -> list[Incident]:
        """Newest first; ``before`` (microseconds of ``opened_at``) turns the page.

        ``keys`` are texts of :func:`~streamgauge.keys.key_text`. ``after`` (an incident's id) goes on among those of the very moment ``before``.
        """
        ...

    def incident(self, incident_id: str) -> Incident | None:
        """One incident by its id."""
        ...

    def open_incidents(self) -> list[Incident]:
        """Incidents that are pending or open."""
        ...

    def changes(self, incident_id: str) -> list[Change]:
        """What happened to an incident, oldest first."""
        ...

    def around(
        self, start: int, end: int, limit: int = 200, *, monitors: Sequence[str] | None = None
    ) -> list[Incident]:
        """Incidents (of ``monitors``) that opened in ``start <= opened_at <= end``, oldest first."""
        ...

    def telling(self, prefix: str = "") -> dict[str, dict[str, Any]]:
        """What the stages after an incident remember, by names that begin so."""
        ...

    def dead_letters(self, *, stream: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """Newest first."""
        ...

    def late_counts(self, *, monitor: str | None = None) -> list[LateCount]:
        """All late counts in order of (monitor, window)."""
        ...

    def history(
        self, monitor: str, *, key: Key = None, start: int | None = None, end: int | None = None
    ) -> pl.DataFrame:
        """Window results with ``start <= window_end < end``, in the order in which they were reported.

        ``key``: only those of this key; None: all.
        """
        ...

    def waiting(self, limit: int = 1000, *, after: int = 0, channel: str | None = None) -> list[Waiting]:
        """The outbox in the order in which the notices were decided.

        Only those with a sequence beyond ``after``, and only of ``channel`` where one is named.
        """
        ...

    def told_through(self, notice: str) -> list[str]:
        """The channels of a notice by its id, while it is kept."""
        ...

    def outbox_depth(self) -> dict[str, int]:
        """Notices that wait, per channel."""
        ...

    def spooled(self, sink: str, limit: int = 1000) -> list[SpooledRow]:
        """The oldest rows that wait for a sink, in order."""
        ...

    def spool_depth(self) -> dict[str, int]:
        """Rows that wait, per sink."""
        ...

    def monitor_status(self) -> dict[str, Paused]:
        """The monitors that are paused."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...


class Store(Reading, Protocol):
    """What an engine needs of a store. Methods raise :class:`~streamgauge.errors.StoreError` subclasses.

    One thread commits; any thread may look, take ``waiting`` and note ``answered``.
    """

    @property
    def damages(self) -> Sequence[str]:
        """One sentence per damaged block met since opening."""
        ...

    @property
    def epoch(self) -> int:
        """The number of this ownership; grows with each."""
        ...

    def load(self, key: StateKey) -> SavedState | None:
        """A saved state, or None. A damaged block falls back to the last good one, with its positions."""
        ...

    def commit(self, commit: Commit) -> None:
        """Write all of it in one transaction; after an error nothing was, and it may be given again.

        Raises:
            StoreTakenError: another process owns the store now; this one must stop.
            StoreError: full, locked, gone …: the same commit may succeed later.
        """
        ...

    def renew(self) -> None:
        """Keep the ownership through a time without commits; call it a few times per session time-out.

        Raises:
            StoreTakenError: it is lost.
        """
        ...

    def still_mine(self) -> bool:
        """Whether this process still owns the store; cheap, asked before each notice leaves."""
        ...

    def answered(self, answers: Sequence[Answered]) -> None:
        """Note how tries went, all at once.

        The results ``delivered`` and ``give up`` take a notice out of :meth:`waiting`; ``try again`` keeps it with its
        new ``attempts`` and ``due``. Called from the delivery's threads while the engine commits.

        Raises:
            StoreTakenError: another process owns the store now; nothing was noted.
        """
        ...

    def left(self, sequences: Sequence[int]) -> None:
        """These rows of the spool have arrived, or never can.

        Raises:
            StoreTakenError: another process owns the store now; nothing was noted.
        """
        ...

    def dead_letters_after(self, stream: str, after: int, limit: int = 500) -> list[DeadLetter]:
        """Those of a stream beyond a sequence, oldest first: for whoever copies them elsewhere."""
        ...

    def cursor(self, name: str) -> int:
        """How far whoever is called ``name`` has come; 0 before it began."""
        ...

    def move_cursor(self, name: str, to: int) -> None:
        """Note that whoever is called ``name`` has come to ``to``."""
        ...

    def mark_replayed(self, sequences: Sequence[int], at: int) -> None:
        """Note that these dead letters have been put through again."""
        ...
