"""The contract of a detector: config (frozen) + state (plain, versioned) + ``step``.

A detector imports no source, no engine and no clock. ``step`` owns its state and is deterministic; passing
time is an empty :class:`~streamgauge.windows.contract.WindowResults` with a later watermark. Any split of a
stream gives the same verdicts, and so does a snapshot taken anywhere and restored; the checks in
:mod:`streamgauge.conformance` hold every detector to this.

A module in this folder offers::

    class Config(DetectorConfig): ...      # frozen pydantic model: the keys beside ``type:``
    def build(config: Config, context: Context) -> Detector: ...
    EXAMPLE = {"window": …, "detect": …}   # a monitor for streamgauge.conformance.check_detector
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, Protocol

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
    """

    monitor: str
    columns: Mapping[str, ColumnKind]
    rising: frozenset[str] = frozenset()
    windowed: bool = True
    forget: timedelta = timedelta(hours=24)


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
