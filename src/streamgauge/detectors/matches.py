"""What all event rules share: a record that matches opens an incident, and it ends when none has come for a while.

A rule about single records (``any``, ``blocklist``, ``change`` …) has no value that could be fine again. So its
incident goes on while matches of its key keep coming, and resolves ``resolve_after`` of event time after the last one:
what Alertmanager does with an alert that is no longer sent. Each match is a verdict; the end is one more, ``ok``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Aside, Column, ColumnKind, FieldKind, IntArray
from streamgauge.clock import format_duration, to_micros
from streamgauge.detectors.contract import Context, DetectorConfig
from streamgauge.errors import ConfigError
from streamgauge.kernels import matches as kernels
from streamgauge.settings import Names, PositiveDuration, nearest
from streamgauge.state import Tables, grown
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

FieldNames = Annotated[Names, Field(min_length=1)]
"""One field or several; at least one."""


class EventRuleConfig(DetectorConfig):
    """The keys that every event rule has; a rule's own keys stand before them."""

    by: Names = ()
    """The field or fields whose values each have an incident of their own; without it, one for all."""
    resolve_after: PositiveDuration = timedelta(minutes=5)
    """The incident ends when no record of the key has matched for so long (event time)."""
    severity: Literal["warning", "critical"] = "critical"
    """How bad it is."""


def check_records(config: EventRuleConfig, context: Context) -> None:
    """Raises ConfigError where windows come between, or where keys would be forgotten with an incident open."""
    if context.windowed:
        raise ConfigError(f"{config.type} judges single records; leave out `window:`")
    if config.resolve_after >= context.forget:
        raise ConfigError(
            f"resolve_after: {format_duration(config.resolve_after)} must be shorter than the stream's limits.forget "
            f"({format_duration(context.forget)}), after which a key is forgotten"
        )


def check_fields(key: str, names: Sequence[str], context: Context) -> None:
    """Raises ConfigError, said at ``key``, for a name that is no field."""
    for name in names:
        if name not in context.columns:
            raise ConfigError(f"{key}: unknown field `{name}`; {nearest(name, context.columns)}")


class Stretches:
    """Per key, the stretch of matches that is open: 16 bytes."""

    version = 1

    def __init__(self) -> None:
        self.last = np.zeros(0, np.int64)
        self.counts = np.zeros(0, np.int64)
        self.until = kernels.LATER  # no stretch ends before this

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        self.last = grown(self.last, slots, kernels.NONE_OPEN)
        self.counts = grown(self.counts, slots, 0)

    def tables(self) -> Tables:
        """One row per key."""
        return {"keys": {"last": self.last, "matches": self.counts}}

    def restore(self, tables: Tables) -> None:
        """Take over saved keys."""
        keys = tables["keys"]
        self.make_room(len(keys["last"]))
        self.last[: len(keys["last"])] = keys["last"]
        self.counts[: len(keys["last"])] = keys["matches"]
        self.until = kernels.NONE_OPEN  # look at the first occasion

    def drop(self, slots: IntArray | np.ndarray) -> None:
        """Forget keys whose slots are given back."""
        held = slots[slots < len(self.last)]
        self.last[held] = kernels.NONE_OPEN
        self.counts[held] = 0


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found among the results of one step; columns of one length m.

    Attributes:
        rows: int64[m], indices into the results, ascending.
        observed: what people see of each.
        expected: for all of them, or one text per row.
        learning: bool[m]: rows that only say that something was learned.
        evidence: columns that stand beside, where there is more to say.
    """

    rows: IntArray
    observed: Mapping[str, Column]
    expected: str | Sequence[str]
    learning: np.ndarray | None = None
    evidence: Mapping[str, Column] = field(default_factory=dict)


NOTHING = Found(np.empty(0, np.int64), {}, "")


@dataclass(frozen=True, slots=True)
class Telling:
    """How an event rule's matches become verdicts.

    Attributes:
        monitor: whose verdicts they are.
        severity: of a match.
        quiet: microseconds without a match that end an incident.
    """

    monitor: str
    severity: Severity
    quiet: int

    @classmethod
    def of(cls, config: EventRuleConfig, context: Context) -> Telling:
        """As the rule's configuration says."""
        severity = Severity.CRITICAL if config.severity == "critical" else Severity.WARNING
        return cls(context.monitor, severity, to_micros(config.resolve_after))

    def tell(self, state: Stretches, results: WindowResults, found: Found) -> Verdicts:
        """The verdicts of one step: each match, what was learned, and each end that time or a match brought."""
        state.make_room(len(results.keys))
        learned = np.zeros(len(found.rows), np.bool_) if found.learning is None else found.learning
        matched = found.rows[~learned]
        out = np.zeros((3 * len(matched), 5), np.int64)
        count = 0
        if len(matched):
            assert results.closing is not None
            count = kernels.take_in(
                matched, results.slots, results.at, results.closing, state.last, state.counts, out, self.quiet
            )
            state.until = min(state.until, int(state.last[results.slots[matched]].min()) + self.quiet)
        answers = np.concatenate([out[:count], self._over(state, results)])
        return self._verdicts(results, found, answers, np.nonzero(learned)[0])

    def _over(self, state: Stretches, results: WindowResults) -> np.ndarray:
        """int64[m, 5]: the stretches that end at the watermark; looked for only when one may."""
        if results.watermark < state.until:
            return np.empty((0, 5), np.int64)
        open_ = np.nonzero(state.last != kernels.NONE_OPEN)[0]
        due = state.last[open_] + self.quiet
        ended = open_[due <= results.watermark]
        state.until = int(due[due > results.watermark].min(initial=kernels.LATER))
        rows = np.full((len(ended), 5), -1, np.int64)
        rows[:, 0], rows[:, 1] = kernels.TIMED_OUT, ended
        rows[:, 2], rows[:, 4] = state.last[ended] + self.quiet, state.counts[ended]
        state.last[ended], state.counts[ended] = kernels.NONE_OPEN, 0
        return rows

    def _verdicts(
        self, results: WindowResults, found: Found, answers: np.ndarray, learned: np.ndarray
    ) -> Verdicts:
        rows = _with_learned(answers, found, results, learned)
        kind, slot, at, row = rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3]
        by_record = kind != kernels.TIMED_OUT
        assert results.marks is not None
        position = np.where(
            by_record, _at(results.positions, row), np.searchsorted(results.marks, at, "left")
        )
        order = np.lexsort((
            np.where(by_record, np.arange(len(rows)), slot), np.where(by_record, 0, at), ~by_record, position
        ))  # fmt: skip
        rows, position = rows[order], position[order]
        kind, slot, at, row = rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3]
        begun = (kind == kernels.BEGUN) | (kind == _LEARNED)
        severities = np.where(begun, self.severity, Severity.OK).astype(np.int8)
        severities[kind == _LEARNED] = Severity.LEARNING
        no = np.zeros(len(rows), np.bool_)
        place = np.where(begun, np.searchsorted(found.rows, row), -1)
        return Verdicts(
            self.monitor, results.keys, slot.astype(np.int32), severities, at, np.where(begun, at, at - self.quiet),
            at, no, no, np.where(begun, _at(results.offsets, row), -1), self._observed(found, place, rows),
            rows=np.where(begun, _at(results.rows, row), -1), positions=position,
            expected=_expected(found, place), evidence={n: _placed(c, place) for n, c in found.evidence.items()},
        )  # fmt: skip

    def _observed(self, found: Found, place: np.ndarray, rows: np.ndarray) -> dict[str, Column]:
        """What was seen; from the second match on how many there were; at the end, that no more came."""
        ended = (place < 0).tolist()
        counts = [n if over or n > 1 else None for n, over in zip(rows[:, 4].tolist(), ended, strict=True)]
        words = format_duration(timedelta(microseconds=self.quiet))
        return {
            **{name: _placed(column, place) for name, column in found.observed.items()},
            "matches": Aside("int", values=counts),
            "none_for": Aside("string", values=[words if over else None for over in ended]),
        }


_LEARNED = 3


def _with_learned(
    answers: np.ndarray, found: Found, results: WindowResults, learned: np.ndarray
) -> np.ndarray:
    """With the rows that only taught something among the answers, in the order of their records."""
    if not len(learned):
        return answers
    more = np.zeros((len(learned), 5), np.int64)
    at = found.rows[learned]
    more[:, 0], more[:, 1], more[:, 2], more[:, 3] = _LEARNED, results.slots[at], results.at[at], at
    return np.concatenate([answers, more])


def _at(column: IntArray, row: np.ndarray) -> np.ndarray:
    return column[np.maximum(row, 0)] if len(column) else np.full(len(row), -1, np.int64)


def _placed(column: Column, place: np.ndarray) -> Column:
    """The values of the matches; nothing to say elsewhere."""
    taken = column.take(np.maximum(place, 0)).values() if len(column) else [None] * len(place)
    return Aside(
        column.kind, values=[v if p >= 0 else None for v, p in zip(taken, place.tolist(), strict=True)]
    )


def _expected(found: Found, place: np.ndarray) -> list[str | None]:
    """Of matches only: an end says the same whatever else its step found."""
    if isinstance(found.expected, str):
        return [found.expected if p >= 0 else None for p in place.tolist()]
    return [found.expected[p] if p >= 0 else None for p in place.tolist()]


def picked(results: WindowResults, names: Sequence[str], rows: IntArray) -> dict[str, Column]:
    """Those fields of the records ``rows``; of none, nothing (a step without records may have no columns)."""
    if not len(rows):
        return {}
    return {name: results.columns[name].take(rows) for name in names}


def plain_values(column: Column) -> list[Any]:
    """The values of a column, None where missing: NaN is missing too."""
    values = column.values()
    return [None if v != v else v for v in values] if column.kind == "float" else values  # noqa: PLR0124  NaN


def fits(value: Any, kind: FieldKind | ColumnKind) -> bool:
    """Whether a written value can occur in a field of that kind."""
    if kind == "string":
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool)
    return isinstance(value, (int, float)) and not isinstance(value, bool)
