"""All monitors over one Kafka partition: the same step as in one process, with its state going in and out as bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import structlog

from streamgauge.batch import NEVER, Partition
from streamgauge.clock import Clock
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.running.bundle import Bundle
from streamgauge.engines.running.round import Runners
from streamgauge.engines.spark.forwarding import ChosenWindow
from streamgauge.engines.spark.lines import Lines
from streamgauge.engines.spark.parts import PartWindow
from streamgauge.engines.spark.remembered import (
    Reached,
    Remembered,
    reached,
    remembered,
    tables_bytes,
    tables_of,
)
from streamgauge.formats.contract import Decoder
from streamgauge.incidents.board import Board
from streamgauge.incidents.memory import Memory, read_memory
from streamgauge.kernels import jit
from streamgauge.pipeline import MonitorFailed
from streamgauge.plan import Plan
from streamgauge.sources.contract import Slice
from streamgauge.stores.contract import Position
from streamgauge.stores.rows import read_incident

_HEAD = "head"

TICK = 1.0
"""Seconds between two looks at a time in which nothing came."""

_log = structlog.get_logger("streamgauge.spark")


class Told(msgspec.Struct, frozen=True):
    """What the driver tells a partition of its end.

    Attributes:
        asked_at: wall clock in seconds when the brokers were asked.
        end: the offset that the next record will get.
        open: whether records of an unfinished transaction lie before it.
        start: the offset at which reading began; -1 where that is not known.
        since: wall clock in seconds from which on every answer was the same, and none was missing.
        floor: the largest event time of the slowest partition of the stream that is not idle, by stream; a stream is
            left out where that is not known.
        spread: by stream, its topics and how many partitions each has.
    """

    asked_at: float
    end: int
    open: bool
    start: int
    since: float
    floor: dict[str, int] = {}
    spread: dict[str, dict[str, int]] = {}


@dataclass(frozen=True, slots=True)
class Work:
    """What a partition's records go through.

    Attributes:
        plan: the streams that are read from its topic, as :func:`~streamgauge.engines.spark.parts.staged`.
        spread: by stream, its topics and how many partitions each had when the query was built.
    """

    plan: Plan
    spread: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def decoders(self) -> dict[str, Decoder]:
        """A decoder for each stream."""
        return {
            name: open_decoder(stream.config, stream.layout)
            for name, stream in self.plan.streams.items()
            if stream.config is not None
        }


class PartitionRun:
    """One partition; made of what was saved, or anew, and asked for what to save after each :meth:`take`.

    Args:
        work: the monitors.
        partition: whose records come.
        clock: what "too far ahead" is measured by.
        saved: what :meth:`save` gave; None at the very beginning.
    """

    def __init__(
        self, work: Work, partition: Partition, clock: Clock, saved: Mapping[str, bytes] | None = None
    ) -> None:
        self._work = work
        self._partition = partition
        self._clock = clock
        self._decoders = work.decoders()
        self._saved = saved
        self._moved: bool = True
        self._spread = dict(work.spread)
        self._begin()

    def take(self, piece: Slice | None, told: Told | None) -> list[dict[str, Any]]:
        """The lines that records, and what is known of the partition's end, give rise to; numbered."""
        failures: list[tuple[str, str]] = []
        while True:
            try:
                self._step(piece, told)
                break
            except MonitorFailed as failed:
                reason = f"{type(failed.error).__name__}: {failed.error}"
                _log.error("a monitor failed and is paused", monitors=failed.monitors, error=reason)
                failures += [(name, reason) for name in failed.monitors]
                self._begin(paused=dict(failures))
        for name, reason in failures:
            self._lines.failed(name, reason)
        return self._numbered()

    def save(self) -> dict[str, bytes]:
        """All that it must remember, as blocks by name; where nothing came and no time passed, most are the last ones."""
        blocks = {_HEAD: msgspec.json.encode(self._remembered())}
        for bundle in self._bundles():
            name = _name(bundle)
            known = None if self._moved else (self._saved or {}).get(name)
            blocks[name] = tables_bytes(bundle) if known is None else known
        self._moved = False
        self._saved = blocks
        return blocks

    def _begin(self, paused: Mapping[str, str] | None = None) -> None:
        """Take up what was saved, without the monitors that are paused."""
        saved = self._saved
        head = Remembered() if saved is None else msgspec.json.decode(saved[_HEAD], type=Remembered)
        self._paused = {**head.paused, **(paused or {})}
        self._n = head.n
        self._asked_at = head.asked_at
        memory: dict[str, Memory] = {name: read_memory(row) for name, row in head.memory.items()}
        self._board = Board([read_incident(text) for text in head.incidents], memory)
        lateness = {name: stream.lateness for name, stream in self._work.plan.streams.items()}
        self._lines = Lines(self._board, lateness)
        self._runners = Runners(self._work.plan, self._board, self._lines, paused=frozenset(self._paused))
        self._attached: set[str] = set()
        self._moved = True
        for name, come in head.reached.items():
            if name in self._runners.streams:
                self._attach(name, come, whole=False)

    def _attach(self, stream: str, come: Reached | None, *, whole: bool) -> None:
        """Begin with the partition, or go on where it was: with what is still wanted of what was saved."""
        runner = self._runners.streams[stream]
        position = None if come is None else Position(come.next_offset, come.largest, NEVER)
        at = 0 if come is None else come.next_offset
        for bundle in runner.attach(self._partition, position, from_start=whole if come is None else at == 0):
            data = (self._saved or {}).get(_name(bundle))
            if data is not None:
                bundle.restore(tables_of(data))
        if come is not None:
            runner.clock.stand(self._partition, come.standing)
        runner.begin(self._partition)
        self._attached.add(stream)

    def _step(self, piece: Slice | None, told: Told | None) -> None:
        jit.choose(live=False, rows=_seen(0 if piece is None else len(piece.offsets)))
        before = self._asked_at
        if told is not None:
            self._asked_at = told.asked_at
            self._spread |= told.spread
        for name in self._work.plan.streams:
            if name not in self._attached:
                start = -1 if told is None else told.start
                whole = start == 0 or (piece is not None and int(piece.offsets[0]) == 0)
                self._attach(name, None, whole=whole)
                self._runners.streams[name].next_offset[self._partition] = start
        if piece is not None:
            self._moved = True
            for name, decoder in self._decoders.items():
                batch = decoder.decode(piece, self._clock.now())
                self._runners.take(name, [batch], at=self._asked_at)
        for stream, bad in self._runners.settle().dead_letters:
            self._lines.bad(stream, bad)
        if told is not None:
            self._let_time_pass(told, before)
        for name in self._attached:
            come = reached(self._runners.streams[name], self._partition)
            idle = self._runners.streams[name].clock.is_idle(self._partition)
            mark = self._runners.streams[name].clock.watermark(self._partition)
            more: dict[str, Any] = {"spread": self._spread[name]} if name in self._spread else {}
            if partial := self._partial(name):
                more["partial"] = partial
            self._lines.passed(
                name,
                self._partition,
                {
                    "next_offset": come.next_offset,
                    "largest": come.largest,
                    "watermark": mark,
                    "idle": idle,
                    **more,
                },
            )

    def _let_time_pass(self, told: Told, before: float) -> None:
        """Time goes on without records only where all that lay in the partition when it was asked for is counted.

        Where that was so at the last call, too (``before``), and the end has stayed the same, it was so in between.
        """
        for name, runner in self._runners.streams.items():
            clock, here = runner.clock, self._partition
            largest = clock.largest(here)
            at_end = not told.open and runner.next_offset.get(here, -1) >= told.end
            if at_end and clock.is_caught_up(here) and told.since <= before:
                for at in np.arange(before + TICK, told.asked_at, TICK).tolist():
                    clock.pass_time({here: True}, at)
            clock.pass_time({here: at_end}, told.asked_at)
            if name in told.floor and clock.is_idle(here):
                clock.lift(here, told.floor[name])
            if clock.largest(here) != largest:
                self._moved = True
                runner.pass_time()

    def _partial(self, stream: str) -> dict[str, int]:
        """By the shape of what spans partitions: until when ours saw it not whole."""
        return {
            lane.group.shape: lane.partial_until
            for bundle in self._runners.streams[stream].bundles.values()
            for lane in bundle.lanes
            if isinstance(lane.group.window, PartWindow | ChosenWindow) and lane.partial_until != NEVER
        }

    def _numbered(self) -> list[dict[str, Any]]:
        lines = self._lines.take()
        place = str(self._partition)
        for line in lines:
            self._n += 1
            line["source"], line["n"] = place, self._n
            if line["kind"] == "rows" and line["stream"] in self._spread:
                line["spread"] = self._spread[line["stream"]]
        self._board.clear_changes()
        return lines

    def _remembered(self) -> Remembered:
        come = {
            name: reached(self._runners.streams[name], self._partition) for name in sorted(self._attached)
        }
        return remembered(self._n, self._asked_at, self._paused, self._board, come)

    def _bundles(self) -> Sequence[Bundle]:
        return [bundle for runner in self._runners.streams.values() for bundle in runner.bundles.values()]


@dataclass(slots=True)
class _Rows:
    """How many records this process has judged: kernels are compiled where there are many."""

    count: int = field(default=0)


_ROWS = _Rows()


def _seen(rows: int) -> int:
    _ROWS.count += rows
    return _ROWS.count


def _name(bundle: Bundle) -> str:
    return f"{bundle.key.name}/{bundle.key.shape}"


def told_text(told: Told) -> str:
    """What is told, as text."""
    return msgspec.json.encode(told).decode()


def read_told(text: str) -> Told:
    """Read back what :func:`told_text` wrote."""
    return msgspec.json.decode(text, type=Told)
