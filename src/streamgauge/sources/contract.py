"""The contract of a source: raw slices of partitions, in offset order, from wherever it is told to start.

A source knows nothing of formats, monitors or stores. It must be replayable: reading again from an earlier
position gives the same records with the same offsets.

A module in this folder offers::

    class Config(SourceConfig): ...                 # frozen pydantic model: the keys beside ``type:``
    def open_source(config: Config, stream: str, clock: Clock) -> Source: ...
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

from streamgauge.batch import FieldKind, IntArray, Partition
from streamgauge.settings import Settings

if TYPE_CHECKING:
    import polars as pl


class SourceConfig(Settings):
    """Base of every source's configuration: frozen, unknown keys are errors."""

    formats: ClassVar[frozenset[str] | None] = None
    """The formats that its records can have; None: any."""
    given_fields: ClassVar[Mapping[str, FieldKind]] = {}
    """What its records hold, where the source itself says so: then a stream need not declare `fields` and `format`."""
    shows: ClassVar[bool] = False
    """Whether its source is one that :class:`Shows`: then it is read even where no monitor watches it."""

    type: str

    def causes(self) -> tuple[str, ...]:
        """Other streams whose incidents may be the cause of this one's: where they are declared, notices show them above."""
        return ()

    @property
    def finite(self) -> bool:
        """Whether it ends by itself (files): then all partitions are merged into one order, as in a replay."""
        return False


@dataclass(frozen=True, slots=True)
class Slice:
    """Undecoded records of one partition in offset order.

    Attributes:
        partition: where they were read.
        offsets: int64[n], increasing.
        timestamps: int64[n], the source's own timestamps in microseconds (Kafka's; for files the time of
            reading); the event time of streams without ``time:``, and the measure of "too far ahead".
        payloads: the bytes of each record; None is an empty message (a tombstone). None altogether when
            the source has columns already (``frame``).
        frame: for sources whose files are columnar (CSV, Parquet): one row per record.
        next_offset: where reading goes on.
        trusted: whether ``timestamps`` are the broker's own (LogAppendTime).
        unreadable: records that the source itself could not cut out (a line beyond all bounds, a CSV row
            with too few cells): row in this slice → why, and the bytes as far as kept. Formats hand them to
            the dead-letter without a look at the row.
        keys: the bytes of each record's key; None altogether where the source has none.
    """

    partition: Partition
    offsets: IntArray
    timestamps: IntArray
    next_offset: int
    payloads: Sequence[bytes | None] | None = None
    frame: pl.DataFrame | None = None
    trusted: bool = False
    unreadable: Mapping[int, tuple[str, bytes | None]] = field(default_factory=dict)
    keys: Sequence[bytes | None] | None = None


@dataclass(frozen=True, slots=True)
class Poll:
    """What one poll brought.

    Attributes:
        slices: what was read, several per partition allowed, in order.
        assigned: partitions that are ours from now on, with the position at which reading began.
        revoked: partitions that are given back in order: what was read of them may still be committed.
        lost: partitions that were taken away: nothing of them may be committed any more.
        ended: partitions that have ended for good (finite sources).
        gaps: partitions whose next record is gone, with the position that was wanted and the one where
            reading goes on; the second is smaller when the partition was made anew. To be taken into
            account after ``assigned`` and before ``slices``.
        at_end: partitions that are now read to the end that the source knew of while polling.
    """

    slices: Sequence[Slice] = ()
    assigned: Mapping[Partition, int] = field(default_factory=dict)
    revoked: frozenset[Partition] = frozenset()
    lost: frozenset[Partition] = frozenset()
    ended: frozenset[Partition] = frozenset()
    gaps: Mapping[Partition, tuple[int, int]] = field(default_factory=dict)
    at_end: frozenset[Partition] = frozenset()


@dataclass(frozen=True, slots=True)
class Tail:
    """How a partition's end stood when it was last asked for.

    Attributes:
        end_offset: the offset the next record will get.
        open_transaction: whether records of an unfinished transaction lie before it.
        asked_at: monotonic seconds just before asking.
        answered_at: monotonic seconds when the answer came.
    """

    end_offset: int
    open_transaction: bool
    asked_at: float
    answered_at: float


class Source(Protocol):
    """Reads records; one per stream."""

    def open(self, positions: Mapping[Partition, int]) -> None:
        """Start reading: at ``positions`` where given, else where the configuration says.

        Raises:
            SourceError: topic missing, no permission, wrong password …, in words for the user.
        """
        ...

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """At most about ``limit`` records; waits up to ``timeout`` for the first.

        Raises:
            SourceError: when going on makes no sense. What passes by itself (a broker away) is not raised;
                it shows in ``tails`` growing old.
        """
        ...

    def tails(self) -> Mapping[Partition, Tail]:
        """The newest known end of each partition; costs nothing (asked for in the background)."""
        ...

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stop reading these until resumed (they are ahead of the others)."""
        ...

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Read these again."""
        ...

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Told after each commit of the store, for others' eyes (consumer-group offsets)."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """What it is and where it starts, for a log line and the API; no secrets."""
        ...

    def close(self) -> None:
        """Leave in order."""
        ...


@runtime_checkable
class Shows(Protocol):
    """A source that also shows something on our own ``/metrics``, under names that dashboards know."""

    def exposed(self) -> Iterable[tuple[str, tuple[str, ...], float]]:
        """A metric's name, the values of its labels, its value; asked at each scrape, from any thread."""
        ...
