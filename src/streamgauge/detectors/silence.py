"""Tells when something that should speak goes quiet.

When to use it: a country, a device, a service sends records all the time, and its absence is the fault.

**The rule.** Per key, a gap in event time longer than ``after`` opens one incident at (last record +
``after``), once the watermark has passed that moment, with all earlier records read first; the key's next
record ends it. So a backlog of five million records, or ten minutes in which this process was not running,
makes nothing silent that was not. A key counts from its first record; it is dropped ``forget`` after its last
one, and an open incident then ends as *forgotten*, which is not a recovery.

Without ``by`` the whole stream is the one key, and it counts from the moment of attaching: a stream that never
speaks is told, ``after`` of wall clock later, during which all partitions were caught up.

**Learned.** With ``after: learned`` how long is too long follows from each key's own records. A key has a rate
for each hour of the day (``season: week``: of the week, UTC), and a gap is measured in the records that it
should have sent meanwhile, the sum of the rates over the hours that the gap covers: a night in which a key is
always quiet measures next to nothing, so quiet hours and keys that are seldom heard do not page. A gap is told
when it exceeds ``factor`` times the ``quantile`` of the key's earlier gaps, so measured, and is not shorter
than ``min_after``. A key is not told before it has been seen for one season and ``min_gaps`` gaps after it. A
gap that was told teaches the hours, not the gaps: an outage makes nobody patient, and a quiet that comes back
each night is known after a few. A gap shorter than the stream's ``lateness`` beyond its limit may pass untold.

Parameters: ``by`` (field or list; default none), ``after`` (duration, or ``learned``), ``forget`` (duration,
default the stream's ``limits.forget``, 24h); of what is learned ``min_after`` (default 1m), ``factor`` (default
3), ``quantile`` (default 0.99), ``min_gaps`` (default 30), ``season`` (``day``, ``week``). State: 17 bytes per
key, and 28 per gap still open to late records; learned: 360 bytes per key, with weeks 1.5 kB.

>>> from streamgauge.testing import judge
>>> judge("silence", {"after": "30s"}, times=[0.0, 10.0, 55.0, 60.0])
['40.0 critical', '55.0 ok']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag, TypeAdapter, WithJsonSchema

from streamgauge.batch import NEVER, Column, SlotArray
from streamgauge.clock import format_duration, iso, to_micros
from streamgauge.detectors.contract import Context, DetectorConfig, Needs, Picture
from streamgauge.detectors.learned_silence import LearnedSilence
from streamgauge.durations import Duration
from streamgauge.errors import ConfigError
from streamgauge.kernels import gaps as kernels
from streamgauge.kernels import learned_gaps
from streamgauge.settings import Names, PositiveDuration
from streamgauge.state import State, Tables, grown
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

EVENTS = 1024
_SEVERITY = {
    kernels.SILENT: Severity.CRITICAL,
    kernels.HEARD: Severity.OK,
    kernels.FORGOTTEN: Severity.FORGOTTEN,
}


def _kind_of(value: object) -> str:
    return "word" if value == "learned" else "duration"


LearnedOrDuration = Annotated[
    Annotated[Literal["learned"], Tag("word")] | Annotated[Duration, Tag("duration")],
    Discriminator(_kind_of),
    WithJsonSchema({"anyOf": [{"const": "learned"}, TypeAdapter(Duration).json_schema()]}),
]
"""The word, or else a duration: who writes neither is told of durations only."""


class Config(DetectorConfig):
    """``detect: {type: silence, by: country, after: 30s, forget: 24h}``."""

    type: Literal["silence"] = "silence"
    by: Names = ()
    """The field or fields that must each keep speaking; without it, the stream as a whole."""
    after: LearnedOrDuration
    """How long a gap is too long; `learned`: as long as the key's own gaps say."""
    forget: Duration | None = None
    """Drop a key unseen for so long; default: the stream's `limits.forget`."""
    min_after: PositiveDuration = timedelta(minutes=1)
    """Learned: a shorter gap is never told."""
    factor: Annotated[float, Field(ge=1)] = 3.0
    """Learned: so many times the key's long gaps are too long."""
    quantile: Annotated[float, Field(gt=0, lt=1)] = 0.99
    """Learned: so many of a key's gaps are not longer than its long ones."""
    min_gaps: Annotated[int, Field(gt=0)] = 30
    """Learned: a key that has shown fewer gaps is not told."""
    season: Literal["day", "week"] = "day"
    """Learned: quiet hours are those of the day, or of the week."""
    severity: Literal["warning", "critical"] = "critical"
    """How bad it is."""

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """What is learned is another state than what is not, and than that of another season."""
        return ("after", "season") if self.after == "learned" else ()


EXAMPLE = {"detect": {"type": "silence", "by": "key", "after": "4s", "forget": "20s"}}
"""A monitor for the checks of the contract."""


def _countries() -> tuple[list[float], dict[str, list[str]], None]:
    """Three countries that send every ten seconds; one pauses for a minute."""
    every = [(float(t + i), name) for t in range(0, 300, 10) for i, name in enumerate(("NO", "SE", "DK"))]
    heard = [(t, name) for t, name in every if not (name == "SE" and 120 <= t < 190)]
    return [t for t, _ in heard], {"country": [name for _, name in heard]}, None


PICTURE = Picture(
    "silence: SE says nothing for 70 s, is told after 30 s and heard again",
    {"by": "country", "after": "30s"},
    _countries,
    by="country",
)


def build(config: Config, context: Context) -> Silence | LearnedSilence:
    """The detector of one monitor.

    Raises:
        ConfigError: for ``after`` of zero, or where windows come between.
    """
    if context.windowed:
        raise ConfigError("silence listens to single records; leave out `window:`")
    if config.after == "learned":
        return _learned(config, context)
    if config.after <= timedelta(0):
        raise ConfigError(f"after: {format_duration(config.after)} must be longer than zero")
    forget = config.forget if config.forget is not None else context.forget
    if forget <= config.after:
        raise ConfigError(
            f"forget: {format_duration(forget)} must be longer than after: {format_duration(config.after)}, "
            "else keys are dropped before their silence is told"
        )
    severity = Severity.CRITICAL if config.severity == "critical" else Severity.WARNING
    return Silence(context.monitor, config.by, to_micros(config.after), to_micros(forget), severity)


def _learned(config: Config, context: Context) -> LearnedSilence:
    forget = config.forget if config.forget is not None else context.forget
    if forget <= config.min_after:
        raise ConfigError(
            f"min_after: {format_duration(config.min_after)} must be shorter than forget: {format_duration(forget)}, "
            "else keys are dropped before their silence is told"
        )
    rule = learned_gaps.Rule(
        {"day": 24, "week": 168}[config.season], to_micros(forget), to_micros(config.min_after), config.min_gaps,
        config.quantile, config.factor,
    )  # fmt: skip
    severity = Severity.CRITICAL if config.severity == "critical" else Severity.WARNING
    return LearnedSilence(context.monitor, config.by, rule, severity)


class SilenceState:
    """See :class:`streamgauge.kernels.gaps.Gaps`; ``told`` is set while a stream never heard is told silent."""

    version = 1

    def __init__(self) -> None:
        rows = np.full(64, -1, np.int32)
        self.gaps = kernels.Gaps(
            np.zeros(0, np.int64), np.zeros(0, np.int8), np.zeros(0, np.int32),
            rows.copy(), np.zeros(64, np.int64), np.zeros(64, np.int64), rows.copy(), rows.copy(),
            np.array([0, 0, kernels.LATER], np.int64),
        )  # fmt: skip
        self.told = np.zeros(1, np.int64)

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        g = self.gaps
        if slots > len(g.covered):
            self.gaps = g._replace(
                covered=grown(g.covered, slots, kernels.UNSEEN),
                silent=grown(g.silent, slots, 0),
                waiting=grown(g.waiting, slots, -1),
            )

    def more_stretches(self) -> None:
        """Double the pool of waiting stretches."""
        g, rows = self.gaps, 2 * len(self.gaps.slot)
        names = ("slot", "first", "last", "next", "free")
        self.gaps = g._replace(**{name: grown(getattr(g, name), rows, -1) for name in names})

    def tables(self) -> Tables:
        """Keys, waiting stretches, and whether the stream was told silent before it ever spoke."""
        g = self.gaps
        used = int(g.counts[kernels.USED])
        return {
            "keys": {"covered": g.covered, "silent": g.silent},
            "stretches": {"slot": g.slot[:used], "first": g.first[:used], "last": g.last[:used]},
            "told": {"at": self.told},
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved keys and chain their stretches again."""
        keys, stretches = tables["keys"], tables["stretches"]
        self.make_room(len(keys["covered"]))
        self.gaps.covered[: len(keys["covered"])] = keys["covered"]
        self.gaps.silent[: len(keys["silent"])] = keys["silent"]
        used = len(stretches["slot"])
        while len(self.gaps.slot) < used:
            self.more_stretches()
        g = self.gaps
        g.slot[:used], g.first[:used], g.last[:used] = (
            stretches["slot"],
            stretches["first"],
            stretches["last"],
        )
        free = np.nonzero(g.slot[:used] < 0)[0]
        g.free[: len(free)] = free
        g.counts[:] = (used, len(free), NEVER)
        live = np.nonzero(g.slot[:used] >= 0)[0]
        for r in live[
            np.lexsort((-g.first[live], g.slot[live]))
        ].tolist():  # latest first: each goes in front
            g.next[r] = g.waiting[g.slot[r]]
            g.waiting[g.slot[r]] = r
        self.told[:] = tables["told"]["at"]


@dataclass(frozen=True, slots=True)
class Silence:
    """See the module's text."""

    monitor: str
    by: tuple[str, ...]
    after: int
    forget: int
    severity: Severity

    @property
    def needs(self) -> Needs:
        """Its own grouping; single records."""
        return Needs(by=self.by, fields=frozenset(self.by), judges_empty=False)

    def initial(self) -> SilenceState:
        """No key known."""
        return SilenceState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Take in records and judge all that the watermark allows."""
        assert isinstance(state, SilenceState)
        state.make_room(len(results.keys))
        events = _new_events()
        told = self._unheard(state, results)
        parts = [told] if told is not None else []
        at, count = 0, len(results)
        while at < count:
            assert results.before is not None
            assert results.closing is not None
            at = kernels.listen(
                at, results.slots, results.at, results.before, results.closing, results.positions,
                state.gaps, events, self.after, self.forget,
            )  # fmt: skip
            parts.append(_taken(events))
            g = state.gaps
            if at < count and len(g.slot) - g.counts[kernels.USED] + g.counts[kernels.FREE] < 1:
                state.more_stretches()
        position = int(results.positions[-1]) + 1 if count else 0
        if results.watermark >= state.gaps.counts[kernels.UNTIL]:
            slot = 0
            while slot < len(state.gaps.covered):
                slot = kernels.judge_all(
                    slot, results.watermark, position, state.gaps, events, self.after, self.forget
                )
                parts.append(_taken(events))
        return self._verdicts(results, [part for part in parts if len(part[0])])

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, SilenceState)
        held = slots[slots < len(state.gaps.covered)]
        state.gaps.covered[held] = kernels.UNSEEN
        state.gaps.silent[held] = 0

    def _unheard(self, state: SilenceState, results: WindowResults) -> tuple[np.ndarray, ...] | None:
        """Told silent before it ever spoke, and heard at last: only for the one key without ``by``."""
        if self.by:
            return None
        if results.unheard is not None and not state.told[0]:
            idle, wall = results.unheard
            if idle >= self.after:
                state.told[0] = wall
                slot = int(results.keys.whole(1)[0])
                state.make_room(len(results.keys))
                return _one(kernels.SILENT, slot, wall, wall - self.after, 0, -1)
        if state.told[0] > 0 and len(results):
            at, state.told[0] = int(state.told[0]), -1
            first = int(results.at[0])
            return _one(kernels.HEARD, int(results.slots[0]), max(first, at), at - self.after, 1, 0)
        return None

    def _verdicts(self, results: WindowResults, parts: Sequence[tuple[np.ndarray, ...]]) -> Verdicts:
        columns = (
            [np.concatenate(column) for column in zip(*parts, strict=True)]
            if parts
            else _one(0, 0, 0, 0, 0, 0)
        )
        if not parts:
            columns = [column[:0] for column in columns]
        kind, slot, at, since, position, record = columns
        position = self._decided(results, columns)
        order = np.argsort(position, kind="stable")
        kind, slot, at, since, record = kind[order], slot[order], at[order], since[order], record[order]
        answers = np.array([_SEVERITY[k] for k in kind.tolist()], np.int8)
        answers[answers == Severity.CRITICAL] = self.severity
        no = np.zeros(len(kind), np.bool_)
        heard = record >= 0
        offsets = np.where(heard, results.offsets[record] if len(results) else -1, -1)
        rows = np.where(heard, results.rows[record] if len(results) else -1, -1)
        # A record from within the gap that comes too late ends the silence at once: its window is a longer one.
        ends = np.where(kind == kernels.HEARD, np.maximum(at, since + self.after + 1), since + self.after)
        observed = {
            "silent_seconds": Column("float", numbers=(at - since) / 1e6),
            "last_seen": Column("string", values=[iso(moment) for moment in since.tolist()]),
        }
        return Verdicts(
            self.monitor, results.keys, slot.astype(np.int32), answers, at, since, ends, no, no, offsets,
            observed, rows=rows, positions=position[order],
            expected=f"a record at least every {format_duration(timedelta(microseconds=self.after))}",
        )  # fmt: skip

    def _decided(self, results: WindowResults, columns: Sequence[np.ndarray]) -> np.ndarray:
        """How many records were read when time allowed each answer, wherever in the step it was worked out."""
        kind, _, at, since, position, record = columns
        assert results.marks is not None
        # A gap is longer than ``after`` from the next microsecond on; until then a record may just be in time.
        due = np.where(kind == kernels.FORGOTTEN, at, since + self.after + 1)
        return np.where(record >= 0, position, np.searchsorted(results.marks, due, "left"))


def _new_events() -> kernels.Events:
    return kernels.Events(
        np.empty(EVENTS, np.int8), np.empty(EVENTS, np.int32), np.empty(EVENTS, np.int64),
        np.empty(EVENTS, np.int64), np.empty(EVENTS, np.int64), np.empty(EVENTS, np.int64), np.zeros(1, np.int64),
    )  # fmt: skip


def _taken(events: kernels.Events) -> tuple[np.ndarray, ...]:
    count = int(events.told[0])
    events.told[0] = 0
    return tuple(column[:count].copy() for column in events[:-1])


def _one(*values: int) -> tuple[np.ndarray, ...]:
    return tuple(np.array([value], np.int64) for value in values)
