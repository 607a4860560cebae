"""Windows the slow way: one record after the other, in dictionaries, straight from the words of the semantics."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Key = Any


@dataclass(frozen=True)
class Row:
    """One record; ``at`` in microseconds."""

    part: int
    offset: int
    at: int
    key: Key
    value: float | None
    word: str | None = None


@dataclass
class Found:
    """What came out."""

    windows: list[tuple[Any, ...]] = field(default_factory=list)  # key, start, end, values
    early: list[tuple[Any, ...]] = field(default_factory=list)  # key, start, at, offset
    late: list[tuple[Any, ...]] = field(default_factory=list)  # part, offset, start
    incidents: list[tuple[Any, ...]] = field(default_factory=list)  # key, "open"/"end", at


@dataclass
class _Window:
    rows: dict[int, list[Row]] = field(default_factory=dict)
    order: list[Row] = field(default_factory=list)


def merged(rows: Mapping[int, Sequence[Row]]) -> list[Row]:
    """Running event time, partition, offset."""
    ordered = []
    for part, mine in rows.items():
        running = -math.inf
        for row in mine:
            running = max(running, row.at)
            ordered.append((running, part, row.offset, row))
    return [row for *_, row in sorted(ordered, key=lambda item: item[:3])]


def values(window: _Window, size: int) -> dict[str, Any]:
    """Every aggregate of one window."""
    rows = window.order
    parts = [window.rows[part] for part in sorted(window.rows)]
    seen = [row.value for row in rows if row.value is not None]
    total = 0.0
    for part in parts:  # parts are summed by themselves, then together
        own = 0.0
        for row in part:
            own += 0.0 if row.value is None else row.value
        total += own
    return {
        "events": len(rows),
        "known": len(seen),
        "total": total,
        "mean": total / len(seen) if seen else None,
        "least": min(seen, default=None),
        "most": max(seen, default=None),
        "spread": statistics.stdev(seen) if len(seen) > 1 else None,
        "var": statistics.variance(seen) if len(seen) > 1 else None,
        "words": len({row.word for row in rows if row.word is not None}),
        "per_second": len(rows) / (size / 1e6),
    }


class Oracle:
    """Tumbling and hopping windows with ``when: events > limit``.

    Args:
        size, advance, lateness: microseconds.
        limit: of the condition.
        aligned: whether each partition stands alone.
    """

    def __init__(self, size: int, advance: int, lateness: int, limit: int, *, aligned: bool) -> None:
        self.size, self.advance, self.lateness = size, advance, lateness
        self.limit, self.aligned = limit, aligned
        self.found = Found()
        self.open: dict[tuple[int | None, Key, int], _Window] = {}
        self.closing: dict[int | None, int] = {}
        self.firing: dict[Key, tuple[int, int]] = {}  # key → the last window that fired: (end, start)

    def run(self, rows: Mapping[int, Sequence[Row]]) -> Found:
        """All of it, and the end of the stream."""
        largest: dict[int, int] = {}
        everything = merged(rows)
        for row in everything:
            before = largest.get(row.part)
            largest[row.part] = max(row.at, before if before is not None else row.at)
            lane = row.part if self.aligned else None
            self._count(row, lane, None if before is None else before - self.lateness)
            mark = largest[row.part] if self.aligned else max(largest.values())
            self._close(lane, mark - self.lateness)
        top = max(largest.values(), default=0)
        for lane in sorted(largest) if self.aligned else [None]:
            ends = [start + self.size for of, _, start in self.open if of == lane]
            self._close(lane, max([top, *ends]))
        return self.found

    def _count(self, row: Row, lane: int | None, before: int | None) -> None:
        if row.key is None:
            return
        start = row.at // self.advance * self.advance
        while start + self.size > row.at:
            if before is not None and start + self.size <= before:
                self.found.late.append((row.part, row.offset, start))
            else:
                window = self.open.setdefault((lane, row.key, start), _Window())
                window.rows.setdefault(row.part, []).append(row)
                window.order.append(row)
                if len(window.order) == self.limit + 1:
                    self.found.early.append((row.key, start, row.at, row.offset))
                    self._fired(row.key, start, row.at)
            start -= self.advance

    def _close(self, lane: int | None, mark: int) -> None:
        last = self.closing.get(lane)
        due = {
            (start + self.size, start, key)
            for of, key, start in self.open
            if of == lane and start + self.size <= mark
        }
        if last is not None:
            for key in self.firing:
                if lane is None or self._lane_of(key) == lane:
                    first = (last - self.size) // self.advance * self.advance + self.advance
                    due |= {
                        (start + self.size, start, key)
                        for start in range(first, mark - self.size + 1, self.advance)
                    }
        for end, start, key in sorted(due, key=lambda item: (item[0], item[1], str(item[2]))):
            window = self.open.pop((lane, key, start), None)
            if window is not None:
                self.found.windows.append((key, start, end, values(window, self.size)))
            if window is not None and len(window.order) > self.limit:
                self._fired(key, start, end)
            elif key in self.firing and (end, start) > self.firing[key]:
                del self.firing[key]
                self.found.incidents.append((key, "end", end))
        self.closing[lane] = mark if last is None else max(mark, last)

    def _fired(self, key: Key, start: int, at: int) -> None:
        if key not in self.firing:
            self.found.incidents.append((key, "open", at))
        self.firing[key] = max(self.firing.get(key, (start + self.size, start)), (start + self.size, start))

    def _lane_of(self, key: Key) -> int:
        return placed(key)


def placed(key: Key) -> int:
    """Where the producer of the tests places a key."""
    return 0 if key is None else sum(str(key).encode()) % 3
