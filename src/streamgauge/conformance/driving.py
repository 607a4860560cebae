"""Drives the real path over a small stream in every way that must make no difference."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from streamgauge.batch import Batch, Column, FieldKind, Partition
from streamgauge.engines.running.bundle import moved
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.formats.shapes import every_of, text_of
from streamgauge.incidents.board import Board
from streamgauge.kernels import jit
from streamgauge.monitor import Monitor
from streamgauge.pipeline import Lane
from streamgauge.plan import Group, StreamPlan, make_plan
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import LateRows, Rows, WindowResults

STREAM = "checked"
FIELDS: Mapping[str, FieldKind] = {"key": "string", "value": "float", "number": "int", "word": "string"}
"""What a monitor under check can read, beside ``at``, the event time; ``value`` may be missing."""

SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Given:
    """One record of the stream: its partition, event time in microseconds, and fields."""

    part: int
    at: int
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Way:
    """One way of driving.

    Attributes:
        cuts: rows before which a new batch begins.
        restored: whether everything is saved and restored between batches.
        idle: whether an empty step follows each batch.
        compiled: whether kernels are compiled.
    """

    cuts: frozenset[int] = frozenset()
    restored: bool = False
    idle: bool = False
    compiled: bool = False


@dataclass(slots=True)
class Seen:
    """An observer that keeps what passes, as plain rows that compare by ``==``."""

    windows: list[tuple[Any, ...]] = field(default_factory=list)
    verdicts: list[tuple[Any, ...]] = field(default_factory=list)
    missed: list[tuple[Any, ...]] = field(default_factory=list)

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Keep windows."""
        columns = {name: column.values() for name, column in results.columns.items()}
        for i in range(len(results)):
            values = tuple(_plain(values[i]) for values in columns.values())
            self.windows.append(
                (int(results.at[i]), str(results.keys.key(int(results.slots[i]))), int(results.starts[i]),
                 int(results.ends[i]), bool(results.early[i]), int(results.offsets[i]), values)
            )  # fmt: skip

    def verdicts_of(self, verdicts: Verdicts) -> None:
        """Keep answers."""
        for v in verdicts.all_rows():
            observed = tuple((name, _plain(value)) for name, value in v.observed.items())
            self.verdicts.append(
                (v.at, str(v.key), v.window_start, v.window_end, v.severity.label, v.early, v.offset,
                 v.score, v.rarity, v.lower, v.upper, observed, repr(v.expected), repr(v.evidence))
            )  # fmt: skip

    def late(self, group: Group, rows: Rows, late: LateRows) -> None:
        """Keep late records."""
        for row, start in zip(late.rows.tolist(), late.starts.tolist(), strict=True):
            self.missed.append((int(rows.times[row]), int(rows.offsets[row]), start))

    def found(self) -> dict[str, list[str]]:
        """Everything in one order; NaN equals itself here."""
        kept = {"windows": self.windows, "verdicts": self.verdicts, "late records": self.missed}
        return {name: sorted(map(repr, rows)) for name, rows in kept.items()}


class _Eye:
    """What the runner talks to: :class:`Seen`, with the observer's own names."""

    def __init__(self, seen: Seen) -> None:
        self.results, self.late, self._seen = seen.results, seen.late, seen

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        self._seen.verdicts_of(verdicts)


def planned(monitor: Mapping[str, Any], *, lateness: str = "2s", aligned: bool = False) -> StreamPlan:
    """The plan of one monitor over the stream of the checks.

    Raises:
        ConfigError: the monitor is wrong.
    """
    from streamgauge.config import load

    stream: dict[str, Any] = {
        "source": {"type": "files", "path": "checked.ndjson"},
        "format": "json",
        "fields": {**FIELDS, "at": "timestamp"},
        "time": "at",
        "lateness": lateness,
    }
    if aligned:
        stream["partitioned_by"] = "key"
    loaded = load({"streams": {STREAM: stream}, "monitors": {"m": {"stream": STREAM, **monitor}}})
    return make_plan(loaded).streams[STREAM]


def drive(plan: StreamPlan, given: Sequence[Given], way: Way) -> dict[str, list[str]]:
    """Everything that the monitor says about ``given``, driven this way, up to the end of the stream."""
    seen, board = Seen(), Board()
    with jit.running(compiled=way.compiled):
        runner = _attached(plan, board, seen, given)
        edges = [0, *sorted(cut for cut in way.cuts if 0 < cut < len(given)), len(given)]
        for start, stop in pairwise(edges):
            batches, order = _batches(plan, given, start, stop)
            if batches:
                runner.take(batches, order)
            if way.idle:
                runner.pass_time()
            if way.restored:
                runner = _restored(runner, plan, board, seen)
        runner.finish()
    return seen.found()


def ways(cuts: Iterable[int], *, compiled: bool) -> list[Way]:
    """The ways that are compared with the plain one: cut, cut and restored, with empty steps, one by one."""
    some, every = frozenset(cuts), frozenset(range(10_000))
    found = [
        Way(some), Way(every), Way(some, restored=True), Way(every, restored=True), Way(some, idle=True),
    ]  # fmt: skip
    return [*found, Way(some, compiled=True)] if compiled else found


def compare_all(plan: StreamPlan, given: Sequence[Given], cuts: Iterable[int], *, compiled: bool) -> None:
    """Every way must say the same as one batch, run plainly."""
    expected = drive(plan, given, Way())
    for way in ways(cuts, compiled=compiled):
        found = drive(plan, given, way)
        for what, rows in expected.items():
            assert found[what] == rows, (
                f"{what} depend on how the stream is driven ({way}): "
                f"only so {sorted(set(found[what]) - set(rows))}, only in one batch {sorted(set(rows) - set(found[what]))}"
            )


def cuts() -> Any:
    """A Hypothesis strategy of places to cut."""
    from hypothesis import strategies as st

    return st.sets(st.integers(1, 39), max_size=6)


def streams() -> Any:
    """A Hypothesis strategy of small streams: three keys and none, a little out of order, values missing."""
    from hypothesis import strategies as st

    row = st.tuples(
        st.integers(0, 2),
        st.one_of(st.integers(0, 900), st.integers(0, 9_000)),
        st.sampled_from([0, 0, 0, 400, 1_900, 5_000]),
        st.sampled_from(["a", "b", "c", None]),
        st.one_of(st.none(), st.sampled_from([0.0, 0.1, 0.2, -3.5, 7.25]), st.floats(-1e9, 1e9)),
        st.one_of(st.none(), st.integers(-3, 3)),
        st.sampled_from(["x", "y", "z", None]),
    )
    return st.one_of(st.lists(row, max_size=40), st.lists(row, min_size=25, max_size=40)).map(_given)


def _given(drawn: list[tuple[Any, ...]]) -> list[Given]:
    given, now = [], 0
    for part, gap, back, key, value, number, word in drawn:
        now += gap
        # Records of one key stay in one partition, as `partitioned_by` promises.
        placed = part if key is None else "abc".index(key)
        fields = {"key": key, "value": value, "number": number, "word": word}
        given.append(Given(placed, (now - back) * 1_000, fields))
    return given


def _attached(plan: StreamPlan, board: Board, seen: Seen, given: Sequence[Given]) -> StreamRunner:
    runner = StreamRunner(plan, board, _Eye(seen))
    for part in sorted({row.part for row in given}):
        runner.attach(Partition(STREAM, part), None, from_start=True)
        runner.begin(Partition(STREAM, part))
    return runner


def _restored(old: StreamRunner, plan: StreamPlan, board: Board, seen: Seen) -> StreamRunner:
    """A new runner that knows what the old one would have saved, and nothing else."""
    saved = {key: copy.deepcopy(dict(bundle.tables())) for key, bundle in old.bundles.items()}
    new = StreamRunner(plan, board, _Eye(seen))
    for partition in old.clock.partitions:
        new.attach(
            partition, old.position(partition) if partition in old.next_offset else None, from_start=True
        )
    for key, bundle in new.bundles.items():
        bundle.restore(saved[key])
        for lane in bundle.lanes:
            lane.judged = max(lane.judged, moved(new.mark(bundle.partition), lane.group.shift))
    for partition in old.clock.partitions:
        new.begin(partition)
    return new


def _batches(
    plan: StreamPlan, given: Sequence[Given], start: int, stop: int
) -> tuple[list[Batch], np.ndarray[Any, np.dtype[np.int64]]]:
    """One batch per partition that occurs in rows ``start`` to ``stop``, and the order of reading."""
    batches, places = [], []
    for part in sorted({row.part for row in given[start:stop]}):
        rows = [i for i in range(start, stop) if given[i].part == part]
        first = sum(row.part == part for row in given[:start])
        columns = {
            name: Column(spec.kind, values=[_value(given[i], name) for i in rows])
            for name, spec in plan.layout.fields.items()
        }
        offsets = np.arange(first, first + len(rows), dtype=np.int64)
        times = np.array([given[i].at for i in rows], np.int64)
        batches.append(Batch(STREAM, Partition(STREAM, part), offsets, times, columns, first + len(rows)))
        places += rows
    return batches, np.argsort(np.array(places, np.int64), kind="stable")


def _value(row: Given, name: str) -> Any:
    if every_of(name) is not None:
        return text_of({field: type(value).__name__ for field, value in row.fields.items()})
    return row.at if name == "at" else row.fields[name]


def _plain(value: Any) -> Any:
    return repr(value) if isinstance(value, float) else value
