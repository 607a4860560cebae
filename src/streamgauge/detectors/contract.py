"""The contract of a detector: config (frozen) + state (plain, versioned) + ``step``.

A detector imports no source, no engine and no clock. ``step`` owns its state and is deterministic; passing
time is an empty :class:`~streamgauge.windows.contract.WindowResults` with a later watermark. Any split of a
stream gives the same verdicts, and so does a snapshot taken anywhere and restored; the checks in
:mod:`streamgauge.conformance` hold every detector to this.

A module in this folder offers::

    class Config(DetectorConfig): ...      # frozen pydantic model: the keys beside ``type:``
    def build(config: Config, context: Context) -> Detector: ...
    EXAMPLE = {"window": …, "detect": …}   # a monitor for streamgauge.conformance.check_detector
    PICTURE = Picture(…)                   # optional: a small run, drawn on its page of the docs
    def computes(config, kinds) -> Mapping[str, Part]: ...  # optional: what its window keeps for it

**What a window keeps for it.** Where ``compute:`` cannot say what a detector needs (bins of a reference, say), it asks
for it by ``computes``, given the kinds of the stream's fields: names with aggregates, parsed ones or
:class:`~streamgauge.windows.collected.tally.Tallied`. They come in ``results.columns`` like others, and nobody else sees
them: neither rows nor people.

**What it reads.** Behind a window, ``results.columns`` holds what ``compute:`` makes. Without one each record is a
result of its own, and ``results.columns`` holds the fields named by ``Needs.fields`` (only those are decoded).
A detector of one number takes it by :mod:`streamgauge.detectors.judged`: the key ``value:``, or the only number.

**What it answers.** Rules: a severity. All others also ``score`` (strength in [0, 1], comparable over the keys of a
monitor), ``rarity`` (how often, per second, quiet data of this monitor reach that score), ``expected``, ``lower``,
``upper``, and ``learning`` or ``not_enough_data`` while they cannot know, never a number.

**What it learns from.** A detector with a baseline judges every result, but takes no lesson from those in
``results.apart`` (within maintenance, or while an incident of its key is open), nor from a key's results while it alarms
itself for that key, until ``accept_after`` of event time: then the new level is the normal one. All of that follows from
its own state, the results' event times and what became of its verdicts, so a replay learns the same.

**Kernels.** Its row loop stands in ``kernels/``, one file per family, see :mod:`streamgauge.kernels.jit`: compiled and
plain must agree to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Literal, Protocol

from streamgauge.batch import ColumnKind, SlotArray
from streamgauge.settings import Settings
from streamgauge.state import State
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import Watch, WindowResults


class DetectorConfig(Settings):
    """Base of every detector's configuration: frozen, unknown keys are errors."""

    type: str


@dataclass(frozen=True, slots=True)
class Context:
    """What a detector may know about its surroundings when it is built.

    Attributes:
        monitor: the monitor's name, for verdicts and messages.
        columns: the columns its results will carry, with their kinds.
        rising: the columns that never fall while a window fills (count, distinct, max, sum of a field
            declared ``min: 0``).
        windowed: whether it sees windows (else single records).
        forget: how long after its last record a key of the stream is forgotten.
        size, advance: microseconds that a window is long, and that windows begin apart; 0 where they lie on no grid.
        masked: fields that must not be shown.
        early: whether its window reports before it closes, at limits that a detector watches.
        include_empty: whether windows without records are results like others, each once and in its turn. Without it
            they are only asked about while an incident is open, and at any time: a state must not answer then.
        zeros: the columns that are 0 in a window without records; the others are missing there.
    """

    monitor: str
    columns: Mapping[str, ColumnKind]
    rising: frozenset[str] = frozenset()
    windowed: bool = True
    forget: timedelta = timedelta(hours=24)
    size: int = 0
    advance: int = 0
    masked: frozenset[str] = frozenset()
    early: bool = False
    zeros: frozenset[str] = frozenset()
    include_empty: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A small run that is drawn on a detector's page: as in :func:`streamgauge.testing.judge`, made by a function.

    Attributes:
        title: one line: what is seen and when it speaks.
        config: what stands beside ``type:``.
        run: makes the moments (seconds), the values (one series, or several fields by name), and the keys or None;
            seeded, so that it gives the same each time.
        compute, size: the window, as in ``judge``; none of both = single records.
        value: the field or result that is drawn; default: the first number observed.
        by: draw no curve but a row of dots per value of this field: the records, and when it spoke of them.
    """

    title: str
    config: Mapping[str, Any]
    run: Callable[
        [], tuple[Sequence[float], Sequence[Any] | Mapping[str, Sequence[Any]], Sequence[str] | None]
    ]
    compute: Mapping[str, str] | None = None
    size: str | int | None = None
    value: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class Needs:
    """What a detector asks of the path before it.

    Attributes:
        watches: limits at which the window shall report early.
        fields: fields of the stream that it reads (record detectors).
        by: grouping that the detector itself declares (``silence`` has no window).
        merge: how its state behaves over partitions: ``mergeable`` when the order across partitions does
            not matter, ``single`` when it does.
        judges_empty: whether windows without records are judged for keys with an open incident. Such a
            window must not change the detector's state: it may be asked about more of them than count.
        waits: whether time alone may make it speak. One that does not is left alone in steps without results.
    """

    watches: Sequence[Watch] = ()
    fields: frozenset[str] = field(default_factory=frozenset)
    by: tuple[str, ...] | None = None
    merge: Literal["mergeable", "single"] = "mergeable"
    judges_empty: bool = True
    waits: bool = True


class Detector(Protocol):
    """Judges results, one step after the other."""

    @property
    def needs(self) -> Needs:
        """What it asks of the path before it."""
        ...

    def initial(self) -> State:
        """A fresh state."""
        ...

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge ``results`` in their order; answers may be fewer or more than results."""
        ...

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget what is held under ``slots``: their keys were forgotten."""
        ...
