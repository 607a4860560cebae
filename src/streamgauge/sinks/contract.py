"""The contract of a sink: some rows in, and which of them have arrived.

Order, retries and bookkeeping belong to the spool (:mod:`streamgauge.engines.outgoing.sinking`); a sink tries once. It
may be given rows again that it has already written (after a crash, or an unclear answer): a row's id is the
same then, and the later one of two rows with one id is the one that holds.

A module in this folder offers::

    class Config(SinkConfig): ...                    # frozen pydantic model: the keys beside ``type:``
    def open_sink(config: Config, name: str, columns: Mapping[str, ColumnKind]) -> Sink: ...

``name`` is whose rows they are, such as ``monitor burst``; ``columns`` is what each row holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Literal, Protocol, runtime_checkable

from pydantic import Field

from streamgauge.batch import ColumnKind
from streamgauge.settings import Names, Settings


class SinkConfig(Settings):
    """Base of every sink's configuration: frozen, unknown keys are errors."""

    type: str
    where: Annotated[str | None, Field(min_length=1)] = None
    """Only rows for which this condition holds; all by default."""
    columns: dict[str, str] = Field(default_factory=dict)
    """What a row holds: names with expressions; default: keys, values, and the window's bounds."""
    key: Names = ()
    """The column or columns that make a row's key; default: what the monitor groups by, or the stream's key."""
    when_full: Literal["drop", "wait"] = "drop"
    """While the spool is full: drop new rows and tell it, or stop reading the stream."""
    spool: Annotated[int, Field(gt=0)] = 100_000
    """How many rows may wait in the store."""

    def mistakes(self, columns: Mapping[str, ColumnKind], *, revises: bool) -> Iterator[tuple[str, str]]:
        """What is wrong with these settings for rows of ``columns``: the key, and a sentence for people.

        Args:
            columns: what a row holds.
            revises: whether a row may be followed by another with its id, or be taken back.
        """
        yield from ()


@dataclass(frozen=True, slots=True)
class SpooledRow:
    """A row that waits in the spool.

    Attributes:
        sequence: grows with every row ever decided; rows leave in this order.
        id: names the row for good: written again, it has the same one.
        key: whose row it is, as text; None where there is no key.
        body: JSON, one object.
    """

    sequence: int
    id: str
    key: str | None
    body: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a try went; rows named in neither place go again.

    Attributes:
        written: sequences of rows that surely arrived.
        refused: sequences of rows that can never be written, with the reason.
        trouble: one sentence for people where not all arrived; no secrets.
    """

    written: Sequence[int] = ()
    refused: Mapping[int, str] = field(default_factory=dict)
    trouble: str = ""


class Sink(Protocol):
    """Writes rows, many at once."""

    def write(self, rows: Sequence[SpooledRow]) -> Outcome:
        """Try once, in order; must return within its own time-out and never raise for what the other side does."""
        ...

    def close(self) -> None:
        """Let go."""
        ...


@runtime_checkable
class Gathering(Protocol):
    """What a sink has beside :class:`Sink` that wants many rows together: they wait in the store meanwhile.

    Attributes:
        at_once: so many rows are given without further waiting, and never more.
        within: so long the oldest waits at most.
    """

    @property
    def at_once(self) -> int: ...  # noqa: D102  told above

    @property
    def within(self) -> timedelta: ...  # noqa: D102  told above


@dataclass(frozen=True, slots=True)
class Prepared:
    """A place for rows that is there now.

    Attributes:
        kind: ``topic``, ``table`` or ``series``.
        name: how it is called there.
        made: it was made just now, and was not there before.
    """

    kind: Literal["topic", "table", "series"]
    name: str
    made: bool


@runtime_checkable
class Preparing(Protocol):
    """What a sink has beside :class:`Sink` that can make the places for its rows before the first one comes."""

    def prepare(self, keys: Sequence[str]) -> Iterable[Prepared]:
        """Make what is missing, for rows of these keys where places are made by key; what is there stays as it is.

        Raises:
            OutsideError: it cannot be made now, or what is there does not fit.
        """
        ...
