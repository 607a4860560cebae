"""Gathers what happened since the last commit, decides when the next is due, and writes it.

How often that is: :mod:`streamgauge.engines.embedded.pace`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from streamgauge.batch import BadRecord, Column, IntArray, Partition
from streamgauge.clock import Clock
from streamgauge.engines.embedded.pace import Pace
from streamgauge.engines.outgoing.spooling import Spool
from streamgauge.engines.reporting.totals import Totals
from streamgauge.engines.running.judgements import Judgements
from streamgauge.engines.running.round import Gathered, Runners
from streamgauge.failpoints import reach
from streamgauge.incident import IncidentState
from streamgauge.incidents.board import Board
from streamgauge.incidents.telling import Telling
from streamgauge.monitor import Monitor
from streamgauge.pipeline import Lane
from streamgauge.plan import Group
from streamgauge.stores.contract import (
    Commit,
    HistoryBlock,
    LateCount,
    Position,
    StateKey,
    StateWrite,
)
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import LateRows, Rows, WindowResults

HISTORY_KEYS = 20_000
"""Results of one step kept in the history at most; of a monitor with more keys, those with incidents only."""


class Committing(Protocol):
    """The store, as far as this is concerned."""

    def commit(self, commit: Commit) -> None:
        """Write all of it in one transaction; after an error nothing was, and it may be given again."""
        ...


class Ledger:
    """The observer of a live engine, and the maker of its commits.

    Attributes:
        heard: of what other instances decided, the sequences that were taken since the last commit.
        late_records: since the last commit, by stream.
    """

    def __init__(
        self,
        store: Committing,
        board: Board,
        clock: Clock,
        totals: Totals | None = None,
        *,
        paused: Collection[str] = (),
        spool: Spool | None = None,
        telling: Telling | None = None,
    ) -> None:
        self.store = store
        self.board = board
        self.clock = clock
        self.totals = totals or Totals()
        self.spool = spool
        self.telling = telling or Telling(board)
        self._silent = frozenset(paused)
        self.heard: list[int] = []
        self._pace = Pace(clock)
        self.rows_went = False
        self._judging_since = 0.0
        self._dead: list[tuple[str, BadRecord]] = []
        self._late: Counter[tuple[str, int]] = Counter()
        self.late_records: Counter[str] = Counter()
        self._history: list[HistoryBlock] = []
        self._judgements = Judgements()
        self._paused: dict[str, str | None] = {}

    # the observer's side

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Keep closed windows for the history, and their rows for sinks."""
        group = lane.group
        self._judging_since = self.clock.monotonic() if group.kept else 0.0
        if self.spool is not None and len(results):
            self.spool.results(lane, rows, results, [monitor.name for monitor in self._taking_part(group)])
        if group.words == "each record" or not len(results):
            return
        closed = np.nonzero(~results.early)[0]
        if not len(closed):
            return
        last = int(results.ends[closed].max())
        all_of_them = _columns(results, closed) if len(closed) <= HISTORY_KEYS else None
        for monitor in self._taking_part(group):
            self.totals.last_end[monitor.name] = last
            columns = all_of_them
            if columns is None:
                concerned = self.board.slots(monitor.name, results.keys)
                columns = _columns(results, closed[np.isin(results.slots[closed], concerned)])
            ends = columns["window_end"]
            if len(ends):
                self._history.append(HistoryBlock(monitor.name, int(ends.min()), int(ends.max()), columns))

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Verdicts become incidents and history; of those about drift and about models the metrics hear."""
        self._judgements.add(monitor.name, verdicts)
        if monitor.metrics_prefix is not None:
            self.totals.quality.judged(monitor, verdicts)
        if self._judging_since:
            self.totals.drift.judged(monitor, verdicts, self.clock.monotonic() - self._judging_since)

    def late(self, group: Group, rows: Rows, late: LateRows) -> None:
        """Count late records per monitor and window."""
        starts, counts = np.unique(late.starts, return_counts=True)
        self.late_records[group.stream] += len(np.unique(late.rows))
        for monitor in self._taking_part(group):
            for start, count in zip(starts.tolist(), counts.tolist(), strict=True):
                self._late[monitor.name, start] += count

    def _taking_part(self, group: Group) -> list[Monitor]:
        return [monitor for monitor in group.monitors if monitor.name not in self._silent]

    # what was judged elsewhere

    def heard_windows(self, block: HistoryBlock) -> None:
        """Windows of a monitor that closed where its records are."""
        self._history.append(block)
        self.totals.last_end[block.monitor] = block.last_end

    def heard_judgements(self, block: HistoryBlock) -> None:
        """What is kept of verdicts that were reached there."""
        self._judgements.keep(block)

    def heard_late(self, monitor: str, window_start: int, stream: str | None) -> None:
        """A record came too late for a window; ``stream`` where it is the first time that this record is told of."""
        self._late[monitor, window_start] += 1
        if stream is not None:
            self.late_records[stream] += 1

    # the engine's side

    def gathered(self, gathered: Gathered) -> None:
        """Bad records of a round."""
        self._dead.extend(gathered.dead_letters)

    def pause(self, monitor: str, reason: str | None) -> None:
        """Note that a monitor is paused (why), or resumed (None)."""
        self._paused[monitor] = reason

    def due(self) -> bool:
        """Decide what is told by now, and whether it is time to commit."""
        self.telling.step(self.clock.now())
        return self._pace.due(pressing=bool(self.board.notices))

    @property
    def seconds(self) -> float:
        """How long the last commit took."""
        return self._pace.seconds

    def commit(self, runners: Runners) -> frozenset[str]:
        """Write everything since the last commit in one transaction; the channels that notices went to.

        After an error nothing was written and nothing is forgotten: call it again.
        """
        started = self.clock.monotonic()
        self.telling.step(self.clock.now())
        commit = self.collected(runners)
        self.store.commit(commit)
        self._pace.committed(started)
        self.totals.committed(commit, self.late_records, self.board.began, self.seconds)
        self.forget()
        if not runners.hushed:
            self._rows_committed(runners)
        if commit.notices:
            reach("commit.after-before-send")
        return frozenset(notice.channel for notice in commit.notices)

    def forget(self) -> None:
        """What was collected is committed."""
        self._dead.clear()
        self._late.clear()
        self.late_records.clear()
        self._history.clear()
        self._judgements.clear()
        self._paused.clear()
        self.heard.clear()
        self.board.clear_changes()

    def _rows_committed(self, runners: Runners) -> None:
        if self.spool is not None:
            self.rows_went, dropped = self.spool.committed(runners)
            for sink, count in dropped.items():
                self.totals.rows[sink, "dropped"] += count

    def collected(self, runners: Runners) -> Commit:
        """All since the last commit."""
        rows = self.spool.admit(runners) if self.spool is not None else []
        withdrawn = [
            replace(i, state=IncidentState.RESOLVED, reason="withdrawn") for i in self.board.withdrawn
        ]
        return Commit(
            # While it is read again after a damage, the store is ahead of what runs, and stays there.
            positions={} if runners.hushed else positions(runners),
            states={} if runners.hushed else states(runners),
            incidents=[*self.board.changed.values(), *withdrawn],
            notices=list(self.board.notices),
            dead_letters=list(self._dead),
            late=[LateCount(monitor, start, count) for (monitor, start), count in self._late.items()],
            history=list(self._history),
            judgements=self._judgements.blocks(),
            paused=dict(self._paused),
            rows=rows,
            remarks=list(self.board.remarks),
            telling=dict(self.board.rows),
            heard=list(self.heard),
        )


def positions(runners: Runners) -> dict[tuple[str, Partition], Position]:
    """How far every partition of every stream has come."""
    return {
        (name, partition): position
        for name, runner in runners.streams.items()
        for partition, position in runner.positions().items()
    }


def states(runners: Runners) -> dict[StateKey, StateWrite]:
    """Every bundle as it is now, with the positions that it stands for."""
    written: dict[StateKey, StateWrite] = {}
    for runner in runners.streams.values():
        reached = runner.positions()
        for bundle in runner.bundles.values():
            own = reached if bundle.partition is None else {bundle.partition: reached[bundle.partition]}
            if own and not bundle.from_offset:
                written[bundle.key] = StateWrite(bundle.tables(), bundle.version, own)
    return written | {mirror.key: mirror.save() for mirror in runners.mirrors}


def _columns(results: WindowResults, rows: IntArray) -> dict[str, Any]:
    """What the history keeps of some results."""
    columns: dict[str, Any] = {name: column.take(rows) for name, column in results.columns.items()}
    return {
        "key": Column("string", values=results.keys.texts_of(results.slots[rows])),
        "window_start": results.starts[rows],
        "window_end": results.ends[rows],
        **columns,
    }
