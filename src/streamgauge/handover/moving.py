"""Part by part: read from Redis, write to the history, read it back and compare, remove from Redis exactly that.

Killed at any point, nothing is lost and nothing doubled: a part is removed only after its commit and its comparison; a part
that was committed and not removed is written again by the next hand-over, over itself. What changed in Redis between being
read and being removed is left there, for the part after.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from streamgauge.errors import ConfigError, OutsideError
from streamgauge.failpoints import HANDED, TAKEN_AWAY, reach
from streamgauge.handover.history import History, Point
from streamgauge.sinks.postgres_table import as_text
from streamgauge.sinks.redis_link import explained, opened, place_of, without_module
from streamgauge.sinks.redis_series import Book, Page, Series, series_in
from streamgauge.sinks.redis_timeseries import Config

AT_ONCE: Final = 50_000
"""Samples of a part."""

SERIES: Final = 50
"""Series of a part at most."""

_TRIES: Final = 20
"""How often a part is read again because it changed meanwhile."""


@dataclass(slots=True)
class Done:
    """What came of it.

    Attributes:
        series: how many had something to hand over.
        points: samples that left Redis; in a dry run, that would.
        rows: rows that were written; one that was written in several parts counts in each.
        left: samples that kept changing and stay in Redis until the next time.
        checksum: SHA-256 over all samples, as read from Redis and, equally, from the history.
        seconds: it took.
    """

    series: int = 0
    points: int = 0
    rows: int = 0
    left: int = 0
    checksum: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress:
    """So many samples of so many have left."""

    done: int
    total: int


@dataclass(slots=True)
class Handover:
    """One hand-over.

    Args:
        sink: whose series they are, such as ``stream logs``.
        settings: its ``write:``, with ``history``.
        columns: the columns that it writes.
        before: milliseconds; younger samples stay.
        progress: told after each part.
        stop: asked before each part whether to end here.
    """

    sink: str
    settings: Config
    columns: Sequence[str]
    before: int
    progress: Callable[[Progress], None] = lambda _: None
    stop: Callable[[], bool] = lambda: False
    done: Done = field(default_factory=Done)
    _changed: bool = False
    """Whether something of the last part was written anew while it was handed over."""

    def run(self, *, dry: bool = False) -> Done:
        """Do it, or with ``dry`` only count.

        Raises:
            OutsideError: a server is away, another hand-over runs, or the history gave back something else.
        """
        began = time.monotonic()
        with self._redis() as (series, whose):
            names = sorted(whose, key=lambda name: (whose[name][1], name))
            counts = dict(zip(names, series.count(names, self.before), strict=True))
            full = [name for name in names if counts[name]]
            self.done.series = len(full)
            if dry:
                self.done.points = sum(counts.values())
            else:
                self._move(series, {name: whose[name] for name in full}, sum(counts.values()))
        self.done.seconds = round(time.monotonic() - began, 3)
        return self.done

    def _move(self, series: Series, whose: Mapping[str, tuple[str, str]], total: int) -> None:
        assert self.settings.history is not None
        more = sorted({column for column, _ in whose.values()} - set(self.columns))
        history = History(self.settings.history, [*self.columns, *more])
        digest = hashlib.sha256()
        with history.alone():
            for part in _parts(list(whose)):
                for pages in self._pages(series, part):
                    digest.update(self._hand_over(series, history, pages, whose))
                    self.progress(Progress(self.done.points, max(total, self.done.points)))
        self.done.checksum = digest.hexdigest()

    def _pages(self, series: Series, names: Sequence[str]) -> Iterator[dict[str, Page]]:
        """The oldest samples of each, as long as there are some: what was taken is gone at the next look."""
        tries = 0
        length = max(1, AT_ONCE // len(names))
        while not self.stop():
            found = series.pages(names, self.before, length)
            pages = {name: page for name, page in zip(names, found, strict=True) if page}
            if not pages:
                return
            yield pages
            tries = tries + 1 if self._changed else 0
            if tries == _TRIES:
                self.done.left += sum(series.count(names, self.before))
                return

    def _hand_over(
        self,
        series: Series,
        history: History,
        pages: Mapping[str, Page],
        whose: Mapping[str, tuple[str, str]],
    ) -> bytes:
        points: dict[Point, float] = {
            (as_text(whose[name][1]), at, whose[name][0]): float(value)
            for name, page in pages.items()
            for at, value in page
        }
        rows = history.take(points)
        checksum = _compared(points, history.read(points), history.where)
        reach(HANDED)
        changed = set(series.remove(pages))
        reach(TAKEN_AWAY)
        self._changed = bool(changed)
        self.done.points += sum(len(page) for name, page in pages.items() if name not in changed)
        self.done.rows += rows
        return checksum

    @contextmanager
    def _redis(self) -> Iterator[tuple[Series, dict[str, tuple[str, str]]]]:
        """The series, and of which column and key each is."""
        import redis

        where = place_of(self.settings.url)
        client = opened(self.settings.url, max(30.0, self.settings.timeout.total_seconds()))
        try:
            series = series_in(client, 0, plain=self.settings.fallback == "plain")
            if series is None:
                raise OutsideError(without_module(where))
            yield series, Book(client, self.sink).all()
        except redis.RedisError as error:
            raise OutsideError(
                f"{explained(where, error)}. What was not handed over is still there"
            ) from error
        finally:
            client.close()


def check(settings: object, sink: str) -> Config:
    """The settings of a sink whose series can be handed over.

    Raises:
        ConfigError: it is of another type, or has no ``history``.
    """
    if not isinstance(settings, Config):
        raise ConfigError(f"{sink} does not write to Redis; its `write:` needs `type: redis_timeseries`")
    if settings.history is None:
        raise ConfigError(
            f"{sink} does not say where its history is; add `history: {{url: …, table: …}}` to its `write:`"
        )
    return settings


def _parts(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), SERIES):
        yield names[start : start + SERIES]


def _compared(dumped: Mapping[Point, float], there: Mapping[Point, float], where: str) -> bytes:
    """The checksum of both, which are the same.

    Raises:
        OutsideError: they are not.
    """
    ours, theirs = _checksum(dumped), _checksum(there)
    if len(dumped) == len(there) and ours == theirs:
        return ours
    key, at, column = point = next(point for point in dumped if there.get(point) != dumped[point])
    raise OutsideError(
        f"{where} gave back something else than was written: {column} of {key} at millisecond {at} is "
        f"{there.get(point, 'missing')} instead of {dumped[point]!r}, in a part of {len(dumped)} samples, {len(there)} of "
        "which are there. Nothing of this part was removed from Redis. Is the column of type real, or does a trigger "
        "or rule change what is written?"
    )


def _checksum(points: Mapping[Point, float]) -> bytes:
    lines = [f"{key}\t{at}\t{column}\t{points[key, at, column]!r}" for key, at, column in sorted(points)]
    return hashlib.sha256("\n".join(lines).encode()).digest()
