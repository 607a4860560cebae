"""Temperature sensors, each with a period of its own: 1 s, 2 s or 5 s; a slow wave, a little noise.

Half of the readings come from sensors with a period of 1 s, three tenths from 2 s, a fifth from 5 s. At rates
that are multiples of 20 the periods are exact, else they stretch or shrink a little. A sensor stays within
1.2 degrees over a minute and between 10 and 35 degrees at all times; no two readings in a row agree for long.

Planted, each 300 s anew, on sensors with a period of 1 s:

=========== ==== ========================================================================================
what        at s
=========== ==== ========================================================================================
``stuck``   10   one sensor repeats one value for 30 s
``drift``   20   one sensor climbs by 8 degrees in 60 s
``spike``   45   one sensor reads 40 degrees too much for 5 s
``missing`` 50   one sensor sends nothing for 25 s
=========== ==== ========================================================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import numpy as np

from streamgauge.batch import IntArray
from streamgauge.clock import SECOND
from streamgauge.sources.scenarios._draws import Draws, normal, render, sine
from streamgauge.sources.scenarios.contract import BLOCK, Block, Plan, Planted, Run, schedule, touching

_ROW = '{"id":"r-%07d","sensor":"%s","celsius":%d.%02d,"at":%d}'
_WAVE = 3600 * SECOND
_UNIT = 20
"""Readings a second that one unit of 10 + 12 + 20 sensors sends."""


@dataclass(frozen=True, slots=True)
class Sensors:
    """See the module; ``lateness: 1s`` loses nothing."""

    name: str = "sensors"
    key: str = "sensor"
    rate: float = 200.0
    slowest: float = 20.0
    disorder: timedelta = timedelta(milliseconds=200)

    def faults(self, run: Run, cycle: int) -> Sequence[Planted]:
        """Four, each shifted by up to a second."""
        return _faults(run, cycle)

    def block(self, run: Run, number: int) -> Block:
        """Read everything as on a calm day, then plant."""
        first = number * BLOCK
        arrivals = run.arrivals(first, BLOCK)
        rows = _calm(run, number, arrivals)
        for fault in touching(self, run, arrivals):
            rows.plant(fault)
        sensors = list(map(_names(_units(run)).__getitem__, rows.sensor.tolist()))
        return Block(first, rows.payloads(sensors), sensors, arrivals)


SCENARIO = Sensors()


@dataclass(slots=True)
class _Rows:
    """A block's columns while faults are planted; ``value`` in hundredths of a degree."""

    first: int
    fast: int
    times: IntArray
    sensor: IntArray
    value: IntArray

    def plant(self, fault: Planted) -> None:
        """Change what ``fault`` says."""
        sensor = int((fault.key or "")[2:])
        hit = fault.during(self.times) & (self.sensor == sensor)
        if fault.what == "stuck":
            self.value[hit] = base_of(np.array([sensor]))[0]
        elif fault.what == "drift":
            self.value[hit] += 800 * (self.times[hit] - fault.start) // (fault.end - fault.start)
        elif fault.what == "spike":
            self.value[hit] += 4000
        else:  # its turns go to the next sensor, which reads once more
            self.sensor[hit] = (sensor + 1) % self.fast
            self.value[hit] += base_of(self.sensor[hit]) - base_of(np.array([sensor]))[0]

    def payloads(self, sensors: Sequence[str]) -> list[bytes]:
        """The records as JSON."""
        return render(
            _ROW,
            range(self.first, self.first + BLOCK),
            sensors,
            (self.value // 100).tolist(),
            (self.value % 100).tolist(),
            (self.times // 1000).tolist(),
        )


def base_of(sensors: IntArray) -> IntArray:
    """What each sensor reads on average: 15 to 30 degrees, in hundredths."""
    return 1500 + (sensors * 2_654_435_761 >> 9) % 1500


def _calm(run: Run, number: int, arrivals: IntArray) -> _Rows:
    draws = Draws("sensors", run.seed, number)
    lag = draws.below(SCENARIO.disorder // timedelta(microseconds=1), BLOCK)
    noise = draws.from_table(normal(15), BLOCK)
    turns = _turns(_units(run))
    first = number * BLOCK
    sensor = turns[(first % len(turns) + np.arange(BLOCK, dtype=np.int64)) % len(turns)]
    times = np.maximum(arrivals - lag, run.start)
    wave = 100 * sine()[(times % _WAVE) * 4096 // _WAVE] // 1_000_000
    return _Rows(first, 10 * _units(run), times, sensor, base_of(sensor) + wave + noise)


def _units(run: Run) -> int:
    return min(max(round(run.rate) // _UNIT, 1), 20_000)


@lru_cache(maxsize=4)
def _turns(units: int) -> IntArray:
    """Who reads when, over ten seconds: all of the first class each second, the others by turns."""
    fast = np.arange(10 * units)
    middle = 10 * units + np.arange(12 * units)
    slow = 22 * units + np.arange(20 * units)
    seconds = [np.concatenate([fast, middle[s % 2 :: 2], slow[s % 5 :: 5]]) for s in range(10)]
    return np.concatenate(seconds)


@lru_cache(maxsize=4)
def _names(units: int) -> tuple[str, ...]:
    return tuple(f"s-{number:04d}" for number in range(42 * units))


@lru_cache(maxsize=64)
def _faults(run: Run, cycle: int) -> tuple[Planted, ...]:
    draws = Draws("sensors", "faults", run.seed, cycle)
    shifts = draws.below(1000, 4)
    # every second one, so that the neighbour who stands in for a missing one has no fault of its own
    sensors = [f"s-{2 * number:04d}" for number in draws.some(5 * _units(run), 4)]
    plans = (
        Plan(10, 30, "stuck", sensors[0], "distinct(celsius) by sensor = 1 in 10 s", "one value for 30 s"),
        Plan(20, 60, "drift", sensors[1], "max - min by sensor > 3 in 30 s", "8 degrees more over 60 s"),
        Plan(45, 5, "spike", sensors[2], "max(celsius) by sensor > 50", "40 degrees too much for 5 s"),
        Plan(50, 25, "missing", sensors[3], "silence by sensor after 15 s", "no reading for 25 s"),
    )
    return schedule(run, cycle, shifts, plans)
