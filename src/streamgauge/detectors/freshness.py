"""Tells when the newest data is too old, even though records come.

When to use it: records carry a moment of their own (``updated_at`` of a row, ``measured_at`` of a reading), and
a copy, a cache or a batch job behind the stream goes on repeating yesterday's.

**The rule.** Per key, let f be the largest ``of`` seen so far (the event time itself where ``of`` is not
given), at most the time of the record that brought it. Once the stream's time has passed f + ``after``, the key
is stale: one incident, at that moment or at the record that brought only old data. It resolves at the record by
which f is within ``after`` of the stream's time again. A missing ``of`` brings nothing new. Time is the
watermark: a backlog is read first, and makes nothing stale that was not; what was stale for less than the
stream's ``lateness`` may pass untold. A key is dropped ``forget`` after its last record; an open incident then
ends as *forgotten*.

Parameters: ``of`` (timestamp field, default the event time), ``by`` (field or list; default none), ``after``
(duration), ``forget`` (duration, default the stream's ``limits.forget``, 24h), ``severity`` (default
``critical``). It learns nothing. State: 25 bytes per key. Where records should come and do not, take
[`silence`](silence.md), which can also learn how long is too long.

>>> from streamgauge.testing import judge
>>> judge("freshness", {"after": "30s"}, times=[0.0, 10.0, 55.0, 60.0])
['40.0 critical', '55.0 ok']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from streamgauge.batch import Column, FloatArray, SlotArray
from streamgauge.clock import format_duration, iso, to_micros
from streamgauge.detectors.contract import Context, DetectorConfig, Needs, Picture
from streamgauge.detectors.matches import check_fields
from streamgauge.errors import ConfigError
from streamgauge.kernels import freshness as kernels
from streamgauge.settings import Names, PositiveDuration
from streamgauge.state import State, Tables, grown
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

_SEVERITY = {
    kernels.STALE: Severity.CRITICAL,
    kernels.FRESH: Severity.OK,
    kernels.FORGOTTEN: Severity.FORGOTTEN,
}


class Config(DetectorConfig):
    """``detect: {type: freshness, of: updated_at, by: table, after: 1h}``."""

    type: Literal["freshness"] = "freshness"
    of: str | None = None
    """The timestamp whose newest value is judged; default: the event time."""
    by: Names = ()
    """The field or fields whose values are judged one by one; without it, the stream as a whole."""
    after: PositiveDuration
    """How old the newest data may be."""
    forget: PositiveDuration | None = None
    """Drop a key unseen for so long; default: the stream's `limits.forget`."""
    severity: Literal["warning", "critical"] = "critical"
    """How bad it is."""


EXAMPLE = {"detect": {"type": "freshness", "by": "key", "after": "3s", "forget": "20s"}}
"""A monitor for the checks of the contract."""


def _copies() -> tuple[list[float], dict[str, list[str]], None]:
    """Rows of three tables; one is not copied for a minute."""
    rows = [
        (float(t + i), name) for t in range(0, 240, 6) for i, name in enumerate(("orders", "users", "stock"))
    ]
    kept = [(t, name) for t, name in rows if not (name == "users" and 90 <= t < 150)]
    return [t for t, _ in kept], {"table": [name for _, name in kept]}, None


PICTURE = Picture(
    "freshness: the newest row of users is older than 20 s",
    {"by": "table", "after": "20s"},
    _copies,
    by="table",
)


def build(config: Config, context: Context) -> Freshness:
    """The detector of one monitor.

    Raises:
        ConfigError: where the field or the window does not fit.
    """
    if context.windowed:
        raise ConfigError("freshness listens to single records; leave out `window:`")
    if config.of is not None:
        check_fields("of", [config.of], context)
        if context.columns[config.of] != "timestamp":
            raise ConfigError(f"of: `{config.of}` is a {context.columns[config.of]}; declare it as timestamp")
    forget = config.forget if config.forget is not None else context.forget
    if forget <= config.after:
        raise ConfigError(
            f"forget: {format_duration(forget)} must be longer than after: {format_duration(config.after)}, "
            "else keys are dropped before they are told"
        )
    severity = Severity.CRITICAL if config.severity == "critical" else Severity.WARNING
    reads = frozenset(config.by) | (frozenset() if config.of is None else {config.of})
    return Freshness(
        context.monitor, config.of, (to_micros(config.after), to_micros(forget)), severity,
        Needs(by=config.by, fields=reads, judges_empty=False),
        f"{config.of or 'event time'} no older than {format_duration(config.after)}",
    )  # fmt: skip


class FreshState:
    """See :func:`streamgauge.kernels.freshness.take_in`."""

    version = 1

    def __init__(self) -> None:
        self.keys = np.zeros((0, 3), np.int64)
        self.stale = np.zeros(0, np.int8)
        self.until = kernels.LATER

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        self.keys = grown(self.keys, slots, kernels.UNSEEN)
        self.stale = grown(self.stale, slots, 0)

    def tables(self) -> Tables:
        """One row per key."""
        newest, raised, seen = self.keys.T
        return {"keys": {"newest": newest, "raised": raised, "seen": seen, "stale": self.stale}}

    def restore(self, tables: Tables) -> None:
        """Take over saved keys."""
        keys = tables["keys"]
        held = len(keys["newest"])
        self.make_room(held)
        for c, name in enumerate(("newest", "raised", "seen")):
            self.keys[:held, c] = keys[name]
        self.stale[:held] = keys["stale"]
        self.until = kernels.UNSEEN  # look at the first occasion


@dataclass(frozen=True, slots=True)
class Freshness:
    """See the module's text."""

    monitor: str
    of: str | None
    rule: tuple[int, int]
    severity: Severity
    needs: Needs
    expected: str

    def initial(self) -> FreshState:
        """No key known."""
        return FreshState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Take in records and judge all that the watermark allows."""
        assert isinstance(state, FreshState)
        state.make_room(len(results.keys))
        rule, told = np.array(self.rule, np.int64), np.zeros(1, np.int64)
        out = np.empty((5 * len(results), kernels.COLUMNS), np.int64)
        if len(results):
            assert results.closing is not None
            assert results.marks is not None
            kernels.take_in(
                results.slots, results.at, self._values(results), results.closing, results.marks[results.positions],
                state.keys, state.stale, out, told, rule,
            )  # fmt: skip
            state.until = min(state.until, int(state.keys[results.slots, 0].min()) + self.rule[0])
        found = [out[: int(told[0])]]
        if results.watermark >= state.until:
            told[0] = 0
            out = np.empty((2 * len(state.keys), kernels.COLUMNS), np.int64)
            state.until = kernels.judge_all(results.watermark, state.keys, state.stale, out, told, rule)
            found.append(out[: int(told[0])])
        return self._verdicts(results, np.concatenate(found))

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, FreshState)
        held = slots[slots < len(state.keys)]
        state.keys[held] = kernels.UNSEEN
        state.stale[held] = 0

    def _values(self, results: WindowResults) -> FloatArray:
        return results.at.astype(np.float64) if self.of is None else results.columns[self.of].numbers()

    def _verdicts(self, results: WindowResults, answers: np.ndarray) -> Verdicts:
        due, row = answers[:, 4], answers[:, 5]
        assert results.marks is not None
        heard = row >= 0
        at_row = results.positions[np.maximum(row, 0)] if len(results) else row
        position = np.where(heard, at_row, np.searchsorted(results.marks, due, "left"))
        order = np.lexsort((np.where(heard, row, answers[:, 1]), np.where(heard, 0, due), ~heard, position))
        kind, slot, at, newest, _, row = answers[order].T
        severities = np.array([_SEVERITY[k] for k in kind.tolist()], np.int8)
        severities[severities == Severity.CRITICAL] = self.severity
        no, heard = np.zeros(len(kind), np.bool_), row >= 0
        observed = {
            "age_seconds": Column("float", numbers=np.maximum(at - newest, 0) / 1e6),
            "newest": Column("string", values=[iso(moment) for moment in newest.tolist()]),
        }
        none = np.full(len(kind), -1, np.int64)
        return Verdicts(
            self.monitor, results.keys, slot.astype(np.int32), severities, at, np.minimum(newest, at), at, no, no,
            np.where(heard, results.offsets[np.maximum(row, 0)], -1) if len(results) else none, observed,
            rows=np.where(heard, results.rows[np.maximum(row, 0)], -1) if len(results) else none,
            positions=position[order], expected=self.expected,
        )  # fmt: skip
