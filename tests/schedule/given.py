"""A store with a book of jobs, a clock that is pushed, and tries that end when they are told to."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from streamgauge.clock import parse_duration
from streamgauge.config.schedule import JobConfig
from streamgauge.schedule.book import Book, Ended, Job, Run
from streamgauge.schedule.running import Running
from streamgauge.stores.tokens import make_store
from streamgauge.testing import PushedClock


@cache
def _fresh() -> Path:
    """A store with nothing in it, made once."""
    path = Path(mkdtemp()) / "fresh.db"
    make_store(f"sqlite:///{path}")
    return path


class Told:
    """A try that goes on until a test says how it ends."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.code: int | None = None
        self.stopped = 0

    def poll(self) -> int | None:
        return self.code

    def stop(self) -> None:
        self.stopped += 1


class Scheduled:
    """One engine after the other over one store."""

    def __init__(self, folder: Path, **jobs: Any) -> None:
        self.url = f"sqlite:///{folder / 's.db'}"
        shutil.copy(_fresh(), folder / "s.db")
        self.clock = PushedClock(1_700_000_000_000_000)  # 22:13:20 UTC
        self.jobs = {
            name: JobConfig.model_validate({"run": "doctor c.yaml", **job}) for name, job in jobs.items()
        }
        self.begun: list[tuple[str, Told]] = []
        self.engine()

    def engine(self) -> None:
        """Another engine; the one before is gone as if killed."""
        self.book = Book(self.url)
        self.running = Running(self.book, self.clock, self._begin)

    def _begin(self, name: str, words: Sequence[str], run: Run) -> Told:
        self.begun.append((name, Told(run)))
        return self.begun[-1][1]

    @property
    def one(self) -> Told:
        """What was begun last."""
        return self.begun[-1][1]

    def turn(self, pushed: str = "0s") -> dict[str, Job]:
        self.clock.push(parse_duration(pushed))
        return self.running.turn(self.jobs)

    def tell(self, code: int, said: str = "") -> None:
        """The try's own process writes down how it ended."""
        run = self.one.run
        self.book.told(self.begun[-1][0], Ended(run.id, run.due, run.began, self.clock.now(), code, said))
