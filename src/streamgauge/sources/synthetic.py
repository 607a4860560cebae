"""Invented streams with known faults, for looking, learning and testing; nothing outside is needed.

The same settings give the same bytes, on every machine and however the reading is cut up. The scenarios are
the modules of :mod:`streamgauge.sources.scenarios`; what is planted in them is told by :func:`planted`.
"""

from __future__ import annotations

import threading
import zlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema, field_validator, model_validator

from streamgauge.batch import IntArray, Partition
from streamgauge.clock import SECOND, Clock, iso, to_micros
from streamgauge.sources import scenarios
from streamgauge.sources.contract import Poll, Slice, SourceConfig, Tail
from streamgauge.sources.scenarios import contract
from streamgauge.sources.scenarios.contract import BLOCK, Block, Planted, Run, Scenario, start_run

START = datetime(2026, 1, 1, tzinfo=UTC)
"""Event time of the beginning unless told otherwise: fixed, so that the same seed means the same bytes."""

_TICK = 10_000
"""Microseconds: paced records come in ticks, so that a reader is not woken for each of them."""
_KEPT_BLOCKS = 4


def read_start(value: object) -> object:
    """``now``, an ISO 8601 text or a datetime; without a zone it is UTC.

    Raises:
        ValueError: with what was expected.
    """
    if value == "now":
        return value
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise ValueError(  # noqa: TRY004  pydantic tells users about ValueErrors only
            f"{value!r} is no start: write `now` or a moment such as 2026-01-01T00:00:00Z"
        )
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


Start = Annotated[
    datetime | Literal["now"],
    BeforeValidator(read_start),
    PlainSerializer(lambda start: start if start == "now" else iso(to_micros(start)), return_type=str),
    WithJsonSchema({"type": "string", "examples": ["now", "2026-01-01T00:00:00Z"]}),
]


class Config(SourceConfig):
    """A stream that is invented while it is read.

    Attributes:
        scenario: the world: a module of ``sources/scenarios``.
        seed: which of its days; the same seed gives the same bytes.
        records: after so many it ends; None goes on for ever.
        rate: records per second, both in event time and in real time; None reads as fast as it can, at the
            scenario's own rate in event time.
        partitions: how many; records are placed by a hash of the scenario's key.
        start: event time of the beginning. ``now`` makes event times follow the wall clock, so they differ
            from start to start of the process.
        faults: whether faults are planted.
    """

    type: Literal["synthetic"] = "synthetic"
    scenario: str
    seed: Annotated[int, Ge(0)] = 1
    records: Annotated[int, Gt(0)] | None = None
    rate: Annotated[float, Gt(0)] | None = None
    partitions: Annotated[int, Ge(1)] = 1
    start: Start = START
    faults: bool = True

    @field_validator("scenario")
    @classmethod
    def _scenario_exists(cls, name: str) -> str:
        scenarios.find(name)
        return name

    @model_validator(mode="after")
    def _settings_agree(self) -> Config:
        if self.start == "now" and self.rate is None:
            raise ValueError(
                "`start: now` needs a `rate`, for without one records are read faster than their event "
                "times pass and run ahead of the clock; give a rate or a fixed start"
            )
        start_run(scenarios.find(self.scenario), seed=self.seed, start=0, rate=self.rate, faults=self.faults)
        return self


@dataclass(frozen=True, slots=True)
class Records:
    """Some records in a row, as :meth:`Generation.read` gives them; lists of one length."""

    first: int
    payloads: Sequence[bytes]
    keys: Sequence[str]
    arrivals: IntArray

    def __len__(self) -> int:
        return len(self.payloads)


class Generation:
    """Any records of a run, by number; the blocks used last are kept.

    >>> run = start_run(scenarios.find("payments"), seed=1, start=0, rate=None, faults=True)
    >>> Generation(scenarios.find("payments"), run).read(100_000, 2).keys
    ['a-0298', 'a-1894']
    """

    def __init__(self, scenario: Scenario, run: Run) -> None:
        self.scenario = scenario
        self.run = run
        self._blocks: OrderedDict[int, Block] = OrderedDict()

    def read(self, first: int, count: int) -> Records:
        """At most ``count`` records from ``first`` on: those that lie in the same block, so at least one."""
        block = self._block(first // BLOCK)
        low = first - block.first
        high = min(low + count, BLOCK)
        return Records(first, block.payloads[low:high], block.keys[low:high], block.arrivals[low:high])

    def _block(self, number: int) -> Block:
        if number not in self._blocks:
            self._blocks[number] = self.scenario.block(self.run, number)
            if len(self._blocks) > _KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]


class Pace:
    """How many records are due: all of them, or as many as time has passed for since it was started.

    Args:
        clock: whose monotonic time passes.
        run: at which rate.
        base: the record that is due at once.
    """

    def __init__(self, clock: Clock, run: Run, base: int = 0) -> None:
        self._clock = clock
        self._run = run
        self._base = run.elapsed(base)
        self._began = clock.monotonic()

    def due(self) -> int:
        """The first record that is not due yet."""
        passed = round((self._clock.monotonic() - self._began) * SECOND) // _TICK * _TICK
        return self._run.index_at(self._base + passed + 1)

    def wait_for(self, index: int) -> float:
        """Seconds until record ``index`` is due; zero or less when it is."""
        passed = -(-(self._run.elapsed(index) - self._base) // _TICK) * _TICK / SECOND
        return passed - (self._clock.monotonic() - self._began)


def planted(config: Config, start: int | None = None, *, records: int | None = None) -> list[Planted]:
    """What is planted in the stream that ``config`` describes, by start.

    Args:
        config: the same that is read.
        start: event time of the beginning, microseconds, where the configuration says ``now``.
        records: look at so many records; needed where the configuration names no number.

    Raises:
        ValueError: how far to look, or the start, is not known.
    """
    count = config.records if records is None else records
    moment = start if isinstance(config.start, str) else to_micros(config.start)
    if count is None or moment is None:
        raise ValueError("an endless stream needs `records`, and one that starts now needs `start`")
    scenario = scenarios.find(config.scenario)
    return contract.planted(scenario, _run_of(config, moment), count)


def _run_of(config: Config, start: int) -> Run:
    scenario = scenarios.find(config.scenario)
    return start_run(scenario, seed=config.seed, start=start, rate=config.rate, faults=config.faults)


class SyntheticSource:
    """Reads a generation; implements :class:`streamgauge.sources.contract.Source`.

    The offset of a record is its number in the whole stream, so the offsets of one of several partitions
    have gaps, and any position can be read from without what lies before it. Reading resumes at the lowest
    position and, where paced, at the moment of opening: time spent closed is not made up.
    """

    def __init__(self, config: Config, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._closed = threading.Event()
        self._next: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._new: dict[Partition, int] = {}
        self._ended: set[Partition] = set()
        self._partitions = [Partition(config.scenario, number) for number in range(config.partitions)]

    @property
    def started(self) -> int:
        """Event time of record 0, microseconds; known once opened where the start is ``now``."""
        return self._generation.run.start

    def open(self, positions: Mapping[Partition, int]) -> None:
        """Begin at ``positions``, else at record 0."""
        self._next = {partition: positions.get(partition, 0) for partition in self._partitions}
        self._new, self._ended = dict(self._next), set()
        base = min(self._next.values())
        if isinstance(self._config.start, datetime):
            run = _run_of(self._config, to_micros(self._config.start))
        else:
            run = _run_of(self._config, 0)
            run = _run_of(self._config, self._clock.now() - run.elapsed(base))
        self._generation = Generation(scenarios.find(self._config.scenario), run)
        self._pace = None if self._config.rate is None else Pace(self._clock, run, base)

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """What is due, of the partitions that lag most first; at most one block."""
        assigned, self._new = self._new, {}
        wanted = self._wanted()
        if not assigned and not self._ready(wanted):
            self._wait(wanted, timeout.total_seconds())
        slices = self._read(wanted, limit) if self._ready(wanted) else ()
        return Poll(slices, assigned, ended=self._endings())

    def tails(self) -> Mapping[Partition, Tail]:
        """Asked for this instant. Endless and not paced, there is always one more block."""
        at = self._clock.monotonic()
        end = self._end()
        if end is None:
            end = max(self._next.values()) + BLOCK
        return {partition: Tail(end, False, at, at) for partition in self._partitions}

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Leave these alone."""
        self._paused.update(partitions)

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Read these again."""
        self._paused.difference_update(partitions)

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Nobody else looks on."""

    def describe(self) -> Mapping[str, Any]:
        """The settings, and where it starts."""
        positions = {str(partition): offset for partition, offset in self._next.items()}
        began = {"started": self._generation.run.start} if self._next else {}
        return {**self._config.public(), **began, "positions": positions}

    def close(self) -> None:
        """Stop, at once if it waits."""
        self._closed.set()

    def _end(self) -> int | None:
        """The first record that cannot be read yet; None where there is no such."""
        due = None if self._pace is None else self._pace.due()
        records = self._config.records
        return records if due is None else due if records is None else min(due, records)

    def _wanted(self) -> list[Partition]:
        """The partitions that lag most of those that may be read; they go on together."""
        open_ones = [partition for partition in self._partitions if partition not in self._paused]
        lowest = min((self._next[partition] for partition in open_ones), default=0)
        return [partition for partition in open_ones if self._next[partition] == lowest]

    def _ready(self, wanted: Sequence[Partition]) -> bool:
        end = self._end()
        return bool(wanted) and (end is None or self._next[wanted[0]] < end)

    def _wait(self, wanted: Sequence[Partition], seconds: float) -> None:
        """Until something is due, the time is over or it is closed.

        Short naps, since the clock that tells what is due need not be the one that naps are measured on.
        """
        over = not wanted or self._next[wanted[0]] == self._config.records
        while seconds > 0 and not self._closed.is_set():
            nap = seconds if over or self._pace is None else self._pace.wait_for(self._next[wanted[0]])
            nap = min(seconds, seconds if over else 0.02, max(nap, 0.001))
            self._closed.wait(nap)
            seconds -= nap
            if self._ready(wanted):
                return

    def _read(self, wanted: Sequence[Partition], limit: int) -> Sequence[Slice]:
        first = self._next[wanted[0]]
        ends = [self._end(), *(offset for p, offset in self._next.items() if offset > first)]
        count = min([max(limit, 1), *(end - first for end in ends if end is not None)])
        records = self._generation.read(first, count)
        self._next.update(dict.fromkeys(wanted, first + len(records)))
        return self._slices(wanted, records)

    def _slices(self, wanted: Sequence[Partition], records: Records) -> list[Slice]:
        """One slice per partition, empty ones too: a position moves on even where nothing was placed."""
        offsets = np.arange(records.first, records.first + len(records), dtype=np.int64)
        after = records.first + len(records)
        if len(self._partitions) == 1:
            return [Slice(wanted[0], offsets, records.arrivals, after, records.payloads)]
        number = len(self._partitions)
        hashes = (zlib.crc32(key.encode()) for key in records.keys)
        places = np.fromiter((value % number for value in hashes), np.int64, len(records))
        return [self._slice(p, np.flatnonzero(places == p.number), offsets, records) for p in wanted]

    def _slice(self, partition: Partition, rows: IntArray, offsets: IntArray, records: Records) -> Slice:
        payloads = [records.payloads[row] for row in rows.tolist()]
        after = records.first + len(records)
        return Slice(partition, offsets[rows], records.arrivals[rows], after, payloads)

    def _endings(self) -> frozenset[Partition]:
        """The partitions that have just given their last record."""
        at_end = {p for p, offset in self._next.items() if offset == self._config.records}
        new = frozenset(at_end - self._ended)
        self._ended |= new
        return new


def open_source(config: Config, stream: str, clock: Clock) -> SyntheticSource:
    """The source of ``stream``; reading begins with ``open``."""
    del stream  # its partitions are named after the scenario
    return SyntheticSource(config, clock)
