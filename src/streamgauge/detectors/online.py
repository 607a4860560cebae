"""The shape of most series detectors: what they keep per key, and one row loop; the rest is the same for all.

A detector of this shape says in ``build`` what it holds and which kernel runs::

    class Config(SeriesConfig): ...

    def build(config: Config, context: Context) -> Online:
        rule, side = config.rule(), config.which()

        def loop(state: SeriesState, feed: Feed, out: Answers) -> Mapping[str, Column]:
            kept = kernels.Kept(*state.named(list(_HELD)))
            kernels.run(*feed.rows, kept, state.alarms(), state.pool(), rule, side, out)
            return {}    # evidence, by name: one value per row

        return online(config, context, _HELD, loop)

The kernel ends each row with :func:`streamgauge.kernels.alarms.judge`, which says whether that result may teach.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

from numpy.typing import NDArray

from streamgauge.batch import Column, SlotArray
from streamgauge.detectors.contract import Context, Needs
from streamgauge.detectors.judged import Judged, the_value
from streamgauge.detectors.keyed import Held
from streamgauge.detectors.series import (
    ALARMS,
    POOL,
    SeriesConfig,
    SeriesState,
    answered,
    apart_of,
    judged_rows,
    moments,
    room_for,
    series_needs,
)
from streamgauge.kernels.alarms import Answers
from streamgauge.state import State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults


class Feed(NamedTuple):
    """What a kernel reads, [n].

    Slots, values (NaN = missing), the last moment within each result (microseconds), which teach nothing, when each began.
    """

    slots: NDArray[Any]
    values: NDArray[Any]
    times: NDArray[Any]
    apart: NDArray[Any]
    starts: NDArray[Any]

    @property
    def rows(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        """What every kernel takes first."""
        return self.slots, self.values, self.times, self.apart


Loop: TypeAlias = Callable[[SeriesState, Feed, Answers], Mapping[str, Column]]
"""Judges and learns row after row, fills the answers, and returns the evidence."""


@dataclass(frozen=True, slots=True)
class Online:
    """A detector of one series.

    Attributes:
        monitor: whose it is.
        judged: the number that it reads.
        severity: what its alarms are.
        needs: what it asks of the path.
        held: what it keeps beside alarms and pool.
        loop: its row loop.
    """

    monitor: str
    judged: Judged
    severity: Severity
    needs: Needs
    held: Mapping[str, Held]
    loop: Loop

    def initial(self) -> SeriesState:
        """Nothing seen."""
        return SeriesState({**ALARMS, **POOL, **self.held})

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each result, then learn from it."""
        assert isinstance(state, SeriesState)
        results = judged_rows(results) or results
        numbers, out = self.judged.numbers(results), room_for(results)
        state.make_room(len(results.keys))
        feed = Feed(results.slots, numbers, moments(results), apart_of(results), results.starts)
        evidence = self.loop(state, feed, out)
        return answered(self.monitor, self.severity, (self.judged, numbers), results, out, evidence)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, SeriesState)
        state.drop(slots)


def online(config: SeriesConfig, context: Context, held: Mapping[str, Held], loop: Loop) -> Online:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge.
    """
    assert not held.keys() & {*ALARMS, *POOL}, "two arrays of one name"
    judged = the_value(config.value, context)
    return Online(context.monitor, judged, config.how_bad(), series_needs(judged, context), held, loop)
