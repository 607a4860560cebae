"""The whole path of a record, in one function.

``source → batch → (where) → window → detector → verdict → incident → outbox → channel``: the engine brings
batches and takes the outbox away; what lies between is :func:`advance`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from streamgauge.batch import NEVER, IntArray, Partition
from streamgauge.incidents.board import Board
from streamgauge.incidents.lifecycle import pass_time, receive
from streamgauge.keys import KeySlots
from streamgauge.monitor import Monitor
from streamgauge.plan import Group
from streamgauge.samples import Recent
from streamgauge.state import State, grown
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import LateRows, Rows, WindowResults
from streamgauge.windows.empty import empty_results, together


class Observer(Protocol):
    """Sees what passes, beside the path and never in its way: history, replay's output, metrics."""

    def results(self, group: Group, results: WindowResults) -> None:
        """Windows that closed or crossed a limit."""
        ...

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Answers of one monitor."""
        ...

    def late(self, group: Group, rows: Rows, late: LateRows) -> None:
        """Records that came after their window had closed."""
        ...


class MonitorFailed(Exception):  # noqa: N818  it carries an error and is not one for users
    """A monitor's step raised; the engine decides what becomes of it."""

    def __init__(self, monitors: Sequence[str], error: Exception) -> None:
        self.monitors = tuple(monitors)
        self.error = error
        super().__init__(f"{', '.join(monitors)}: {type(error).__name__}: {error}")


@dataclass(slots=True)
class Lane:
    """One group on one partition (aligned) or on all of them: what it remembers between batches.

    Attributes:
        group: the monitors and the window they share.
        partition: None where it spans partitions.
        keys: shared with the other lanes of the same stream, grouping and partition.
        window_state: the window's.
        states: each active monitor's detector's.
        judged: the closing watermark at the end of the last step.
        since: int64[S], from when on a key's windows count (its first record).
        recent: the last records, for samples.
    """

    group: Group
    partition: Partition | None
    keys: KeySlots
    window_state: State
    states: dict[str, State]
    judged: int = NEVER
    since: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    recent: Recent = field(default_factory=Recent)


def advance(
    lane: Lane, rows: Rows, board: Board, observer: Observer, *, unheard: tuple[int, int] | None = None
) -> None:
    """Take ``rows`` (already filtered by ``where``) all the way to notices on ``board``.

    No rows and a later watermark is how time passes. Raises :class:`MonitorFailed`.
    """
    lane.recent.add(rows)
    results = _windows(lane, rows, unheard)
    observer.results(lane.group, results)
    for monitor in lane.group.monitors:
        if monitor.name not in lane.states:
            continue  # paused
        verdicts = _judge(lane, monitor, rows, results, board)
        for answered in verdicts:
            observer.verdicts(monitor, answered)
            receive(answered, monitor.policy, board, partial(_sample, lane, monitor, rows))
        pass_time(monitor.name, rows.watermark, monitor.policy, board)
    if results.late is not None and len(results.late.rows):
        observer.late(lane.group, rows, results.late)
    lane.judged = max(lane.judged, rows.watermark)


def _windows(lane: Lane, rows: Rows, unheard: tuple[int, int] | None) -> WindowResults:
    group = lane.group
    try:
        results = group.window.step(lane.window_state, rows)
        _note_first(lane, rows)
        if group.include_empty:
            known = lane.keys.live()
            known = known[lane.since[known] != _UNSEEN]
            more = empty_results(group.window, rows, results, lane.judged, known, lane.since[known])
            results = results if more is None else together(results, more)
    except Exception as error:
        raise MonitorFailed([monitor.name for monitor in group.monitors], error) from error
    if unheard is not None:
        results = replace(results, unheard=unheard)
    return results


def _judge(lane: Lane, monitor: Monitor, rows: Rows, results: WindowResults, board: Board) -> list[Verdicts]:
    """A monitor's verdicts; windows without records are judged too for keys with an incident."""
    try:
        answers = monitor.detector.step(lane.states[monitor.name], results)
        if lane.group.include_empty or not monitor.detector.needs.judges_empty:
            return [answers]
        firing = answers.slots[answers.firing()] if len(answers) else answers.slots
        concerned = np.union1d(board.slots(monitor.name, lane.keys), firing).astype(np.int32)
        if not len(concerned):
            return [answers]
        since = np.full(len(concerned), NEVER, np.int64)
        more = empty_results(lane.group.window, rows, results, lane.judged, concerned, since)
        if more is None:
            return [answers]
        return _in_order(answers, monitor.detector.step(lane.states[monitor.name], more))
    except Exception as error:
        raise MonitorFailed([monitor.name], error) from error


def _in_order(first: Verdicts, second: Verdicts) -> list[Verdicts]:
    """Both, cut into runs so that what was decided earlier comes earlier."""
    keyed = [
        (int(part.positions[i]), not bool(part.early[i]), int(part.ends[i]), int(part.starts[i]), which, i)
        for which, part in enumerate((first, second))
        for i in range(len(part))
    ]
    keyed.sort()
    runs: list[tuple[int, list[int]]] = []
    for *_, which, i in keyed:
        if not runs or runs[-1][0] != which:
            runs.append((which, []))
        runs[-1][1].append(i)
    return [(first, second)[which].take(np.array(index, np.int64)) for which, index in runs]


_UNSEEN = np.iinfo(np.int64).max


def _note_first(lane: Lane, rows: Rows) -> None:
    """Remember from when on each key's windows count: its first record that was not late altogether."""
    if not lane.group.include_empty:
        return
    have = len(lane.since)
    lane.since = grown(lane.since, len(lane.keys), _UNSEEN)
    if len(lane.since) > have:
        lane.since[have:] = _UNSEEN
    known = np.nonzero(rows.slots >= 0)[0]
    fresh = known[lane.since[rows.slots[known]] == _UNSEEN]
    slots, first = np.unique(rows.slots[fresh], return_index=True)
    at = fresh[first]
    lane.since[slots] = np.maximum(rows.times[at], rows.before[at])


def _sample(
    lane: Lane, monitor: Monitor, rows: Rows, verdicts: Verdicts, row: int
) -> tuple[Partition | None, Sequence[Mapping[str, Any]]]:
    """Whose record decided, and the last records of the key in that window."""
    samples = lane.recent.find(verdicts, row, monitor.samples)
    if lane.partition is not None:
        return lane.partition, samples
    at = int(verdicts.rows[row])
    decided = at >= 0 and (verdicts.early[row] or verdicts.starts[row] == verdicts.ends[row])
    return (rows.partitions[rows.parts[at]] if decided else None), samples
