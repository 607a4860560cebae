"""Tells of each record with a number outside its range: data quality, said record by record.

When to use it: you know what a number can be (a temperature from -60 to 60, a share from 0 to 1, an age from 0 to 130), and
what lies outside is an error of whoever made it. For a share of bad records in a window take [`percentage`](percentage.md). To
keep such records out altogether, declare ``min`` and ``max`` on the field itself: they go to the dead-letter.

**The rule.** A record in which one of ``of`` lies below its ``min`` or above its ``max`` is a match: infinities do, both
limits are allowed values, and what is missing is judged by [`missing`](missing.md) only. The first match of a key opens an
incident at that record; further ones keep it open; it resolves ``resolve_after`` of event time after the last one.

Parameters: ``of`` (fields, each with ``min``, ``max`` or both, in the field's own unit), ``by`` (field or list; default none),
``resolve_after`` (duration, default 5m), ``severity`` (default ``critical``). It learns nothing. State: 16 bytes per key.

>>> from streamgauge.testing import judge
>>> judge("range", {"of": {"value": {"min": 0, "max": 60}}, "resolve_after": "10s"},
...       times=[0.0, 1.0, 2.0, 3.0, 20.0], values=[60, -0.5, None, 61, 5])
['1.0 critical', '3.0 critical', '13.0 ok']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from streamgauge.batch import Aside, Column, SlotArray
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.matches import (
    NOTHING,
    EventRuleConfig,
    Found,
    Stretches,
    Telling,
    check_fields,
    check_records,
)
from streamgauge.errors import ConfigError
from streamgauge.settings import Settings, wrong
from streamgauge.state import State
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults


class Bounds(Settings):
    """From where to where a number may lie; both are allowed values."""

    min: float | None = None
    """The smallest allowed value."""
    max: float | None = None
    """The largest allowed value."""

    @model_validator(mode="after")
    def _say_something(self) -> Bounds:
        if self.min is None and self.max is None:
            raise wrong("min", "give `min`, `max` or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise wrong("min", f"{self.min:g} lies above max: {self.max:g}; no number fits")
        return self

    @property
    def words(self) -> str:
        """As people read it."""
        if self.min is None:
            return f"at most {self.max:g}"
        return f"at least {self.min:g}" if self.max is None else f"{self.min:g} to {self.max:g}"


class Config(EventRuleConfig):
    """``detect: {type: range, of: {temperature: {min: -60, max: 60}}, by: sensor}``."""

    type: Literal["range"] = "range"
    of: Annotated[dict[str, Bounds], Field(min_length=1)]
    """The fields, each with `min`, `max` or both."""


EXAMPLE = {
    "detect": {
        "type": "range",
        "of": {"value": {"min": -5, "max": 100}, "number": {"min": -1}},
        "by": "key",
        "resolve_after": "3s",
    }
}
"""A monitor for the checks of the contract."""


def _run() -> tuple[list[float], dict[str, list[Any]], None]:
    """Two thermometers; one is broken for a while."""
    noise = np.random.default_rng(7).normal(20, 2, 60)
    times = [float(t) for t in range(0, 240, 4)]
    sensors = [f"s{1 + i % 2}" for i in range(len(times))]
    degrees = [
        80.0 if s == "s2" and 90 <= t < 120 else d
        for t, s, d in zip(times, sensors, noise.tolist(), strict=True)
    ]
    return times, {"sensor": sensors, "degrees": degrees}, None


PICTURE = Picture(
    "range: sensor s2 shows 80 degrees where -30 to 60 can be",
    {"of": {"degrees": {"min": -30, "max": 60}}, "by": "sensor", "resolve_after": "30s"},
    _run,
    by="sensor",
)


def build(config: Config, context: Context) -> Range:
    """The detector of one monitor.

    Raises:
        ConfigError: where fields or window do not fit.
    """
    check_records(config, context)
    check_fields("of", list(config.of), context)
    for name in config.of:
        if context.columns[name] not in ("int", "float"):
            raise ConfigError(f"of: `{name}` is a {context.columns[name]}; a range is of numbers")
    needs = Needs(fields=frozenset((*config.of, *config.by)), by=config.by, judges_empty=False)
    return Range(Telling.of(config, context), config.of, context.masked, needs)


@dataclass(frozen=True, slots=True)
class Range:
    """See the module's text."""

    telling: Telling
    of: Mapping[str, Bounds]
    masked: frozenset[str]
    needs: Needs

    def initial(self) -> Stretches:
        """No match yet."""
        return Stretches()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Tell of each record outside, and of what is over."""
        assert isinstance(state, Stretches)
        return self.telling.tell(state, results, self._outside(results) if len(results) else NOTHING)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, Stretches)
        state.drop(slots)

    def _outside(self, results: WindowResults) -> Found:
        outside = np.zeros((len(results), len(self.of)), np.bool_)
        for c, (name, bounds) in enumerate(self.of.items()):
            numbers = results.columns[name].numbers()
            low, high = bounds.min, bounds.max
            outside[:, c] = (numbers < (-np.inf if low is None else low)) | (
                numbers > (np.inf if high is None else high)
            )
        rows = np.nonzero(outside.any(axis=1))[0]
        if not len(rows):
            return NOTHING
        which = outside[rows]
        return Found(rows, self._observed(results, rows, which), self._expected(which))

    def _observed(self, results: WindowResults, rows: np.ndarray, which: np.ndarray) -> dict[str, Column]:
        """Only the fields that are outside."""
        seen: dict[str, Column] = {}
        for c, name in enumerate(self.of):
            if which[:, c].any() and name not in self.masked:
                numbers = results.columns[name].numbers()[rows]
                seen[name] = Aside("float", numbers=np.where(which[:, c], numbers, np.nan))
        return seen

    def _expected(self, which: np.ndarray) -> list[str]:
        kinds, place = np.unique(which, axis=0, return_inverse=True)
        words = [
            ", ".join(
                f"{name} {bounds.words}"
                for (name, bounds), out in zip(self.of.items(), kind, strict=True)
                if out
            )
            for kind in kinds.tolist()
        ]
        return [words[p] for p in place.ravel().tolist()]
