"""Knows what is usual at this hour and weekday, and tells what is not.

When to use it: traffic, orders, load: whatever follows days and weeks. A busy Sunday night is an anomaly although Monday
noon is busier. Behind a window of minutes to an hour; a series without such a course is judged by its running mean.

**What it assumes.** The same time of day, or of the week (UTC), is alike; how far values scatter is alike at all times.

**The rule.** Time is cut into slots (``slot``, 30m). Three ways foretell a value: the running mean, the slot's mean over
earlier days (from the third visit on), and over earlier weeks (from the second). Each way's mean squared miss is kept; the
plainer way is used unless the richer one misses by a fifth less. With f foretold and e its root mean squared miss::

    strength = (|x - f| / 6 e)^2;    score = strength / (1 + strength)

so six times the usual miss is a score of one half. Today never teaches today: a slot learns when its visit is over.
``expected`` is f, ``lower`` and ``upper`` are where it would alarm; the evidence says which way foretold.

**When it alarms** and when it accepts a new level is as with ``auto``: ``budget`` false alarms of the whole monitor
(default ``1 per week``), or a fixed ``sensitivity`` or ``limit``; ``accept_after`` is 6 hours. While a key's alarm is open its
results teach nothing but the slots of the week: what comes back each week is usual, though it alarms the first times. A key
is ``learning`` for its first ``learn`` (150) results, and in each slot of the day until it was visited three times.

State: 2.2 kB per key with slots of 30 minutes, 1.3 kB with slots of an hour. Source: seasonal means with choice by one-step
error, as in classical decomposition, learned online.

>>> from streamgauge.testing import judge
>>> hours = range(24 * 12)
>>> usual = [10.0 + (20.0 if 8 <= hour % 24 < 18 else 0.0) + (7 * hour % 5) for hour in hours]
>>> usual[24 * 11 + 3] = 30.0                      # what is usual at noon comes at three in the night
>>> said = judge("seasonal", {"sensitivity": "medium", "slot": "1h"}, times=[3600.0 * h for h in hours], values=usual)
>>> [line for line in said if "learning" not in line and "ok" not in line]
['961200.0 critical']
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar, Literal

import numpy as np

from streamgauge.batch import Column
from streamgauge.clock import format_duration, to_micros
from streamgauge.detectors.contract import Context, Picture
from streamgauge.detectors.keyed import Held
from streamgauge.detectors.online import Feed, Online, online
from streamgauge.detectors.series import SeriesConfig, SeriesState, unusual
from streamgauge.errors import ConfigError
from streamgauge.kernels import levels as kernels
from streamgauge.kernels.alarms import Answers
from streamgauge.settings import PositiveDuration

STREAMS = ("running mean", "time of day", "time of week")
_DAY = timedelta(days=1)


class Config(SeriesConfig):
    """``detect: {type: seasonal, value: orders, slot: 1h}``."""

    shaped_by: ClassVar[tuple[str, ...]] = ("slot",)

    type: Literal["seasonal"] = "seasonal"
    slot: PositiveDuration = timedelta(minutes=30)
    """The pieces into which day and week are cut; a day must be whole pieces."""
    accept_after: PositiveDuration = timedelta(hours=6)
    """While it alarms a key teaches nothing but the slots of the week; a shift that lasts so long is the new level."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {"type": "seasonal", "learn": 3, "limit": 0.2, "hold": 3, "accept_after": "4s", "slot": "12h"},
}
"""A monitor for the checks of the contract."""


def _shop() -> tuple[list[float], list[float], None]:
    """Orders per hour over three weeks: days and quiet Sundays; one night is as busy as a day."""
    hours = np.arange(24 * 21)
    day, week = hours % 24, hours // 24 % 7
    level = 20 + 30 * np.maximum(0, np.sin((day - 6) / 24 * 2 * np.pi)) * np.where(week == 3, 0.3, 1.0)
    values = np.random.default_rng(5).poisson(level).astype(float)
    values[24 * 18 + 2] = 55
    return [3600.0 * float(h) for h in hours], values.tolist(), None


PICTURE = Picture(
    "seasonal: what is usual by day comes at night", {"sensitivity": "medium", "slot": "1h"}, _shop
)


def build(config: Config, context: Context) -> Online:
    """The detector of one monitor.

    Raises:
        ConfigError: it is not clear which number to judge, or a day is no whole number of slots.
    """
    if _DAY % config.slot or config.slot < timedelta(minutes=5):
        raise ConfigError(
            f"slot: {format_duration(config.slot)} must be at least 5m and go into a day without rest, "
            "such as 15m, 30m, 1h or 6h"
        )
    rule, side = config.rule(), config.which()
    length, per_day = to_micros(config.slot), _DAY // config.slot
    held = _held(per_day)

    def loop(state: SeriesState, feed: Feed, out: Answers) -> Mapping[str, Column]:
        slots = kernels.Slots(*state.named(list(held)))
        kernels.seasonal(*feed.rows, slots, state.alarms(), state.pool(), rule, side, length, per_day, out)
        return unusual(STREAMS, out)

    return online(config, context, held, loop)


def _held(per_day: int) -> dict[str, Held]:
    """See :class:`streamgauge.kernels.levels.Slots`."""
    return {
        "level": Held(np.float32, (8 * per_day,)), "visits": Held(np.int8, (8 * per_day,)),
        "now": Held(np.int32), "total": Held(np.float64), "counted": Held(np.int64), "spoiled": Held(np.int8),
        "origin": Held(np.float64), "mean": Held(np.float64), "error": Held(np.float64, (3,)),
        "trial": Held(np.float64, (3,)),
        "tried": Held(np.int64, (3,)),
    }  # fmt: skip
