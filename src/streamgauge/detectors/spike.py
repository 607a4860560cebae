"""Tells when a number is several times what it was in the window before, or in the same one yesterday or last week.

When to use it: the level differs from key to key and drifts over months, so that no limit fits, but it never
jumps.

**The rule.** A window with value v is compared with r, the value of the window ``against`` which it is held:
the one before (``previous``: the window of the same length that ends where this one begins), or the one that
began a day (``yesterday``) or seven days (``last_week``) earlier. It fires upwards when v ≥ ``ratio``·r and v >
r, downwards when v ≤ r/``ratio`` and v < r, as ``direction`` asks, and is clear otherwise. So against the
window before a lasting jump is told once; against yesterday it is told for a day.

**When it cannot know.** Until a key's first window lies so far back it is ``learning``. When r <
``min_reference``, and v < ``min_current``, it says ``not_enough_data``: 3 after 1 is no spike. A window without
records counts as 0 where the value is a count or a sum, else it has no value; whoever has to tell that keys
fall to nothing sets ``include_empty`` on the window. Windows whose beginning was not seen are neither judged
nor compared with.

Parameters: ``value`` (a column of ``compute``, default the only number), ``against`` (``previous``,
``yesterday``, ``last_week``; default ``previous``), ``ratio`` (default 3), ``direction`` (``up``, ``down``,
``both``; default ``up``), ``min_reference`` (default 10 of a count, else 0), ``min_current`` (default 0),
``severity`` (default ``critical``). State: 16 bytes per key and 8 per window between the two: 24 bytes against
the window before, 2.3 kB for windows of 5 minutes against yesterday. It is ElastAlert's ``spike`` and
``spike_aggregation``.

>>> from streamgauge.testing import judge
>>> judge("spike", {"ratio": 3, "min_reference": 2}, size="10s", times=[0, 1, 10, 11, *range(20, 26), 30, 40])
['10.0 learning', '20.0 ok', '30.0 critical', '40.0 ok']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamgauge.batch import Column, FloatArray, SlotArray
from streamgauge.detectors import bounds
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.judged import Judged, ValueConfig, the_value
from streamgauge.errors import ConfigError
from streamgauge.kernels import rings as kernels
from streamgauge.state import State, Tables, grown
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

DAY = 86_400_000_000
MOST = 20_160
"""So many windows back at most: a week of half minutes."""

_WORDS = {"previous": "in the window before", "yesterday": "a day before", "last_week": "a week before"}


class Config(ValueConfig, bounds.WindowRuleConfig):
    """``detect: {type: spike, value: orders, against: yesterday, ratio: 3, direction: both}``."""

    shaped_by: ClassVar[tuple[str, ...]] = ("value", "against")

    type: Literal["spike"] = "spike"
    against: Literal["previous", "yesterday", "last_week"] = "previous"
    """The window that it is compared with."""
    ratio: Annotated[float, Field(gt=1)] = 3.0
    """How many times as much, or as little, is a spike."""
    direction: Literal["up", "down", "both"] = "up"
    """Which way."""
    min_reference: Annotated[float, Field(ge=0)] | None = None
    """Compare only with at least this; default: 10 of a count, else 0."""
    min_current: float = 0.0
    """Judge only at least this."""


EXAMPLE = {
    "window": {
        "type": "hopping",
        "size": "4s",
        "advance": "2s",
        "by": "key",
        "compute": {"seen": "count(*)"},
    },
    "detect": {"type": "spike", "ratio": 1.5, "direction": "both", "min_reference": 1},
}
"""A monitor for the checks of the contract."""


def _orders() -> tuple[list[float], list[float], None]:
    """Orders of ten minutes by the second: about 20 in 10 s, and 90 in one of them."""
    drawn = np.random.default_rng(3).poisson(2.0, 600).tolist()
    many = [9 if 300 <= t < 310 else n for t, n in enumerate(drawn)]
    times = [t + i / 10 for t, n in enumerate(many) for i in range(n)]
    return times, [1.0] * len(times), None


PICTURE = Picture(
    "spike: three times the orders of the 10 s before", {"value": "orders", "ratio": 3}, _orders,
    compute={"orders": "count(*)"}, size="10s", value="orders",
)  # fmt: skip


def build(config: Config, context: Context) -> Spike:
    """The detector of one monitor.

    Raises:
        ConfigError: where the windows or the value do not fit.
    """
    bounds.check_grid(config, context)
    judged = the_value(config.value, context)
    back = {"previous": context.size, "yesterday": DAY, "last_week": 7 * DAY}[config.against]
    if back % context.advance or back < context.size:
        raise ConfigError(
            f"against: {config.against} needs windows that begin at the same times each day, such as every 5m; and the "
            "one before needs an `advance` of which `size` is a multiple"
        )
    if back // context.advance > MOST:
        raise ConfigError(
            f"against: {config.against} would keep {back // context.advance:,} windows of each key; take windows that begin "
            f"at least {back // MOST // 1_000_000 + 1}s apart"
        )
    whole = judged.expression.kind == "int"
    least = config.min_reference if config.min_reference is not None else 10.0 if whole else 0.0
    return Spike(
        context.monitor, judged, config, bounds.severity_of(config), context.advance, back // context.advance,
        least, _of_no_records(judged, context), context.include_empty,
    )  # fmt: skip


def _of_no_records(judged: Judged, context: Context) -> float:
    """The value of a window without records: NaN where it has none."""
    columns = {
        name: Column(kind, values=[0 if name in context.zeros else None])
        for name, kind in context.columns.items()
    }
    return float(judged.expression.evaluate(columns, 1).numbers()[0])


class SpikeState:
    """The last windows of each key; see :func:`streamgauge.kernels.rings.compare`."""

    version = 1

    def __init__(self, lag: int) -> None:
        self.lag = lag
        self.first = np.zeros(0, np.int64)
        self.newest = np.zeros(0, np.int64)
        self.ring = np.zeros(0, np.float64)

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        self.first = grown(self.first, slots, kernels.UNSEEN)
        self.newest = grown(self.newest, slots, kernels.UNSEEN)
        self.ring = grown(self.ring, len(self.first) * self.lag, np.nan)

    def tables(self) -> Tables:
        """One row per key, and one per key and window."""
        kept = self.ring[: len(self.first) * self.lag]
        return {"keys": {"first": self.first, "newest": self.newest}, "ring": {"value": kept}}

    def restore(self, tables: Tables) -> None:
        """Take over saved keys."""
        keys, ring = tables["keys"], tables["ring"]["value"]
        held = len(keys["first"])
        self.make_room(held)
        self.first[:held], self.newest[:held] = keys["first"], keys["newest"]
        self.ring[: len(ring)] = ring


@dataclass(frozen=True, slots=True)
class Spike:
    """See the module's text."""

    monitor: str
    judged: Judged
    config: Config
    severity: Severity
    advance: int
    lag: int
    least: float
    empty: float
    include_empty: bool

    @property
    def needs(self) -> Needs:
        """Nothing beside the window."""
        return Needs(waits=False)

    def initial(self) -> SpikeState:
        """No window known."""
        return SpikeState(self.lag)

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Compare each closed window with its own earlier one."""
        assert isinstance(state, SpikeState)
        state.make_room(len(results.keys))
        values, before = self.judged.numbers(results), np.full(len(results), np.nan)
        unasked = bounds.unasked(results, include_empty=self.include_empty)
        known = np.zeros(len(results), np.int8)
        closed = np.nonzero(~results.early & ~unasked)[0]
        taught = np.where(results.partial, np.nan, values)[closed]
        was, is_known = before[closed], known[closed]
        kernels.compare(
            results.slots[closed], results.starts[closed] // self.advance, taught, results.offsets[closed] >= 0,
            state.first, state.newest, state.ring, was, is_known, self.lag, self.empty,
        )  # fmt: skip
        before[closed], known[closed] = was, is_known
        answers = self._answers(results, values, before, known)
        answers[unasked] = Severity.NO_DATA
        observed = {
            **self.judged.observed(results, values),
            _WORDS[self.config.against].replace("in the window", "window").replace(" ", "_"): Column(
                "float", numbers=before
            ),
        }
        low, high = before / self.config.ratio, before * self.config.ratio
        kept = ~results.early
        return bounds.verdicts(
            self.monitor, results, (answers, kept), observed,
            lower=low if self.config.direction != "up" else np.full(len(low), np.nan),
            upper=high if self.config.direction != "down" else np.full(len(low), np.nan),
            expected=self._expected(before, kept),
        )  # fmt: skip

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, SpikeState)
        held = slots[slots < len(state.first)]
        state.first[held] = state.newest[held] = kernels.UNSEEN

    def _answers(
        self, results: WindowResults, values: FloatArray, before: FloatArray, known: NDArray[np.int8]
    ) -> NDArray[np.int8]:
        ratio, direction = self.config.ratio, self.config.direction
        up = (values >= ratio * before) & (values > before) & (direction != "down")
        down = (values <= before / ratio) & (values < before) & (direction != "up")
        answers = bounds.judged(results, values, up | down, self.severity)
        there = ~np.isnan(values) & ~results.partial
        small = ~(before >= self.least) | (values < self.config.min_current)
        answers[there & small] = Severity.NOT_ENOUGH_DATA
        answers[there & (known == kernels.TOO_YOUNG)] = Severity.LEARNING
        return answers

    def _expected(self, before: FloatArray, kept: NDArray[np.bool_]) -> list[Any]:
        """In words per row: the limits, and where they come from."""
        words, ratio, direction = _WORDS[self.config.against], self.config.ratio, self.config.direction
        found: list[Any] = []
        for was in before[kept].tolist():
            low = None if direction == "up" else was / ratio
            high = None if direction == "down" else was * ratio
            found.append(None if was != was else f"{bounds.in_words(low, high)} ({was:g} {words})")  # noqa: PLR0124  NaN
        return found
