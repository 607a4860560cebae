"""What the detectors of a series share: how sensitive they are, what they answer, what they keep per key."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cached_property
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from streamgauge.batch import BoolArray, Column, FloatArray, IntArray
from streamgauge.clock import to_micros
from streamgauge.detectors.contract import Context, Needs
from streamgauge.detectors.judged import Judged, ValueConfig
from streamgauge.detectors.keyed import Held, KeyedState
from streamgauge.kernels import rarity
from streamgauge.kernels.alarms import QUEUE, Alarms, Answers, Rule, new_answers
from streamgauge.rates import HowOften, parse_rate
from streamgauge.settings import PositiveDuration, wrong
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

SENSITIVITY = {"low": 0.5, "medium": 0.3, "high": 0.15}
"""The score at which to alarm."""

SURE = 1.0
"""The strength (a score of one half) that alarms before it is known how rare anything is."""

ALARMS = {
    "rows": Held(np.int64), "open": Held(np.int8), "began": Held(np.int64), "peak": Held(np.float64),
    "recent": Held(np.float64), "high": Held(np.float64), "high_at": Held(np.int64),
    "queue": Held(np.float64, (QUEUE,)), "queue_at": Held(np.int64, (QUEUE,)), "queued": Held(np.int8),
}  # fmt: skip
"""178 bytes per key."""

POOL = {
    "counts": Held(np.float64, (rarity.BINS,), per="whole"),
    "facts": Held(np.float64, (rarity.FACTS,), per="whole"),
}


class SeriesConfig(ValueConfig):
    """What is written beside every series detector's ``type:``."""

    limits: ClassVar[tuple[str, ...]] = ("budget", "sensitivity", "limit")
    """The keys that say when to alarm, of which one may stand."""

    budget: HowOften | None = None
    """How many false alarms the whole monitor may make, over all its keys; default: 1 per week."""
    sensitivity: Literal["low", "medium", "high"] | None = None
    """A fixed limit on the score instead of a budget: low 0.5, medium 0.3, high 0.15."""
    limit: Annotated[float, Field(gt=0, le=1)] | None = None
    """A fixed limit on the score instead of a budget; at 1 it never alarms, and only scores."""
    side: Literal["both", "above", "below"] = "both"
    """Whether values above or below what is usual count, or both."""
    learn: Annotated[int, Field(ge=3)] = 150
    """How many results of a key are only learned from."""
    hold: Annotated[int, Field(ge=1)] | PositiveDuration = 300
    """Only a new high counts among so many results of a key, or within that duration."""
    accept_after: PositiveDuration = timedelta(hours=1)
    """While it alarms a key teaches nothing; a shift that lasts so long is the new level."""
    severity: Literal["warning", "critical"] = "critical"
    """How bad it is."""

    @model_validator(mode="after")
    def _one_limit(self) -> SeriesConfig:
        said = [name for name in self.limits if getattr(self, name) is not None]
        if len(said) > 1:
            raise wrong(said[1], f"`{said[0]}` and `{said[1]}` both say when to alarm; keep one of them")
        return self

    def rule(self) -> Rule:
        """As the kernels take it."""
        fixed = self.limit if self.sensitivity is None else SENSITIVITY[self.sensitivity]
        strength = math.nan if fixed is None else math.inf if fixed == 1 else fixed / (1 - fixed)
        budget = self.budget or parse_rate("1 per week")
        by_time = isinstance(self.hold, timedelta)
        hold = to_micros(self.hold) if isinstance(self.hold, timedelta) else self.hold
        accept = to_micros(self.accept_after)
        return Rule(self.learn, hold, by_time, strength, budget.per_second, SURE, accept)

    def how_bad(self) -> Severity:
        """What its alarms are."""
        return Severity.CRITICAL if self.severity == "critical" else Severity.WARNING

    def which(self) -> int:
        """The side as the kernels take it."""
        return {"both": 0, "above": 1, "below": -1}[self.side]


class SeriesState(KeyedState):
    """The alarms and the pool of strengths, beside what the detector itself keeps."""

    def alarms(self) -> Alarms:
        """For the kernels."""
        return Alarms(*self.named(list(ALARMS)))

    def pool(self) -> rarity.Pool:
        """For the kernels."""
        return rarity.Pool(*self.named(list(POOL)))


def series_needs(judged: Judged, context: Context) -> Needs:
    """Its fields; a key's results must come in order, which records of several partitions do not by themselves."""
    merge: Literal["mergeable", "single"] = "mergeable" if context.windowed else "single"
    return Needs(fields=judged.fields(context), merge=merge, judges_empty=False, waits=False)


def judged_rows(results: WindowResults) -> WindowResults | None:
    """The results that a series is made of: windows that closed and were seen whole; None where all are."""
    left_out = results.early | results.partial
    return None if not left_out.any() else chosen(results, np.nonzero(~left_out)[0])


def chosen(results: WindowResults, keep: IntArray) -> WindowResults:
    """Some of the results, in their order."""
    return WindowResults(
        results.keys, results.slots[keep], results.starts[keep], results.ends[keep], results.at[keep],
        results.offsets[keep], results.early[keep], results.partial[keep],
        {name: column.take(keep) for name, column in results.columns.items()}, {}, results.positions[keep],
        results.watermark, results.rows[keep], apart=None if results.apart is None else results.apart[keep],
    )  # fmt: skip


def apart_of(results: WindowResults) -> BoolArray:
    """bool[n]: the results that teach nothing."""
    return np.zeros(len(results), np.bool_) if results.apart is None else results.apart


def moments(results: WindowResults) -> IntArray:
    """int64[n]: the last moment within each result, by which its hour and weekday are told."""
    last = results.at - 1
    return np.maximum(results.starts, last, out=last)


def room_for(results: WindowResults) -> Answers:
    """Where a kernel writes."""
    return new_answers(len(results))


def answered(
    monitor: str, severity: Severity, seen: tuple[Judged, FloatArray], results: WindowResults, out: Answers,
    evidence: Mapping[str, Column],
) -> Verdicts:  # fmt: skip
    """The verdicts of a step."""
    judged, numbers = seen
    if severity is not Severity.CRITICAL:
        out.severity[out.severity == Severity.CRITICAL] = severity
    return Verdicts(
        monitor, results.keys, results.slots, out.severity, results.at, results.starts, results.ends,
        results.early, results.partial, results.offsets, judged.observed(results, numbers), rows=results.rows,
        positions=results.positions, expected=out.expected, score=out.score, rarity=out.rarity, lower=out.lower,
        upper=out.upper, evidence=evidence,
    )  # fmt: skip


def unusual(streams: tuple[str, ...], out: Answers) -> Mapping[str, Column]:
    """Evidence: which of a detector's ``streams`` was furthest, and the nearest value seen before where there is one."""
    return _Unusual(streams, out)


class _Unusual(Mapping[str, Column]):
    """Put in words when somebody asks: most results are never looked at."""

    def __init__(self, streams: tuple[str, ...], out: Answers) -> None:
        self._streams = streams
        self._out = out

    @cached_property
    def _columns(self) -> dict[str, Column]:
        told = np.where(self._out.score > 0, self._out.spoke, -1)
        nearest = np.where(told >= 0, self._out.nearest, np.nan)
        return {"unusual": _words(self._streams, told), "nearest_seen": Column("float", numbers=nearest)}

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def _words(names: tuple[str, ...], codes: IntArray) -> Column:
    """Texts by their number, missing below 0; made without a loop."""
    import polars as pl

    return Column(
        "string",
        series=pl.Series([*names, None], dtype=pl.String).gather(np.where(codes < 0, len(names), codes)),
    )
