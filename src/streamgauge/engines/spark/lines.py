"""What leaves a partition: verdicts, windows, late and bad records, and how far time has come, as JSON lines.

The lines are those of ``replay --json`` with what a reader needs beside them: ``id`` (the same however often a line is
written), ``source`` and ``n`` (which partition, and the how manieth line of it, so that repeats can be dropped),
``run`` (the checkpoint) and ``moments`` (``at``, ``window_start``, ``window_end`` in microseconds).
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from streamgauge.batch import NEVER, Aside, BadRecord, Column, IntArray, Partition, SlotArray
from streamgauge.clock import iso
from streamgauge.engines.running.built_in import LateRecord, late_records
from streamgauge.engines.running.judgements import Judgements
from streamgauge.engines.spark.forwarding import ChosenState, chosen_texts
from streamgauge.engines.spark.parts import PartState, parts_text
from streamgauge.incident import Incident
from streamgauge.incidents.board import Board
from streamgauge.incidents.no_data import NO_DATA
from streamgauge.keys import Key, KeySlots
from streamgauge.monitor import Monitor
from streamgauge.pipeline import Lane
from streamgauge.plan import Group
from streamgauge.stores.contract import HistoryBlock
from streamgauge.verdict import Severity, Verdict, Verdicts
from streamgauge.windows.contract import LateRows, Rows, WindowResults

KEPT = 20_000
"""Results of one step that are kept in the history; of more, those of keys with an incident only."""

JUDGED = 2_000
"""Rows of one line about verdicts: a broker takes a megabyte."""


class Lines:
    """The observer of one partition: collects lines until they are taken.

    Args:
        board: the partition's own, by which it is known who has an incident.
        lateness: microseconds by stream, for how late a record was.
    """

    def __init__(self, board: Board, lateness: Mapping[str, int]) -> None:
        self._board = board
        self._lateness = lateness
        self._judgements = Judgements()
        self._lines: list[dict[str, Any]] = []
        self._held: dict[str, SlotArray] = defaultdict(lambda: np.empty(0, np.int32))
        self._marks: IntArray = np.empty(0, np.int64)

    # the observer's side

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Closed windows, one line for each monitor that shares them; of those that span partitions our parts, or records."""
        if isinstance(lane.window_state, ChosenState):
            self._chosen(lane, lane.window_state, rows)
            return
        if isinstance(lane.window_state, PartState):
            self._parts(lane.group, lane.window_state, rows)
            return
        opening = max(rows.opening, lane.judged)
        self._marks = np.maximum(np.concatenate(([opening], rows.closing)), opening)
        for name in lane.states:
            self._held[name] = self._holding(name, results.keys)
        if lane.group.words == "each record":
            return
        closed = np.nonzero(~results.early)[0]
        for monitor in lane.group.monitors:
            if monitor.name in lane.states:
                self._windows(monitor, lane, results, closed)

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Those that fire or are about a key with an incident, one line each; of windows, what is worth keeping too."""
        self._judgements.add(monitor.name, verdicts)
        held = np.union1d(self._held[monitor.name], self._holding(monitor.name, verdicts.keys)).astype(
            np.int32
        )
        self._held[monitor.name] = held
        concerned = np.union1d(held, verdicts.slots[verdicts.firing()]).astype(np.int32)
        told = verdicts.keys.among(verdicts.slots, concerned)
        if monitor.policy.no_data:
            told |= verdicts.severities == int(Severity.NO_DATA)
        opened = self._opened(monitor.name)
        for row in np.nonzero(told)[0].tolist():
            self._verdict(monitor, verdicts.row(row), int(verdicts.positions[row]), opened)

    def late(self, group: Group, rows: Rows, late: LateRows) -> None:
        """Records that came too late, one line for each window and monitor."""
        for record in late_records(group, rows, late, self._lateness.get(group.stream, 0)):
            self._late(record)

    # the partition's side

    def bad(self, stream: str, record: BadRecord) -> None:
        """A record that could not be used."""
        payload = None if record.payload is None else base64.b64encode(record.payload).decode()
        more = {
            "partition": str(record.partition),
            "offset": record.offset,
            "reason": record.reason,
            "payload_base64": payload,
            "truncated": record.truncated,
        }
        self._add("dead_letter", None, stream, None, (record.at, None, None), more)

    def failed(self, monitor: str, reason: str) -> None:
        """A monitor's step raised: from here on it takes no part on this partition."""
        self._add("failed", monitor, None, None, (None, None, None), {"reason": reason})

    def passed(self, stream: str, partition: Partition, reached: Mapping[str, Any]) -> None:
        """How far a partition has come: what waits for time to pass waits for this."""
        self._add("time", None, stream, None, (None, None, None), {"partition": str(partition), **reached})

    def take(self) -> list[dict[str, Any]]:
        """All lines since the last call, in the order in which they were decided."""
        self._lines += [line for block in self._judgements.blocks() for line in judged(block)]
        self._judgements.clear()
        lines, self._lines = self._lines, []
        return lines

    def _holding(self, monitor: str, keys: KeySlots) -> SlotArray:
        """int32[m]: the slots of the keys that have an incident of any kind."""
        return np.union1d(self._board.slots(monitor, keys), self._board.slots(monitor, keys, NO_DATA)).astype(
            np.int32
        )

    def _windows(self, monitor: Monitor, lane: Lane, results: WindowResults, closed: IntArray) -> None:
        kept = np.ones(len(results), bool)
        if len(closed) > KEPT:
            kept = results.keys.among(results.slots, self._held[monitor.name])
        columns = {name: column.take(closed) for name, column in results.columns.items()}
        values = {name: column.values() for name, column in columns.items()}
        for at, row in enumerate(closed.tolist()):
            found = {
                name: column[at]
                for name, column in values.items()
                if column[at] is not None or not isinstance(columns[name], Aside)
            }
            more = {
                "partial": bool(results.partial[row]),
                "partition": str(lane.partition),
                "offset": int(results.offsets[row]),
                "values": found,
            }
            if not kept[row]:
                more["kept"] = False
            moments = int(results.at[row]), int(results.starts[row]), int(results.ends[row])
            key = results.keys.key(int(results.slots[row]))
            self._add("window", monitor.name, lane.group.stream, key, moments, more)

    def _parts(self, group: Group, state: PartState, rows: Rows) -> None:
        if state.changed is None:
            return
        for piece in state.changed.pieces():
            more = {
                "group": group.shape,
                "partition": str(rows.partitions[0]),
                "parts": parts_text(piece),
            }
            self._add("part", None, group.stream, None, (None, None, None), more)

    def _chosen(self, lane: Lane, state: ChosenState, rows: Rows) -> None:
        for text in () if state.chosen is None else chosen_texts(state.chosen):
            more: dict[str, Any] = {"partition": str(rows.partitions[0]), "rows": text}
            if lane.partial_until != NEVER:
                more["partial"] = lane.partial_until
            self._add("rows", None, lane.group.stream, None, (None, None, None), more)

    def _verdict(
        self, monitor: Monitor, verdict: Verdict, position: int, opened: Mapping[tuple[Key, int], Incident]
    ) -> None:
        more = verdict.plain()
        if monitor.policy.holds:
            before = int(self._marks[position - 1]) if verdict.offset is not None else verdict.at
            more["before"] = max(before, verdict.at)
        incident = opened.get((verdict.key, verdict.at)) if verdict.severity.firing else None
        if incident is not None:
            more["partition"] = incident.partition
            more["samples"] = [dict(sample) for sample in incident.samples]
        moments = verdict.at, verdict.window_start, verdict.window_end
        self._add("verdict", monitor.name, monitor.stream, verdict.key, moments, more)

    def _opened(self, monitor: str) -> dict[tuple[Key, int], Incident]:
        """The incidents that changed in this call, also those that have ended or gone away, by key and the moment they began."""
        return {
            (incident.key, moment): incident
            for incident in (*self._board.changed.values(), *self._board.withdrawn)
            if incident.monitor == monitor and incident.kind == "verdict"
            for moment in (incident.opened_at, incident.pending_since)
            if moment is not None
        }

    def _late(self, record: LateRecord) -> None:
        more = {
            "partition": str(record.partition),
            "offset": record.offset,
            "behind_seconds": record.behind / 1e6,
        }
        moments = record.at, record.window_start, None
        self._add("late", record.monitor, record.stream, record.key or None, moments, more)

    def _add(
        self,
        kind: str,
        monitor: str | None,
        stream: str | None,
        key: Key,
        moments: tuple[int | None, int | None, int | None],
        more: Mapping[str, Any],
    ) -> None:
        at, start, end = moments
        self._lines.append(
            {
                "kind": kind,
                "monitor": monitor,
                "stream": stream,
                "key": list(key) if isinstance(key, tuple) else key,
                "at": iso(at),
                "window_start": iso(start),
                "window_end": iso(end),
                "moments": moments,
                **more,
            }
        )


def judged(block: HistoryBlock) -> Iterator[dict[str, Any]]:
    """What is kept of verdicts beside the values of windows: columns, as many rows as a line can hold."""
    for first in range(0, len(block.columns["window_end"]), JUDGED):
        columns = {
            name: {
                "kind": column.kind if isinstance(column, Column) else "int",
                "values": _values(column, first, first + JUDGED),
            }
            for name, column in block.columns.items()
        }
        yield {"kind": "judged", "monitor": block.monitor, "columns": columns}


def _values(column: Any, first: int, last: int) -> list[Any]:
    if isinstance(column, Column):
        last = min(last, len(column))
        return list(column.part(first, last).values())
    values: list[Any] = column[first:last].tolist()
    return values
