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

from streamgauge.batch import NEVER, IntArray, Partition, SlotArray
from streamgauge.incidents.board import Board
from streamgauge.incidents.learning import part as part_of
from streamgauge.incidents.learning import pieces
from streamgauge.incidents.lifecycle import pass_time, receive
from streamgauge.keys import KeySlots
from streamgauge.monitor import Monitor
from streamgauge.plan import Group
from streamgauge.samples import Recent
from streamgauge.state import State, grown
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import LateRows, Rows, WindowResults
from streamgauge.windows.empty import closed_numbers, empty_results, together


class Observer(Protocol):
    """Sees what passes, beside the path and never in its way: history, replay's output, metrics."""

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Windows that closed or crossed a limit while ``rows`` came."""
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
        partial_until: windows that start at or before this are partial.
        partial_for: the same for single monitors that began later than the window they share.
        since: int64[S], from when on a key's windows count (its first record).
        recent: the last records, for samples.
    """

    group: Group
    partition: Partition | None
    keys: KeySlots
    window_state: State
    states: dict[str, State]
    judged: int = NEVER
    partial_until: int = NEVER
    partial_for: dict[str, int] = field(default_factory=dict)
    since: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    recent: Recent = field(default_factory=Recent)


def advance(
    lane: Lane, rows: Rows, board: Board, observer: Observer, *, unheard: tuple[int, int] | None = None
) -> WindowResults | None:
    """Take ``rows`` (already filtered by ``where``) all the way to notices on ``board``; what the window reported.

    No rows and a later watermark is how time passes. While all its monitors are paused, nothing is counted.
    Raises :class:`MonitorFailed`.
    """
    if not lane.states:
        return None
    lane.recent.add(rows)
    results = _windows(lane, rows, unheard)
    shown = results.without(lane.group.kept)
    observer.results(lane, rows, shown)
    moved = len(results) > 0 or _closes(lane, rows)
    for monitor in lane.group.monitors:
        if monitor.name in lane.states:  # else it is paused
            if moved or monitor.detector.needs.waits:
                _Judging(lane, monitor, rows, results, board, observer).judge()
            pass_time(monitor.name, rows.watermark, monitor.policy, board, lane.keys)
    if results.late is not None and len(results.late.rows):
        observer.late(lane.group, rows, results.late)
    lane.judged = max(lane.judged, rows.watermark)
    return shown


def _closes(lane: Lane, rows: Rows) -> bool:
    """Whether a window ends in this step, with records or without; most steps are shorter than any window."""
    window = lane.group.window
    if not window.hop:
        return False
    if lane.judged == NEVER:
        return rows.watermark != NEVER
    after = max(lane.judged, rows.watermark)
    return (after - window.reach) // window.hop != (lane.judged - window.reach) // window.hop


def _windows(lane: Lane, rows: Rows, unheard: tuple[int, int] | None) -> WindowResults:
    group = lane.group
    try:
        results = group.window.step(lane.window_state, rows)
        if group.include_empty:
            _note_first(lane, rows)
            results = _with_empty(lane, rows, results)
    except Exception as error:
        raise MonitorFailed(list(lane.states), error) from error
    return results if unheard is None else replace(results, unheard=unheard)


def _with_empty(lane: Lane, rows: Rows, results: WindowResults) -> WindowResults:
    """With the windows without records of every known key among the results."""
    window = lane.group.window
    known = lane.keys.live()
    known = known[lane.since[known] != _UNSEEN]
    if not window.hop or not len(known):
        return results
    pieces = list(closed_numbers(window, rows, lane.judged))
    if not pieces:
        return results
    more = empty_results(window, rows, results, np.concatenate(pieces), (known, lane.since[known]))
    return results if more is None else together(results, more)


@dataclass(frozen=True, slots=True)
class _Judging:
    """One monitor's answers to one step, told in the order in which they were decided."""

    lane: Lane
    monitor: Monitor
    rows: Rows
    results: WindowResults
    board: Board
    observer: Observer

    def judge(self) -> None:
        """Judge all results; windows without records too, for keys while they have an incident."""
        lessons = self.monitor.policy.lessons
        if lessons.accept and len(self.results):
            for begin, end in pieces(self.results):
                one_each = part_of(self.results, begin, end)
                self._tell(self._answers(lessons.held(one_each, self.monitor.name, self.board)))
            return
        answers = self._answers(self.results)
        window = self.lane.group.window
        concerned = self._concerned(answers)
        every = self.lane.group.include_empty or not self.monitor.detector.needs.judges_empty
        if every or not window.hop or not len(concerned):
            self._tell(answers)
            return
        mine = self.lane.keys.among(answers.slots, concerned)
        self.observer.verdicts(self.monitor, answers.take(np.nonzero(~mine)[0]))  # these change no incident
        answers = answers.take(np.nonzero(mine)[0])
        for numbers in closed_numbers(window, self.rows, self.lane.judged):
            count = self._until(answers, int(numbers[-1]) * window.hop + window.reach)
            self._among(answers.take(np.arange(count)), numbers)
            answers = answers.take(np.arange(count, len(answers)))
        self._tell(answers)

    def _among(self, answers: Verdicts, numbers: IntArray) -> None:
        """Tell ``answers`` with what the windows ``numbers`` that hold no record say between them."""
        concerned = self._concerned(answers)
        more = None
        if len(concerned):
            wanted = concerned, np.full(len(concerned), NEVER, np.int64)
            more = empty_results(self.lane.group.window, self.rows, self.results, numbers, wanted)
        if more is None:
            self._tell(answers)
            return
        empty = self._answers(more)
        for part, is_empty in _in_order(answers, empty):
            self._tell(part, only_open=is_empty)

    def _answers(self, results: WindowResults) -> Verdicts:
        since = self.lane.partial_for.get(self.monitor.name)
        if since is not None:
            results = replace(results, partial=results.partial | (results.starts <= since))
        results = self.monitor.policy.lessons.marked(results)
        try:
            return self.monitor.detector.step(self.lane.states[self.monitor.name], results)
        except Exception as error:
            raise MonitorFailed([self.monitor.name], error) from error

    def _concerned(self, answers: Verdicts) -> SlotArray:
        """int32[m]: the keys with an incident, or with one to come."""
        held = self.board.slots(self.monitor.name, self.lane.keys)
        fired = answers.slots[answers.firing()]
        return np.union1d(held, fired).astype(np.int32) if len(held) or len(fired) else held

    def _until(self, answers: Verdicts, end: int) -> int:
        """How many ``answers`` were decided before the windows that end after ``end`` closed."""
        at = int(self.rows.decided(np.array([end]))[0])
        sooner = answers.positions < at
        return int((sooner | ((answers.positions == at) & (answers.early | (answers.ends <= end)))).sum())

    def _tell(self, answers: Verdicts, *, only_open: bool = False) -> None:
        if not len(answers):
            return
        opening = max(self.rows.opening, self.lane.judged)
        marks = np.maximum(np.concatenate(([opening], self.rows.closing)), opening)
        sample = partial(_sample, self.lane, self.monitor, self.rows)
        counted = receive(answers, self.monitor.policy, self.board, sample, marks=marks, only_open=only_open)
        self.observer.verdicts(self.monitor, answers.take(counted) if only_open else answers)


def _in_order(answers: Verdicts, empty: Verdicts) -> list[tuple[Verdicts, bool]]:
    """Both, cut into runs so that what was decided earlier comes earlier; with whether it is of ``empty``."""
    keyed = [
        (int(part.positions[i]), not bool(part.early[i]), int(part.ends[i]), int(part.starts[i]), which, i)
        for which, part in enumerate((answers, empty))
        for i in range(len(part))
    ]
    keyed.sort()
    runs: list[tuple[int, list[int]]] = []
    for *_, which, i in keyed:
        if not runs or runs[-1][0] != which:
            runs.append((which, []))
        runs[-1][1].append(i)
    return [((answers, empty)[which].take(np.array(index, np.int64)), which == 1) for which, index in runs]


_UNSEEN = np.iinfo(np.int64).max


def _note_first(lane: Lane, rows: Rows) -> None:
    """Remember from when on each key's windows count: its first record that was not late altogether."""
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
    samples = lane.recent.find(verdicts, row, monitor.samples, with_end=lane.group.sessions)
    if lane.partition is not None:
        return lane.partition, samples
    by_record = verdicts.early[row] or verdicts.starts[row] == verdicts.at[row]
    if not by_record or verdicts.offsets[row] < 0:
        return None, samples  # what several partitions close is decided by none of them
    at = int(verdicts.rows[row])
    return (rows.partitions[rows.parts[at]] if at >= 0 else lane.recent.partition(verdicts, row)), samples
