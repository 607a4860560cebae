"""What the detectors of whole records share: several numbers judged together, a budget, and what is told of it.

Each of them turns a record into a *strength*: how many standard deviations its own measure of oddness lies above that
measure's mean. The rest stands here: the strengths of ordinary records are pooled, a budget or fixed scores say which
of them alarm, and an incident goes on until an ordinary record comes late enough.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from streamgauge.batch import NEVER, Aside, BoolArray, Column, FloatArray, IntArray, SlotArray
from streamgauge.clock import to_micros
from streamgauge.detectors.contract import Context, DetectorConfig, Needs
from streamgauge.errors import ConfigError
from streamgauge.kernels import outliers as kernels
from streamgauge.kernels import rarity
from streamgauge.rates import HowOften, parse_rate
from streamgauge.settings import Names, PositiveDuration, nearest, wrong
from streamgauge.state import Tables, grown
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

_NUMERIC = ("int", "float", "bool")
Score = Annotated[float, Field(gt=0, le=1)]
EXPECTED = "a record like those before"


class OddRecordConfig(DetectorConfig):
    """The keys that every detector of whole records has."""

    features: Annotated[Names, Field(min_length=1)]
    """The numbers that are judged together."""
    by: Names = ()
    """The field or fields whose values each have an incident of their own; without it, one for all records."""
    budget: HowOften | None = None
    """How many false alarms the whole monitor may make, over all its keys; default: 1 per week."""
    warning: Score | None = None
    """Instead of a budget: the score from which on a record is told as a warning."""
    critical: Score | None = None
    """Instead of a budget: the score from which on it is critical."""
    resolve_after: PositiveDuration = timedelta(minutes=1)
    """The incident ends with the first ordinary record this long after the last unusual one."""

    @model_validator(mode="after")
    def _in_order(self) -> OddRecordConfig:
        fixed = self.warning if self.warning is not None else self.critical
        if self.budget is not None and fixed is not None:
            raise wrong("budget", "`budget` and fixed scores both say when to alarm; keep one of them")
        if self.warning is not None and self.critical is not None and self.critical < self.warning:
            raise wrong("critical", f"{self.critical:g} must not be below warning: {self.warning:g}")
        return self

    def limits(self) -> kernels.Limits:
        """As the kernel takes them."""
        lowest = self.warning if self.warning is not None else self.critical
        highest = math.inf if self.critical is None else strength_of(self.critical)
        warning = math.nan if lowest is None else strength_of(lowest)
        budget = self.budget or parse_rate("1 per week")
        return kernels.Limits(warning, highest, budget.per_second, to_micros(self.resolve_after))


def strength_of(score: float) -> float:
    """The strength t at which a score is reached.

    >>> strength_of(0.5), round(strength_of(0.8), 9)
    (3.0, 6.0)
    """
    if score >= 1:
        return math.inf
    lean = 2 * score - 1
    return 3.0 + 2.0 * lean / (1.0 - abs(lean))


def checked_needs(features: tuple[str, ...], by: tuple[str, ...], context: Context) -> Needs:
    """What a detector of records with those ``features`` asks of the path before it.

    Raises:
        ConfigError: for a feature that is unknown or no number, or ``by`` behind a window.
    """
    for name in features:
        if name not in context.columns:
            raise ConfigError(f"features: unknown name `{name}`; {nearest(name, context.columns)}")
        if context.columns[name] not in _NUMERIC:
            kind = context.columns[name]
            raise ConfigError(
                f"features: `{name}` is {kind}, and only numbers can be judged; leave it out, or compute one"
            )
    if context.windowed and by:
        raise ConfigError("by: windows are grouped by their own `by`; write it there")
    fields = frozenset() if context.windowed else frozenset(features) | frozenset(by)
    return Needs(fields=fields, by=by, merge="single", judges_empty=False, waits=False)


class Alarms:
    """When each key was last told, int64[S], and the pool of strengths of all keys."""

    def __init__(self) -> None:
        self.alarmed: IntArray = np.zeros(0, np.int64)
        self.pool = rarity.new_pool()

    def make_room(self, slots: int) -> bool:
        """Room for that many keys; says whether there was too little."""
        if slots <= len(self.alarmed):
            return False
        self.alarmed = grown(self.alarmed, slots, NEVER)
        return True

    def tables(self) -> Tables:
        """Keys, and the pool."""
        return {
            "keys": {"alarmed": self.alarmed},
            "pool": {"counts": self.pool.counts},
            "facts": {"of": self.pool.facts},
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved tables."""
        keys = tables["keys"]["alarmed"]
        self.make_room(len(keys))
        self.alarmed[: len(keys)] = keys
        self.pool.counts[:] = tables["pool"]["counts"]
        self.pool.facts[:] = tables["facts"]["of"]

    def drop_keys(self, slots: SlotArray) -> IntArray:
        """Forget when those keys were told; int64[m], those that were known."""
        held = slots[slots < len(self.alarmed)].astype(np.int64)
        self.alarmed[held] = NEVER
        return held


@dataclass(frozen=True, slots=True)
class Records:
    """The records (or closed windows) of one step that are judged.

    Attributes:
        results: where they come from.
        rows: int64[n], which of the results they are.
        values: float64[n, D], NaN = missing.
        apart: bool[n], those that teach nothing.
    """

    results: WindowResults
    rows: IntArray
    values: FloatArray
    apart: BoolArray

    @classmethod
    def of(cls, results: WindowResults, features: tuple[str, ...]) -> Records:
        """All results but early ones."""
        rows = np.nonzero(~results.early)[0]
        values = np.empty((len(rows), len(features)), np.float64)
        for j, name in enumerate(features):
            if len(rows):
                values[:, j] = results.columns[name].numbers()[rows]
        apart = results.partial[rows] | (False if results.apart is None else results.apart[rows])
        return cls(results, rows, values, apart)

    @property
    def slots(self) -> SlotArray:
        """int32[n]: their keys."""
        return self.results.slots[self.rows]


@dataclass(frozen=True, slots=True)
class Telling:
    """How strengths become verdicts.

    Attributes:
        monitor: whose verdicts they are.
        features: what is judged.
        limits: when it alarms.
        masked: fields that must not be shown.
    """

    monitor: str
    features: tuple[str, ...]
    limits: kernels.Limits
    masked: frozenset[str] = frozenset()

    def tell(
        self, alarms: Alarms, records: Records, strength: FloatArray, worst: NDArray[np.int32],
        evidence: Mapping[str, FloatArray] | None = None,
    ) -> Verdicts:  # fmt: skip
        """The verdicts of one step.

        Args:
            alarms: changed in place.
            records: what was judged.
            strength: float64[n]: standard deviations above what is usual; -inf = still learning, NaN = no data.
            worst: int32[n], the feature that lies furthest off; -1 = none.
            evidence: float64[n] each, NaN = nothing to say: what else is told of a record that alarms.
        """
        results, rows = records.results, records.rows
        severities, rare = np.empty(len(rows), np.int8), np.empty(len(rows), np.float64)
        kernels.decide(
            records.slots, results.at[rows], strength, records.apart, alarms.alarmed, alarms.pool, self.limits,
            severities, rare,
        )  # fmt: skip
        severities[results.partial[rows]] = Severity.NEITHER
        names = np.array([*self.features, None], object)
        fires = (severities == Severity.WARNING) | (severities == Severity.CRITICAL)
        more = {name: _aside(numbers, fires) for name, numbers in (evidence or {}).items()}
        furthest = names[np.where(fires, worst, -1)].tolist()
        shown = [name for name in self.features if name not in self.masked] if len(rows) else []
        observed = {name: results.columns[name].take(rows) for name in shown}
        return Verdicts(
            self.monitor, results.keys, results.slots[rows], severities, results.at[rows], results.starts[rows],
            results.ends[rows], results.early[rows], results.partial[rows], results.offsets[rows], observed,
            rows=results.rows[rows], positions=results.positions[rows], expected=EXPECTED,
            score=scores_of(strength), rarity=rare,
            evidence={"furthest": Aside("string", values=furthest), **more},
        )  # fmt: skip


def _aside(numbers: FloatArray, fires: NDArray[Any]) -> Column:
    return Aside("float", numbers=np.where(fires, numbers, np.nan))


def scores_of(strength: FloatArray) -> FloatArray:
    """float64[n] in (0, 1), rising with strength; NaN where there is none."""
    lean = (np.where(np.isfinite(strength), strength, np.nan) - 3.0) / 2.0
    scores: FloatArray = 0.5 + 0.5 * lean / (1.0 + np.abs(lean))
    return scores
