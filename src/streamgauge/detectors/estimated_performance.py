"""Estimates how good a yes/no model is now, before anybody knows the truth: from its probabilities alone.

When to use it: labels come in weeks or never, and the model's probabilities were right when it was tested. It sees a model grow
unsure (records near the threshold become more) at once, without a label. It does not see that the world has changed under
the same probabilities: a sure model that is wrong stays sure. Where labels come, ``classification`` says what really was;
run both, and its ``calibration_error`` tells whether this one may be believed.

**What it assumes.** Calibrated probabilities: of records with 0.8, four in five are positive. Scores that only rank (raw margins,
trees without calibration) must be calibrated before they are written to the stream.

**The rule.** With probabilities p of a window's n records, predicted positive from ``threshold`` on, the expected counts are::

    TP = sum of p, FP = sum of 1-p over p >= threshold       FN = sum of p, TN = sum of 1-p over p < threshold

and ``accuracy``, ``precision``, ``recall`` and ``f1`` follow from them as ever; ``roc_auc`` is the expected share of pairs ranked
right, from 120 bins of p. Each has a band, ``_lower`` to ``_upper``: ``deviations`` standard errors of what chance makes of it when
every label is drawn with its p (Hanley and McNeil's for ``roc_auc``). It fires where a measure named in ``reference`` lies with
its whole band below the value given there, or where ``when`` holds. What cannot be said (precision where nothing is predicted)
changes nothing. Records whose probability is missing or not within 0 to 1 are left out and counted in ``left_out``; with fewer
than ``min_records`` others the answer is *not enough data*.

Parameters: ``prediction`` (field with the probability), ``threshold`` (0.5), ``reference`` (measure to value, such as what the
test set gave), ``when`` (condition on the measures and their bounds), ``deviations`` (standard errors, 3: chance leaves it once
in some 700 windows), ``min_records`` (default 100), ``severity`` (default ``critical``). It learns nothing. State: none; each open
window holds 1 kB.

From: NannyML, *Confidence-based performance estimation* (2021), written anew; bounds by the delta method.

>>> from streamgauge.testing import judge
>>> sure, unsure = [0.02, 0.97, 0.99, 0.01] * 30, [0.4, 0.6, 0.55, 0.45] * 30
>>> judge("estimated_performance", {"prediction": "score", "reference": {"accuracy": 0.95}}, size="120s",
...       times=[float(t) for t in range(241)], values={"score": [*sure, *unsure, 0.5]})
['120.0 ok', '240.0 critical']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from streamgauge.batch import Aside, Column, ColumnKind, FloatArray, SlotArray
from streamgauge.detectors import bounds
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.errors import ConfigError
from streamgauge.expressions import Expression, parse_aggregate, parse_condition
from streamgauge.settings import nearest, wrong
from streamgauge.state import NoState, State
from streamgauge.statistics.expected_quality import (
    MEASURES,
    NAMES,
    STEPS,
    Sums,
    expected_quality,
    probability_cells,
)
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.aggregates import Part
from streamgauge.windows.collected.tally import BinCounts, Tallied
from streamgauge.windows.contract import WindowResults

Share = Annotated[float, Field(gt=0, le=1)]


class Config(bounds.WindowRuleConfig):
    """``detect: {type: estimated_performance, prediction: score, reference: {recall: 0.8}}``."""

    type: Literal["estimated_performance"] = "estimated_performance"
    prediction: str
    """The field that holds the probability of yes, 0 to 1, calibrated."""
    threshold: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """From this probability on a record is predicted positive."""
    reference: dict[str, Share] = Field(default_factory=dict)
    """What is usual, by measure (accuracy, precision, recall, f1, roc_auc); it fires where one is surely lower."""
    when: str | None = None
    """A condition on the measures and their bounds at which it fires, such as `recall_upper < 0.7`."""
    deviations: Annotated[float, Field(gt=0, le=10)] = 3.0
    """How many standard errors the bounds lie from the estimate; 1.96 are 95 %."""
    min_records: Annotated[int, Field(gt=0)] = 100
    """Windows of fewer records with a probability are not judged."""

    @model_validator(mode="after")
    def _known_measures(self) -> Config:
        for name in self.reference:
            if name not in MEASURES:
                raise wrong("reference", f"unknown measure `{name}`; {nearest(name, MEASURES)}")
        return self


EXAMPLE = {
    "window": {"type": "tumbling", "size": "5s", "by": "key"},
    "detect": {
        "type": "estimated_performance",
        "prediction": "value",
        "threshold": 0.15,
        "reference": {"accuracy": 0.9},
        "when": "precision < 0.3",
        "deviations": 0.1,
        "min_records": 1,
    },
}
"""A monitor for the checks of the contract."""


def _scores() -> tuple[list[float], dict[str, list[float]], None]:
    """A day of calibrated scores; for the last third of it the model is less sure."""
    draw = np.random.default_rng(8)
    scores = [
        float(1 / (1 + np.exp(-draw.normal(0, 1.4 if 960 <= minute < 1320 else 3.5))))
        for minute in range(1440)
        for _ in range(5)
    ]
    return [12.0 * i for i in range(len(scores))], {"score": scores}, None


PICTURE = Picture(
    "estimated_performance: accuracy is surely below 0.85, before any label is known",
    {"prediction": "score", "reference": {"accuracy": 0.85}},
    _scores,
    size="1h",
    value="accuracy",
)

SHOWN = ("accuracy", "precision", "recall")
_KINDS: Mapping[str, ColumnKind] = {
    **dict.fromkeys(NAMES, "float"),
    **dict.fromkeys(("records", "predicted_positive", "left_out"), "int"),
    "expected_positive": "float",
}
"""What may stand in ``when``."""


def computes(config: Config, kinds: Mapping[str, ColumnKind]) -> dict[str, Part]:
    """Counts and sums of the probabilities, and how many lie in which bin.

    Raises:
        ConfigError: there is no such field, or it is no number.
    """
    name = config.prediction
    if name not in kinds:
        raise ConfigError(f"prediction: unknown field `{name}`; {nearest(name, kinds)}")
    if kinds[name] not in ("float", "int"):
        raise ConfigError(f"prediction: `{name}` is a {kinds[name]}; a probability, 0 to 1, is needed")
    p, limit = bounds.quoted(name), f"{Decimal(repr(config.threshold)):f}"
    above, below = f"{p} >= {limit} and {p} <= 1", f"{p} >= 0 and {p} < {limit}"
    texts = {
        "all": "count(*)",
        "records": f"count(case when {p} >= 0 and {p} <= 1 then 1 end)",
        "positive": f"count(case when {above} then 1 end)",
        "above": f"sum(case when {above} then {p} end)",
        "above_squares": f"sum(case when {above} then {p} * {p} end)",
        "below": f"sum(case when {below} then {p} end)",
        "below_squares": f"sum(case when {below} then {p} * {p} end)",
    }
    bins = BinCounts((name,), (probability_cells(),))
    sums: dict[str, Part] = {
        _kept(part, config): parse_aggregate(text, kinds) for part, text in texts.items()
    }
    return {**sums, _kept("bins", config): Tallied(f"tally of the probability {name}", bins)}


def _kept(part: str, config: Config) -> str:
    """The column of results; a name that nobody can have given to something else."""
    return f"probability {config.prediction} from {config.threshold!r}: {part}"


def build(config: Config, context: Context) -> EstimatedPerformance:
    """The detector of one monitor.

    Raises:
        ConfigError: there is no window.
        ExpressionError: ``when`` does not fit the measures.
    """
    bounds.check_window(config, context)
    when = None if config.when is None else parse_condition(config.when, _KINDS)
    return EstimatedPerformance(context.monitor, config, when, bounds.severity_of(config))


@dataclass(frozen=True, slots=True)
class EstimatedPerformance:
    """See the module's text."""

    monitor: str
    config: Config
    when: Expression | None
    severity: Severity

    @property
    def needs(self) -> Needs:
        """Nothing: its sums are kept by the window."""
        return Needs(judges_empty=False, waits=False)

    def initial(self) -> NoState:
        """Nothing is remembered."""
        return NoState()

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is remembered."""

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each closed window."""
        sums = Sums(*(self._numbers(results, part) for part in Sums.__dataclass_fields__))
        measured = expected_quality(sums, self._bins(results), self.config.deviations)
        every = self._numbers(results, "all")
        columns = {name: Column("float", numbers=numbers) for name, numbers in measured.items()}
        columns |= {
            "records": Column("int", numbers=sums.records),
            "predicted_positive": Column("int", numbers=sums.positive),
            "expected_positive": Column("float", numbers=sums.above + sums.below),
            "left_out": Column("int", numbers=every - sums.records),
        }
        answers = self._answers(results, columns, measured)
        answers[sums.records < self.config.min_records] = Severity.NOT_ENOUGH_DATA
        answers[every == 0] = Severity.NO_DATA
        answers[results.partial] = Severity.NEITHER
        few = (answers == Severity.NOT_ENOUGH_DATA) | (answers == Severity.NO_DATA)
        chief = next(iter(self.config.reference), "accuracy")
        return bounds.verdicts(
            self.monitor, results, (answers, ~results.early), self._observed(columns, few),
            expected=self._expected(), lower=np.where(few, np.nan, measured[f"{chief}_lower"]),
            upper=np.where(few, np.nan, measured[f"{chief}_upper"]),
        )  # fmt: skip

    def _answers(
        self, results: WindowResults, columns: Mapping[str, Column], measured: Mapping[str, FloatArray]
    ) -> NDArray[np.int8]:
        """int8[n]: it fires where anything says so; where nothing does and something cannot be said it is neither."""
        count = len(results)
        says = [
            np.where(np.isnan(measured[name]), -1, measured[f"{name}_upper"] < usual)
            for name, usual in self.config.reference.items()
        ]
        if self.when is not None and count:
            says.append(self.when.truth(columns, count))
        answers = np.full(count, Severity.OK, np.int8)
        for one in says:
            answers[one == -1] = Severity.NEITHER
        for one in says:
            answers[one == 1] = self.severity
        return answers

    def _observed(self, columns: Mapping[str, Column], few: NDArray[np.bool_]) -> dict[str, Column]:
        """First what was asked for, then the chief measures, the others, and how much all rest on."""
        asked = [] if self.when is None else sorted(self.when.columns)
        named = [f"{name}{end}" for name in self.config.reference for end in ("", "_upper")]
        order = dict.fromkeys([*named, *asked, *SHOWN, "f1", "roc_auc", "records", "expected_positive"])
        known = {
            name: column if name == "records" else Aside(column.kind, numbers=_unless(few, column))
            for name, column in columns.items()
        }
        left_out = columns["left_out"].numbers()
        known["left_out"] = Aside("int", numbers=_unless(left_out == 0, columns["left_out"]))
        return {name: known[name] for name in [*order, "left_out"]}

    def _expected(self) -> str | None:
        usual = [f"{name} of {value:g}" for name, value in self.config.reference.items()]
        return ", ".join(usual) + " within the bounds" if usual else None

    def _numbers(self, results: WindowResults, part: str) -> FloatArray:
        """float64[n]: one of the sums; of no values it is 0."""
        return np.nan_to_num(bounds.numbers_of(results, _kept(part, self.config)))

    def _bins(self, results: WindowResults) -> NDArray[np.int64]:
        """int64[n, STEPS]."""
        tallies = results.columns[_kept("bins", self.config)].values() if len(results) else []
        counts = [np.zeros(STEPS, np.int64) if tally is None else tally.counts[:STEPS] for tally in tallies]
        return np.stack(counts) if counts else np.zeros((0, STEPS), np.int64)


def _unless(hidden: NDArray[np.bool_], column: Column) -> FloatArray:
    """float64[n]: nothing where it is hidden."""
    return np.where(hidden, np.nan, column.numbers())
