"""The contract of a scenario: a small world that yields the same bytes for the same seed, and tells its faults.

A scenario is asked for **blocks** of :data:`BLOCK` records by their number. Each block is drawn from its own
random stream, seeded by (seed, scenario, block), so any record can be made without those before it and no
reader's batch size changes a byte. What is planted depends on the seed and the time since the start alone,
never on how many records are asked for: a shorter generation is the beginning of a longer one.

A module in this folder offers ``SCENARIO: Scenario``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple, Protocol

import numpy as np

from streamgauge.batch import BoolArray, IntArray
from streamgauge.clock import SECOND, iso
from streamgauge.errors import ConfigError

BLOCK = 8192
"""Records per block; part of what the bytes depend on, so it never changes."""

CYCLE = 300 * SECOND
"""Microseconds after which faults are planted anew, with other keys."""

_MILLI = 1_000


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that the bytes of one generation depend on, beside the scenario.

    Attributes:
        seed: zero or more.
        start: event time of the beginning, microseconds.
        millirate: records per 1,000 seconds of event time; an integer, so that times are exact.
        faults: whether anything is planted.
    """

    seed: int
    start: int
    millirate: int
    faults: bool = True

    @property
    def rate(self) -> float:
        """Records per second of event time."""
        return self.millirate / _MILLI

    def elapsed(self, index: int) -> int:
        """Microseconds from the start to the arrival of record ``index``."""
        return index * SECOND * _MILLI // self.millirate

    def arrivals(self, first: int, count: int) -> IntArray:
        """int64[count] arrival times of the records from ``first`` on, microseconds.

        The part that may outgrow 64 bits, after some 10**10 records, is done in Python's integers.
        """
        whole, rest = divmod(first * SECOND * _MILLI, self.millirate)
        steps = np.arange(count, dtype=np.int64) * (SECOND * _MILLI) + rest
        return steps // self.millirate + (self.start + whole)

    def index_at(self, elapsed: int) -> int:
        """The first record that arrives ``elapsed`` microseconds after the start, or later."""
        return -(-elapsed * self.millirate // (SECOND * _MILLI))


@dataclass(frozen=True, slots=True)
class Planted:
    """One fault put into the stream on purpose.

    Attributes:
        what: the kind of fault, such as ``burst``.
        monitor_hint: a rule, in words, that finds it.
        key: whom it concerns; None where it concerns the stream.
        start: event time at which it begins, microseconds; for late records their arrival.
        end: the moment after its last record, microseconds.
        detail: what was done, in numbers.
    """

    what: str
    monitor_hint: str
    key: str | None
    start: int
    end: int
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Plain data with ISO 8601 times, as every output writes it."""
        return {
            "what": self.what,
            "monitor_hint": self.monitor_hint,
            "key": self.key,
            "start": iso(self.start),
            "end": iso(self.end),
            "detail": self.detail,
        }

    def during(self, times: IntArray) -> BoolArray:
        """bool[n]: which moments lie in [start, end)."""
        return (times >= self.start) & (times < self.end)


@dataclass(frozen=True, slots=True)
class Block:
    """Records ``first`` to ``first + BLOCK``, in the order of their arrival.

    Attributes:
        first: index of the first record.
        payloads: the bytes of each.
        keys: what each is placed by (the scenario's ``key``), also of records that cannot be read.
        arrivals: int64[BLOCK], when each arrives, microseconds, ascending. Its event time is the same or up
            to ``disorder`` earlier, except where late records are planted.
    """

    first: int
    payloads: Sequence[bytes]
    keys: Sequence[str]
    arrivals: IntArray


class Scenario(Protocol):
    """One world. Implementations have no state; what they cache depends on their arguments alone."""

    @property
    def name(self) -> str:
        """The module's name; with the seed it determines every draw."""
        ...

    @property
    def key(self) -> str:
        """The field that records are placed and keyed by."""
        ...

    @property
    def rate(self) -> float:
        """Records per second of event time unless told otherwise."""
        ...

    @property
    def slowest(self) -> float:
        """The smallest rate at which planted faults stand out from the rest."""
        ...

    @property
    def disorder(self) -> timedelta:
        """How far an event time may lie behind its arrival; a ``lateness`` above this loses nothing."""
        ...

    def faults(self, run: Run, cycle: int) -> Sequence[Planted]:
        """What is planted between ``cycle`` × :data:`CYCLE` and the next, by start. Pure."""
        ...

    def block(self, run: Run, number: int) -> Block:
        """Records ``number`` × :data:`BLOCK` and on. Pure."""
        ...


def start_run(scenario: Scenario, *, seed: int, start: int, rate: float | None, faults: bool) -> Run:
    """The run that these settings describe; ``rate`` None takes the scenario's own.

    Raises:
        ConfigError: a rate of nothing, or one too small for what is planted.
    """
    chosen = scenario.rate if rate is None else rate
    millirate = round(chosen * _MILLI)
    if millirate < 1:
        raise ConfigError(f"a rate of {chosen:g} records/s is too small: the least is 0.001")
    if faults and chosen < scenario.slowest:
        raise ConfigError(
            f"at {chosen:g} records/s the faults of {scenario.name!r} would drown the rest: "
            f"use a rate of at least {scenario.slowest:g}, or plant nothing (`faults: false`, `--quiet`)"
        )
    return Run(seed, start, millirate, faults)


def planted(scenario: Scenario, run: Run, records: int) -> list[Planted]:
    """What is planted among the first ``records`` records, by start.

    A fault that begins before the end of the data but is cut off by it is listed up to there and says so.
    """
    if not run.faults or records <= 0:
        return []
    end = run.start + run.elapsed(records)
    cycles = range((end - run.start) // CYCLE + 1)
    found = [fault for cycle in cycles for fault in scenario.faults(run, cycle) if fault.start < end]
    return [_until(fault, end) for fault in found]


def _until(fault: Planted, end: int) -> Planted:
    if fault.end <= end:
        return fault
    detail = f"{fault.detail}; cut off by the end of the data"
    return Planted(fault.what, fault.monitor_hint, fault.key, fault.start, end, detail)


def touching(scenario: Scenario, run: Run, arrivals: IntArray) -> list[Planted]:
    """The faults that may change a record among ``arrivals`` (one block's, ascending)."""
    if not run.faults:
        return []
    first = int(arrivals[0]) - run.start - int(scenario.disorder / timedelta(microseconds=1))
    last = int(arrivals[-1]) - run.start
    cycles = range(max(first, 0) // CYCLE, last // CYCLE + 1)
    found = (fault for cycle in cycles for fault in scenario.faults(run, cycle))
    return [fault for fault in found if fault.end > run.start + first and fault.start <= run.start + last]


def spread(run: Run, fault: Planted, count: int, first: int) -> tuple[IntArray, IntArray]:
    """Which rows of the block that begins at ``first`` hold the ``count`` records of ``fault``, evenly spread.

    Exact: over all blocks ``count`` different rows, all of which arrive within [start, end), provided that
    at least ``count`` records do.

    Returns:
        int64[m] rows, ascending, and int64[m] which of the ``count`` each of them is.
    """
    begin = run.index_at(fault.start - run.start)
    room = run.index_at(fault.end - run.start) - begin
    numbers = np.arange(count, dtype=np.int64)
    rows = begin - first + numbers * room // count
    here = (rows >= 0) & (rows < BLOCK)
    return rows[here], numbers[here]


class Plan(NamedTuple):
    """One fault of a cycle before its moment is known; ``at`` and ``lasts`` in seconds."""

    at: int
    lasts: int
    what: str
    key: str | None
    hint: str
    detail: str


def schedule(run: Run, cycle: int, shifts: IntArray, plans: Sequence[Plan]) -> tuple[Planted, ...]:
    """The faults of ``cycle``, each at its second plus its shift (milliseconds)."""
    origin = run.start + cycle * CYCLE
    starts = [
        origin + plan.at * SECOND + shift * 1000 for plan, shift in zip(plans, shifts.tolist(), strict=True)
    ]
    return tuple(
        Planted(plan.what, plan.hint, plan.key, start, start + plan.lasts * SECOND, plan.detail)
        for plan, start in zip(plans, starts, strict=True)
    )
