"""What the drift detectors share: a reference to compare with, and how features apart become one verdict.

Each detector's file says how two distributions are compared; everything else stands here, once: where the reference
comes from, which features fit, what a window keeps, when there are enough rows, and what people are told.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from streamgauge.batch import BoolArray, Column, ColumnKind, FloatArray, IntArray, SlotArray
from streamgauge.detectors.contract import Context, DetectorConfig, Needs, Picture
from streamgauge.errors import ConfigError
from streamgauge.settings import FileName, Names, wrong
from streamgauge.state import NoState, State
from streamgauge.statistics import chance, columns, comparison, reference_file
from streamgauge.statistics.comparison import Comparison, Seen
from streamgauge.statistics.reference import Feature, Reference
from streamgauge.verdict import Severity, Shapes, Verdicts
from streamgauge.windows.contract import WindowResults

STATES = ("no_drift", "possible_drift", "drift")
"""What people call a feature that lies below ``warning``, above it, and above ``critical``."""

TOLD = 20
"""So many features are told in a verdict's evidence, the most drifted first."""

Limit = Annotated[float, Field(gt=0)]
Values: TypeAlias = list[str | float | bool | None]


class ReferenceConfig(DetectorConfig):
    """Base of the configuration of detectors that compare windows with a reference."""

    reference: Annotated[FileName, Field(min_length=1)] | dict[str, Annotated[Values, Field(min_length=1)]]
    """The file that `streamgauge reference build` made, from this file's folder; or a few values for each feature."""
    features: Names | None = None
    """The fields to compare; default: every field that the reference has and that can be compared so."""
    min: Annotated[int, Field(gt=0)] = 100
    """A window of fewer records is told as `not_enough_data`."""

    @model_validator(mode="after")
    def _limits_rise(self) -> ReferenceConfig:
        warning, critical = getattr(self, "warning", 0), getattr(self, "critical", 1)
        if warning > critical:
            raise wrong("warning", f"must not be above `critical` ({critical:g})")
        return self


@dataclass(frozen=True, slots=True)
class Family:
    """How one detector compares.

    Attributes:
        name: the word after ``type:``, which is also what its value is called.
        compare: makes the comparison of chosen features.
        numbers: whether it compares numbers only.
    """

    name: str
    compare: Callable[[Sequence[Feature]], Comparison]
    numbers: bool


def opened(config: ReferenceConfig) -> Reference:
    """The reference that a configuration names.

    Raises:
        ConfigError: it cannot be read.
    """
    if isinstance(config.reference, str):
        try:
            return reference_file.load(Path(config.reference))
        except ConfigError as error:
            raise ConfigError(f"reference: {error}") from error
    return columns.reference_of(config.reference)


def chosen(config: ReferenceConfig, family: Family) -> list[Feature]:
    """The features to compare, in order.

    Raises:
        ConfigError: the reference lacks one, or it cannot be compared so.
    """
    return chosen_of(opened(config), config, family)


def chosen_of(reference: Reference, config: ReferenceConfig, family: Family) -> list[Feature]:
    """As :func:`chosen`, of a reference that is at hand."""
    if config.features is None:
        fitting = [each for each in reference.features.values() if not (family.numbers and _unfit(each))]
        if not fitting:
            raise ConfigError(
                f"reference: it has no column of numbers, and {family.name} compares nothing else"
            )
        return fitting
    try:
        features = list(reference.chosen(config.features).features.values())
    except ConfigError as error:
        raise ConfigError(f"features: {error}") from error
    for feature in features:
        if family.numbers and (why := _unfit(feature)):
            raise ConfigError(
                f"features: `{feature.name}` {why} in the reference, and {family.name} compares numbers; use psi, "
                "jensen_shannon, hellinger or chi_square for it"
            )
    return features


def checked(config: ReferenceConfig, family: Family, kinds: Mapping[str, ColumnKind]) -> list[Feature]:
    """The features to compare, each of them a field of the stream, of the kind that the reference knows.

    Raises:
        ConfigError: one is not; it is named.
    """
    features = chosen(config, family)
    for feature in features:
        kind = kinds.get(feature.name)
        if kind is None:
            raise ConfigError(
                f"features: the stream has no field `{feature.name}`, which the reference has; it has "
                f"{', '.join(kinds)}"
            )
        if kind not in _KINDS[feature.kind]:
            raise ConfigError(
                f"features: `{feature.name}` is a {kind} in the stream and a {feature.kind} in the reference; build the "
                "reference from the same fields"
            )
    return features


_KINDS: Mapping[str, tuple[str, ...]] = {
    "number": ("int", "float", "timestamp"),
    "boolean": ("bool",),
    "category": ("string", "int"),
}


def _unfit(feature: Feature) -> str:
    """Why a feature is no number to compare; empty where it is."""
    if feature.outline is None:
        return "is a category"
    return "" if feature.rows > feature.missing else "is missing in every row"


@dataclass(frozen=True)
class AgainstReference:
    """Judges each window by how far its features lie from the reference's.

    Attributes:
        monitor: its name.
        family: how it compares.
        comparison: of its features.
        look: takes what windows hold out of their results.
        warning, critical: limits on the value.
        least: rows below which it says ``not_enough_data``.
        kept: the columns of results that were kept for it.
        masked: features whose bins must not be shown.
    """

    monitor: str
    family: Family
    comparison: Comparison
    look: Callable[[WindowResults], Seen]
    warning: float
    critical: float
    least: int
    kept: frozenset[str]
    masked: frozenset[str] = frozenset()

    @property
    def needs(self) -> Needs:
        """Nothing but windows that hold something."""
        return Needs(judges_empty=False, waits=False)

    def initial(self) -> NoState:
        """Nothing is remembered: the window holds all."""
        return NoState()

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is remembered."""

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each closed window; records that cross nothing say nothing."""
        keep = np.nonzero(~results.early & ~results.partial)[0]
        if len(keep) < len(results):
            results = _taken(results, keep)
        seen = self.look(results)
        judged = judge(self.comparison, seen, self.warning, self.critical)
        severities = judged.states.max(axis=1)  # ok, warning and critical are 0, 1 and 2
        severities[seen.rows < self.least] = Severity.NOT_ENOUGH_DATA
        severities[seen.rows == 0] = Severity.NO_DATA
        known = severities <= Severity.CRITICAL
        observed = self._observed(results, judged, seen, known)
        return Verdicts(
            self.monitor, results.keys, results.slots, severities, results.at, results.starts, results.ends,
            results.early, results.partial, results.offsets, observed, rows=results.rows,
            positions=results.positions, expected=f"{self.family.name} <= {self.warning:g}",
            score=np.where(known, judged.score(self.critical), np.nan),
            upper=np.where(known, np.maximum(judged.of_worst(judged.floors), self.warning), np.nan),
            evidence=_Evidence(self, judged, seen, known), shapes=self._shapes(judged, seen, known),
        )  # fmt: skip

    def _shapes(self, judged: Judged, seen: Seen, known: BoolArray) -> Shapes:
        worst = [
            self._names[f] if sure else None for f, sure in zip(judged.worst.tolist(), known, strict=True)
        ]
        value, floor = (
            np.where(known, judged.of_worst(table), np.nan) for table in (judged.values, judged.floors)
        )
        return Shapes(self.bins, seen.flat(), worst, value, floor, self.family.name)

    @cached_property
    def bins(self) -> str:
        """Names the reference as far as it is compared with: another one is not this one."""
        digest = blake2b(digest_size=8)
        for feature in self.comparison.features:
            digest.update(repr((feature.name, feature.kind, feature.rows, feature.missing)).encode())
            digest.update(repr((feature.bins.labels, feature.moments)).encode())
            digest.update(feature.counts.tobytes())
        return digest.hexdigest()

    def _observed(
        self, results: WindowResults, judged: Judged, seen: Seen, known: BoolArray
    ) -> dict[str, Column]:
        worst = [
            self._names[f] if sure else None for f, sure in zip(judged.worst.tolist(), known, strict=True)
        ]
        value = np.where(known, judged.of_worst(judged.values), np.nan)
        drifted = np.where(known, (judged.states > 0).mean(axis=1), np.nan)
        ours = {
            "feature": Column("string", values=worst),
            self.family.name: Column("float", numbers=value),
            "drifted": Column("float", numbers=drifted),
            "rows": Column("int", numbers=seen.rows.astype(np.float64)),
        }
        hidden = self.kept | ours.keys()
        return ours | {name: column for name, column in results.columns.items() if name not in hidden}

    def evidence(self, judged: Judged, seen: Seen, row: int) -> dict[str, Any]:
        """Of one window with enough rows: its features, and what moved in those that drifted."""
        values, floors, states = (
            _told(judged.values[row]), _told(judged.floors[row]), judged.states[row].tolist(),
        )  # fmt: skip
        drifted = any(states)
        order = judged.order(row) if drifted or len(states) > TOLD else range(len(states))
        features = [
            {"feature": self._names[f], "value": values[f], "floor": floors[f], "state": STATES[states[f]]}
            | (self._moved(judged, seen, row, f) if states[f] else {})
            for f in order[:TOLD]
        ]
        moved = {"moved": _in_words(features[0])} if states[order[0]] else {}
        return {**moved, "features": features}

    def _moved(self, judged: Judged, seen: Seen, row: int, f: int) -> dict[str, Any]:
        """What moved in a feature that drifted."""
        feature, found = self.comparison.features[f], dict[str, Any]()
        if judged.missing is not None and judged.gone is not None and judged.gone[row, f]:
            before = feature.missing / max(1, feature.rows)
            found["missing"] = {
                "reference": round(before, 4),
                "current": round(float(judged.missing[row, f]), 4),
            }
        if feature.name not in self.masked:
            found["moved"] = self.comparison.moved(seen, row, f)
            if seen.unseen is not None and (names := seen.unseen(row, f)):
                found["unseen"] = names
        return found

    @cached_property
    def _names(self) -> list[str]:
        return [feature.name for feature in self.comparison.features]


@dataclass(frozen=True)
class Judged:
    """What a comparison of R windows with F features says.

    Attributes:
        values, floors: float64[R, F]: how far apart, and how far chance goes.
        states: int8[R, F], index into :data:`STATES`.
        worst: int64[R], the feature that decides.
        missing: float64[R, F], the share missing, where that is looked at apart.
        gone: bool[R, F]: whether that share is what drifted.
    """

    values: FloatArray
    floors: FloatArray
    states: NDArray[np.int8]
    worst: IntArray
    missing: FloatArray | None = None
    gone: BoolArray | None = None

    def of_worst(self, table: FloatArray) -> FloatArray:
        """float64[R]: each window's number in ``table`` for its worst feature."""
        return np.asarray(table[np.arange(len(table)), self.worst])

    def score(self, critical: float) -> FloatArray:
        """float64[R] in [0, 1]: 0.5 at ``critical``; what chance may have done counts as nothing."""
        value = np.where(self.of_worst(self.states.astype(np.float64)) > 0, self.of_worst(self.values), 0.0)
        with np.errstate(all="ignore"):
            score = value / (value + critical)
        return np.where(np.isfinite(score), score, 1.0)

    def order(self, row: int) -> list[int]:
        """The features of one window, the most drifted first."""
        values = np.nan_to_num(self.values[row], nan=np.inf, posinf=np.inf)
        found: list[int] = np.lexsort((-values, -self.states[row])).tolist()
        return found


@dataclass(frozen=True, slots=True)
class _Evidence(Sequence[Mapping[str, Any]]):
    """What each window's verdict rests on: put together when somebody asks, as most windows are never looked at."""

    detector: AgainstReference
    judged: Judged
    seen: Seen
    known: BoolArray

    def __len__(self) -> int:
        return len(self.known)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Mapping[str, Any] | Sequence[Mapping[str, Any]]:
        if isinstance(index, slice):
            return [self[row] for row in range(len(self))[index]]
        return self.detector.evidence(self.judged, self.seen, index) if self.known[index] else {}


def judge(compared: Comparison, seen: Seen, warning: float, critical: float) -> Judged:
    """Compare windows: a feature drifts where its value lies above a limit and beyond chance over all features."""
    values = compared.values(seen)
    limits = compared.limits(seen)
    floors = chance.cutoffs(values, limits)  # what is missing (NaN) is beyond nothing
    beyond = values >= floors
    states = (beyond & (values > warning)).astype(np.int8)
    states[beyond & (values > critical)] = 2
    missing, gone = compared.missing(seen), None
    if missing is not None:
        gone, strong = _missing(compared.features, missing, seen)
        states = np.maximum(states, gone.astype(np.int8) + strong.astype(np.int8))
    nearness = np.minimum(np.fmax(values / np.maximum(floors, 1e-12), 0), 1e12) / 1e13
    return Judged(values, floors, states, np.argmax(states + nearness, axis=1), missing, gone)


def _missing(features: Sequence[Feature], shares: FloatArray, seen: Seen) -> tuple[BoolArray, BoolArray]:
    """Where the share of missing values has drifted, and where strongly: by the PSI of missing or not."""
    if not shares.any() and not any(feature.missing for feature in features):
        none = np.zeros(shares.shape, np.bool_)
        return none, none
    psi = comparison.missing_psi(features, shares, seen.rows)
    floors = chance.cutoffs(psi, comparison.missing_limits(features, seen.rows))
    beyond = psi >= floors
    return beyond & (psi > 0.1), beyond & (psi > 0.25)


def _in_words(feature: Mapping[str, Any]) -> str:
    """What moved in the worst feature, in a line.

    >>> _in_words({"feature": "country", "moved": [{"bin": "BR", "reference": 0.05, "current": 0.0}]})
    'country: BR 0.05 → 0'
    """
    every = list(feature.get("moved", ()))
    if "missing" in feature:
        every.append({"bin": "missing", **feature["missing"]})
    told = [
        f"{one.get('bin') or one.get('of') or 'up to ' + str(one['at_most'])} "
        f"{one['reference']:g} → {one['current']:g}"
        for one in every
    ]
    unseen = ", ".join(f"{name} ({count})" for name, count in list(feature.get("unseen", {}).items())[:5])
    return f"{feature['feature']}: {', '.join(told)}" + (f"; never seen before: {unseen}" if unseen else "")


def _told(numbers: FloatArray) -> list[float | None]:
    """Numbers as they are shown, None where there is none."""
    rounded: list[float] = np.round(numbers, 6).tolist()
    return [None if math.isnan(one) else one for one in rounded]


def _taken(results: WindowResults, keep: IntArray) -> WindowResults:
    """Some rows of results."""
    same = ["slots", "starts", "ends", "at", "offsets", "early", "partial", "positions", "rows"]
    columns = {name: column.take(keep) for name, column in results.columns.items()}
    return replace(
        results, columns=columns, previous=columns, **{name: getattr(results, name)[keep] for name in same}
    )


def no_window(family: Family, context: Context) -> None:
    """Refuse single records.

    Raises:
        ConfigError: the monitor has no window.
    """
    if not context.windowed:
        raise ConfigError(
            f"{family.name} compares windows with a reference: add such as `window: {{type: count, size: 1000, every: 100}}`"
        )


def drifting(family: Family) -> Picture:
    """A run for a detector's page: from the middle on, amounts lie higher and higher."""
    draw = np.random.default_rng(5)
    usual = [round(value, 2) for value in draw.normal(20, 4, 2_000).tolist()]

    def run() -> tuple[list[float], list[float], None]:
        seeded = np.random.default_rng(6)
        times = np.arange(6_000, dtype=np.float64)
        more = np.maximum(0, times - 3_000) / 3_000 * 6
        return times.tolist(), np.round(seeded.normal(20 + more, 4), 2).tolist(), None

    title = f"{family.name} of 300 records at a time: from the middle on, amounts rise slowly"
    config = {"reference": {"value": usual}}
    return Picture(title, config, run, compute={"records": "count(*)"}, size="300s", value=family.name)
