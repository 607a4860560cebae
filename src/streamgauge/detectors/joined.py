"""What the detectors of model quality share: predictions joined by id with labels that come later.

Predictions and labels are records of one stream: a record with the ``prediction`` field is a prediction, one with the
``label`` field is a label, one with both is both. Where they lie on two topics, read both as one stream
(``source: {type: kafka, topics: [predictions, labels]}``).

Windows are cut by the time of the prediction. At each full ``revise`` of event time every window that has ended and of
which something is new is told, with its number of ``revision``; ``label_wait`` after its end it is told a last time
and forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamgauge.batch import NEVER, Aside, Column, ColumnKind, FloatArray, IntArray, SlotArray
from streamgauge.clock import to_micros
from streamgauge.detectors.contract import Context, DetectorConfig, Needs
from streamgauge.detectors.pairing import PairingState
from streamgauge.detectors.threshold import turned_round
from streamgauge.errors import ConfigError
from streamgauge.expressions import Expression, parse_condition
from streamgauge.settings import Names, PositiveDuration, nearest
from streamgauge.state import State
from streamgauge.statistics.quality import COUNTS, Measure
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

Reading = Callable[[Column], FloatArray]
"""A column of predictions or labels to numbers, NaN = missing."""

TALLIES: Mapping[str, ColumnKind] = {
    "predictions": "int", "labels": "int", "unlabelled": "int", "revision": "int", "changed_labels": "int",
    "repeated_predictions": "int", "left_out": "int", "labels_without_prediction": "int",
}  # fmt: skip
"""What is counted beside the measures."""
CHIEF = ("precision", "recall", "accuracy", "mae", "bias", "labels", "unlabelled", "revision")
"""What is observed; the rest is evidence."""
_ASIDE = ("changed_labels", "repeated_predictions", "left_out", "labels_without_prediction")


class JoinedConfig(DetectorConfig):
    """The keys that both detectors of model quality have."""

    id: str
    """The field that names a prediction and its label."""
    prediction: str
    """The field that holds the prediction; a record without it is none."""
    label: str
    """The field that holds the truth; a record without it brings none."""
    by: Names = ()
    """The field or fields whose values are judged each for itself; labels must carry them too."""
    size: PositiveDuration = timedelta(hours=1)
    """How long the windows of prediction time are."""
    label_wait: PositiveDuration = timedelta(days=1)
    """How long after its window's end a label still counts."""
    revise: PositiveDuration | None = None
    """How often windows that got new labels are told again; default: `size`."""
    min_labels: Annotated[int, Field(ge=1)] = 100
    """With fewer labels in a window the answer is `not_enough_data`."""
    when: str | None = None
    """The condition on a window's measures at which it fires; without it nothing fires."""
    clear_when: str | None = None
    """The condition at which it is clear again; default: `when` does not hold."""
    severity: Literal["warning", "critical"] = "critical"
    """How bad it is."""
    max_waiting: Annotated[int, Field(ge=1)] = 1_000_000
    """Ids that are remembered at a time; predictions beyond are left out and counted."""

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """What the state depends on."""
        return ("id", "prediction", "label", "size")


def check_joined(config: JoinedConfig, context: Context) -> None:
    """Raises ConfigError for fields that do not fit, and behind a window."""
    if context.windowed:
        raise ConfigError(
            f"{config.type} cuts windows by the time of the prediction; leave out `window:` and write `size:`"
        )
    for key in ("id", "prediction", "label"):
        name = getattr(config, key)
        if name not in context.columns:
            raise ConfigError(f"{key}: unknown field `{name}`; {nearest(name, context.columns)}")
    if config.prediction == config.label:
        raise ConfigError(
            f"label: `{config.label}` is the prediction too; name the field that holds the truth"
        )


def make(
    config: JoinedConfig,
    context: Context,
    readings: tuple[Reading, Reading],
    measures: tuple[Measure, Sequence[str]],
) -> Joined:
    """The detector of one monitor.

    Args:
        config: as in ``build``.
        context: likewise.
        readings: of predictions and of labels.
        measures: what is measured, and the names of all that it gives.

    Raises:
        ConfigError: for fields that do not fit.
        ExpressionError: for a condition that does not fit the measures.
    """
    check_joined(config, context)
    kinds: dict[str, ColumnKind] = {name: "int" if name in COUNTS else "float" for name in measures[1]}
    threshold: float | None = getattr(config, "threshold", None)
    more: dict[str, ColumnKind] = {} if threshold is None else {"predicted_positive": "int"}
    kinds = {**TALLIES, **more, **kinds}
    when = None if config.when is None else parse_condition(config.when, kinds)
    clear = None if config.clear_when is None else parse_condition(config.clear_when, kinds)
    fields = frozenset({config.id, config.prediction, config.label, *config.by})
    needs = Needs(fields=fields, by=config.by, merge="single", judges_empty=False)
    size = to_micros(config.size)
    revise = size if config.revise is None else to_micros(config.revise)
    wait = to_micros(config.label_wait)
    return Joined(
        context.monitor, config, readings, measures[0], kinds, (when, clear), size, revise, wait,
        size + wait + 2 * revise, needs, threshold,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Joined:
    """Judges windows of predictions by their labels.

    Attributes:
        kinds: the columns that are told.
        conditions: ``when`` and ``clear_when``.
        size, revise, wait: microseconds.
        forget: microseconds after a key's last record until which it must not be forgotten.
        threshold: of a yes/no prediction.
    """

    monitor: str
    config: JoinedConfig
    readings: tuple[Reading, Reading]
    measure: Measure
    kinds: Mapping[str, ColumnKind]
    conditions: tuple[Expression | None, Expression | None]
    size: int
    revise: int
    wait: int
    forget: int
    needs: Needs
    threshold: float | None = None

    def initial(self) -> PairingState:
        """Nothing known."""
        return PairingState(self.config.max_waiting)

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Take records in; before one that lets time pass a full ``revise``, tell what that allows."""
        assert isinstance(state, PairingState)
        told: list[Told] = []
        at, count = 0, len(results)
        if count:
            assert results.marks is not None
            reached = results.marks[results.rows + 1]  # how far time has come with each record
            turns = np.flatnonzero(
                np.diff(reached // self.revise, prepend=max(state.turn, NEVER // self.revise))
            )
            for turn in [*turns.tolist(), count]:
                self._take(state, results, at, turn)
                at = turn
                if turn < count:
                    told += self._tell(state, int(reached[turn]))
        told += self._tell(state, results.watermark)
        return self._verdicts(results, told)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget the windows of keys that were forgotten."""
        assert isinstance(state, PairingState)
        state.drop(slots)

    def _take(self, state: PairingState, results: WindowResults, start: int, stop: int) -> None:
        """Join records ``start`` to ``stop``, between which no window is told."""
        if stop == start:
            return
        part = slice(start, stop)
        columns = {name: results.columns[name].part(start, stop) for name in self.needs.fields}
        over = max(
            state.turn * self.revise - self.wait, NEVER
        )  # windows that end here or before are told for good
        times = results.at[part]
        starts = times // self.size * self.size
        state.take(
            columns[self.config.id].values(), (results.slots[part], starts, starts + self.size > over), times,
            self.readings[0](columns[self.config.prediction]), self.readings[1](columns[self.config.label]),
        )  # fmt: skip

    def _tell(self, state: PairingState, watermark: int) -> list[Told]:
        """The windows to be told now that time has come to ``watermark``."""
        turn = watermark // self.revise
        if turn <= state.turn or watermark == NEVER:
            return []
        earliest, state.turn = state.turn + 1, turn
        told = []
        for window, predictions, labels in state.due(turn * self.revise - self.size):
            start = int(state.starts[window])
            at = max(earliest, -(-(start + self.size) // self.revise)) * self.revise
            measured: dict[str, Any] = state.tally(window)
            if self.threshold is not None:
                measured["predicted_positive"] = int((predictions >= self.threshold).sum())
            if measured["labels"] >= self.config.min_labels:
                known = ~np.isnan(labels)
                measured |= self.measure(predictions[known], labels[known])
            told.append(Told(int(state.slots[window]), start, at, measured))
        state.expire(turn * self.revise - self.wait, self.size)
        return sorted(told, key=lambda one: (one.at, one.start, one.slot))

    def _verdicts(self, results: WindowResults, told: Sequence[Told]) -> Verdicts:
        n = len(told)
        columns = {name: _column(name, kind, told) for name, kind in self.kinds.items()}
        shown = self._shown()
        observed = {name: columns[name] for name in shown}
        starts: IntArray = np.array([one.start for one in told], np.int64)
        at: IntArray = np.array([one.at for one in told], np.int64)
        no, none = np.zeros(n, np.bool_), np.full(n, -1, np.int64)
        assert results.marks is not None
        return Verdicts(
            self.monitor, results.keys, np.array([one.slot for one in told], np.int32),
            self._severities(columns, n), at, starts, starts + self.size, no, no, none, observed, rows=none,
            positions=np.searchsorted(results.marks, at, "left").astype(np.int64), expected=self._expected(),
            evidence={name: column for name, column in columns.items() if name not in observed},
        )  # fmt: skip

    def _shown(self) -> list[str]:
        """What people see first: what the condition asks for, the chief measures, how much they rest on."""
        asked = [] if self.conditions[0] is None else sorted(self.conditions[0].columns)
        chief = [name for name in CHIEF if name in self.kinds]
        return list(dict.fromkeys([*asked, *chief]))

    def _severities(self, observed: Mapping[str, Column], n: int) -> NDArray[np.int8]:
        when, clear = self.conditions
        severity = Severity.CRITICAL if self.config.severity == "critical" else Severity.WARNING
        answers = np.full(n, Severity.OK, np.int8)
        if not n:
            return answers
        if when is not None:
            holds = when.truth(observed, n)
            answers[holds != 0] = Severity.NEITHER  # missing: no answer, which changes nothing
            if clear is not None:
                answers[clear.truth(observed, n) != 1] = Severity.NEITHER
            answers[holds == 1] = severity
        answers[observed["labels"].numbers() < self.config.min_labels] = Severity.NOT_ENOUGH_DATA
        return answers

    def _expected(self) -> str | None:
        when, clear = self.config.when, self.config.clear_when
        return clear if clear is not None or when is None else turned_round(when)


@dataclass(frozen=True, slots=True)
class Told:
    """One window that is told: its key's slot, its start, when, and what was measured."""

    slot: int
    start: int
    at: int
    measured: Mapping[str, Any]


def _column(name: str, kind: ColumnKind, told: Sequence[Told]) -> Column:
    values = [one.measured.get(name) for one in told]
    if name in _ASIDE:
        return Aside(kind, values=[value or None for value in values])
    if kind == "float":
        return Aside(kind, values=[None if v is None or v != v else float(v) for v in values])  # noqa: PLR0124  NaN
    return Aside(kind, values=values)
