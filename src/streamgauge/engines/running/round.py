"""One round over all streams: the declared ones first, then what they tell of themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from streamgauge.batch import NEVER, BadRecord, Batch, IntArray, Partition
from streamgauge.engines.running.built_in import (
    DEAD_LETTERS,
    LATE,
    LateRecord,
    dated,
    late_records,
)
from streamgauge.engines.running.mirror import BAD as BAD_TOLD
from streamgauge.engines.running.mirror import LATE as LATE_TOLD
from streamgauge.engines.running.mirror import Mirror
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.incidents.board import Board
from streamgauge.monitor import Monitor
from streamgauge.pipeline import Lane, Observer
from streamgauge.plan import Group, Plan
from streamgauge.stores.contract import Position
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import LateRows, Rows, WindowResults


@dataclass(slots=True)
class Gathered:
    """What one round met beside results."""

    dead_letters: list[tuple[str, BadRecord]] = field(default_factory=list)
    late: list[LateRecord] = field(default_factory=list)


class Runners:
    """All streams of a plan over one board. Also the observer that gathers late records on the way.

    Args:
        plan: what runs.
        board: where incidents are.
        observer: sees everything that passes.
        paused: monitors that take no part.
        replay: whether everything comes in one merged order.

    Attributes:
        hushed: whether states follow what comes, and nobody is told.
    """

    def __init__(
        self,
        plan: Plan,
        board: Board,
        observer: Observer,
        *,
        paused: frozenset[str] = frozenset(),
        replay: bool = False,
    ) -> None:
        self.plan = plan
        self.hushed = False
        self._board = board
        self._observer = observer
        self._replay = replay
        self._gathered = Gathered()
        self.streams = {
            name: StreamRunner(stream, board, self, paused=paused, replay=replay)
            for name, stream in plan.streams.items()
        }
        declared = {name: self.streams[name] for name in self._declared()}
        bad, late = self.streams.get(DEAD_LETTERS), self.streams.get(LATE)
        self._bad = None if bad is None else Mirror(bad, BAD_TOLD, declared, live=not replay)
        self._late = None if late is None else Mirror(late, LATE_TOLD, declared, live=not replay)

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Pass results on."""
        if not self.hushed:
            self._observer.results(lane, rows, results)

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Pass verdicts on."""
        if not self.hushed:
            self._observer.verdicts(monitor, verdicts)

    def late(self, group: Group, rows: Rows, late: LateRows) -> None:
        """Gather late records of declared streams; pass them on."""
        if not self.hushed:
            self._observer.late(group, rows, late)
        if group.stream not in (LATE, DEAD_LETTERS) and group.stream in self.streams:
            lateness = self.streams[group.stream].plan.lateness
            self._gathered.late.extend(late_records(group, rows, late, lateness))

    def take(
        self, stream: str, batches: Sequence[Batch], order: IntArray | None = None, *, at: float | None = None
    ) -> None:
        """Take batches of one declared stream all the way."""
        runner = self.streams[stream]
        for batch in batches:
            if batch.bad:
                largest = runner.clock.largest(batch.partition)
                if self._replay and largest == NEVER and not len(batch):
                    largest = max(self.streams[name].clock.maximum() for name in self._declared())
                self._gathered.dead_letters.extend((stream, bad) for bad in dated(batch, largest))
        runner.take(batches, order, at=at)

    def settle(self, *, last: bool = False) -> Gathered:
        """Give bad and late records to the streams that tell of them; what was gathered since the last call.

        ``last``: nothing more is to come.
        """
        gathered, self._gathered = self._gathered, Gathered()
        if self._bad is not None:
            self._bad.tell(gathered.dead_letters, last=last)
        if self._late is not None:
            self._late.tell(gathered.late, last=last)
        return Gathered() if self.hushed else gathered

    def hush(self) -> None:
        """What comes from now on was told before: states follow it, and nobody is told again."""
        self._tell(Board(), hushed=True)

    def speak(self, positions: Mapping[str, Mapping[Partition, Position]]) -> None:
        """All before ``positions`` was read again; tell of what comes from now on."""
        for name in self._declared():
            self.streams[name].come_to(positions.get(name, {}))
        for mirror in self.mirrors:
            mirror.through(positions.get(mirror.runner.plan.name, {}))
        self.settle()
        for mirror in self.mirrors:
            mirror.runner.come_to(positions.get(mirror.runner.plan.name, {}))
        self._tell(self._board, hushed=False)

    def _tell(self, board: Board, *, hushed: bool) -> None:
        self.hushed = hushed
        for stream in self.streams.values():
            for runner in stream.nested:
                runner.board = board

    @property
    def mirrors(self) -> list[Mirror[Any]]:
        """What tells of the streams, where somebody watches it."""
        return [mirror for mirror in (self._bad, self._late) if mirror is not None]

    def finish(self) -> Gathered:
        """All streams have ended: close all their windows, then those of the streams about them."""
        declared = self._declared()
        for name in declared:
            self.streams[name].finish()
        gathered = self.settle(last=True)
        for name in self.streams:
            if name not in declared:
                self.streams[name].finish()
        return gathered

    def _declared(self) -> list[str]:
        return [name for name in self.streams if name not in (LATE, DEAD_LETTERS)]


def split_order(streams: Sequence[str], lengths: Sequence[int], order: IntArray) -> Mapping[str, IntArray]:
    """The part of a merged ``order`` that belongs to each stream.

    ``streams`` and ``lengths`` describe the joined batches that ``order`` points into.
    """
    if len(set(streams)) == 1:
        return {streams[0]: order}
    whose = np.repeat(np.arange(len(streams)), lengths)
    base = np.concatenate(([0], np.cumsum(lengths)))
    orders: dict[str, IntArray] = {}
    for name in dict.fromkeys(streams):
        mine = [k for k, stream in enumerate(streams) if stream == name]
        start = dict(
            zip(mine, np.concatenate(([0], np.cumsum([lengths[k] for k in mine])))[:-1].tolist(), strict=True)
        )
        picked = order[np.isin(whose[order], mine)]
        shift = np.array([start.get(k, 0) - int(base[k]) for k in range(len(streams))], np.int64)
        orders[name] = picked + shift[whose[picked]]
    return orders
