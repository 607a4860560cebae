"""All series of a table carried on: by worker processes where there are many, with a word on how far it is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from streamgauge.errors import ConfigError
from streamgauge.forecasting.choosing import LEAST, Forecast
from streamgauge.forecasting.fitting import Asked
from streamgauge.forecasting.series import Series
from streamgauge.forecasting.workers import fitted
from streamgauge.kernels import jit

STEPS = 24
"""Of a forecast, where no horizon is given."""
MOST = 10_000
ALONE = 200
"""Series; fewer are not worth a process, unless some are asked for."""
LONG = 10_000
"""Values of all series together; from so many on compiling pays, also in workers."""

Named = tuple[str | None, Series | None]


@dataclass(frozen=True, slots=True)
class How:
    """How series are carried on.

    Attributes:
        horizon: microseconds; None: STEPS steps.
        model, interval: as in :func:`~streamgauge.forecasting.choosing.forecast`.
        workers: how many processes; None: as many as there are processors, none for few series.
    """

    horizon: int | None = None
    model: str = "auto"
    interval: float = 0.9
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is: series done and in all, per second, and the seconds that are left at that rate."""

    done: int
    total: int
    rate: float
    left: float


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one series: the forecast, or how many values it had; ``given_up`` where its fit ended its workers."""

    key: str | None
    forecast: Forecast | None
    known: int = 0
    given_up: bool = False


def refit(named: Sequence[Named], how: How, say: Callable[[Progress], None]) -> Iterator[Found]:
    """Carry on each series, in any order; ``say`` is called after each.

    Raises:
        ConfigError: the horizon has too many steps.
        OutsideError: workers cannot be had.
    """
    asked = []
    began, done = time.monotonic(), 0

    def said() -> None:
        rate = done / max(time.monotonic() - began, 1e-9)
        say(Progress(done, len(named), rate, (len(named) - done) / rate))

    for number, (key, series) in enumerate(named):
        if series is None or series.known < LEAST:
            done += 1
            yield Found(key, None, 0 if series is None else series.known)
        else:
            asked.append(Asked.of(number, series, steps_of(series, how.horizon), (how.model, how.interval)))
    if done:
        said()
    long = sum(len(one.values) // 8 for one in asked) > LONG
    jit.choose(live=long)
    for answer in fitted(asked, _workers(how.workers, len(asked)), long=long):
        done += 1
        said()
        key = named[answer.number][0]
        found = None if answer.fitted is None else answer.fitted.forecast()
        yield Found(key, found, answer.known, answer.given_up)


def steps_of(series: Series, horizon: int | None) -> int:
    """How many steps of a series a horizon is.

    Raises:
        ConfigError: too many.
    """
    steps = STEPS if horizon is None else -(-horizon // series.step)
    if steps > MOST:
        raise ConfigError(
            f"--horizon: {steps:,} steps of {timedelta(microseconds=series.step)} are more than {MOST:,}; "
            "make the series coarser with `--every`"
        )
    return steps


def _workers(wanted: int | None, series: int) -> int:
    if wanted is not None:
        return min(wanted, series)
    return 0 if series < ALONE else os.cpu_count() or 1
