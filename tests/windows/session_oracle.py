"""Sessions the slow way: every record is a point; which points belong together is found anew at each record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.windows.oracle import Row, merged


@dataclass(eq=False)
class Point:
    """A record that counted.

    Attributes:
        row: the record.
        low, high: the moments at which it meets records of other partitions.
        with_: the points of its own partition that it joined.
    """

    row: Row
    low: float
    high: float
    with_: list["Point"] = field(default_factory=list)


@dataclass
class SessionsFound:
    """What came out."""

    sessions: list[tuple[Any, ...]] = field(default_factory=list)  # key, start, end, count, total, words
    changes: list[tuple[Any, ...]] = field(default_factory=list)  # key, start, end, offset, count
    early: list[tuple[Any, ...]] = field(default_factory=list)  # key, start, end, offset
    late: list[tuple[Any, ...]] = field(default_factory=list)  # part, offset
    incidents: list[tuple[Any, ...]] = field(default_factory=list)  # key, "open"/"end", at


class SessionOracle:
    """Sessions with ``when: events > limit``; moments in microseconds.

    Args:
        gap, grace: microseconds.
        limit: of the condition.
        aligned: whether each partition stands alone.
    """

    def __init__(self, gap: int, grace: int, limit: int, *, aligned: bool) -> None:
        self.gap, self.grace, self.limit, self.aligned = gap, grace, limit, aligned
        self.found = SessionsFound()
        self.points: list[Point] = []
        self.firing: dict[Any, int] = {}  # key → end of the session that last fired

    def run(self, rows: Mapping[int, Sequence[Row]]) -> SessionsFound:
        """All of it, and the end of the stream."""
        largest: dict[int, int] = {}
        for row in merged(rows):
            before = largest.get(row.part)
            largest[row.part] = max(row.at, row.at if before is None else before)
            self._count(row, -float("inf") if before is None else before - self.grace)
            mark = largest[row.part] if self.aligned else max(largest.values())
            self._close(row.part if self.aligned else None, mark - self.grace)
        for part in sorted(largest) if self.aligned else [None]:
            self._close(part, float("inf"))
        return self.found

    def _count(self, row: Row, mark: float) -> None:
        if row.key is None:
            return
        own = [
            session
            for session in self._sessions(
                [p for p in self.points if p.row.part == row.part and p.row.key == row.key]
            )
            if self._end(session) + self.gap >= mark
            and min(p.row.at for p in session) - self.gap <= row.at <= self._end(session) + self.gap
        ]
        if not own and row.at + self.gap < mark:
            self.found.late.append((row.part, row.offset))
            return
        was = self._sessions([p for p in self.points if p.row.key == row.key])
        joined = [point for session in own for point in session]
        point = Point(row, max(row.at, mark), row.at + self.gap, joined)
        self.points.append(point)
        (now,) = [s for s in self._sessions([p for p in self.points if p.row.key == row.key]) if point in s]
        self._tell(row, now, [s for s in was if s[0] in now])

    def _tell(self, row: Row, now: list[Point], was: list[list[Point]]) -> None:
        start, end = min(p.row.at for p in now), self._end(now)
        self.found.changes.append((row.key, start, end, row.offset, len(now)))
        goes_on = min(was, key=lambda s: (min(p.row.at for p in s), self._end(s)), default=[])
        if len(now) > self.limit >= len(goes_on):
            self.found.early.append((row.key, start, end, row.offset))
            self._fired(row.key, end, row.at)

    def _close(self, part: int | None, mark: float) -> None:
        mine = [p for p in self.points if part is None or p.row.part == part]
        over = [s for s in self._sessions(mine) if self._end(s) + self.gap < mark]
        for session in sorted(over, key=lambda s: (self._end(s), str(s[0].row.key))):
            key, end = session[0].row.key, self._end(session)
            self.points = [p for p in self.points if p not in session]
            total = 0.0
            for of in sorted({p.row.part for p in session}):
                total += sum(p.row.value or 0.0 for p in session if p.row.part == of)
            words = {p.row.word for p in session} - {None}
            self.found.sessions.append(
                (key, min(p.row.at for p in session), end, len(session), total, len(words))
            )
            if len(session) > self.limit:
                self._fired(key, end, end + self.gap)
            if key in self.firing and end >= self.firing[key]:
                del self.firing[key]
                self.found.incidents.append((key, "end", end + self.gap))

    def _fired(self, key: Any, end: int, at: int) -> None:
        if key not in self.firing:
            self.found.incidents.append((key, "open", at))
        self.firing[key] = max(self.firing.get(key, end), end)

    def _sessions(self, points: list[Point]) -> list[list[Point]]:
        """Which of them belong together, through any number of others."""
        left, sessions = list(points), []
        while left:
            session = [left.pop(0)]
            for point in session:
                near = [p for p in left if self._meet(p, point)]
                session += near
                left = [p for p in left if p not in near]
            sessions.append(session)
        return sessions

    def _meet(self, a: Point, b: Point) -> bool:
        if a.row.key != b.row.key:
            return False
        if a in b.with_ or b in a.with_:
            return True
        return a.row.part != b.row.part and not self.aligned and a.low <= b.high and b.low <= a.high

    def _end(self, session: list[Point]) -> int:
        return max(p.row.at for p in session)
