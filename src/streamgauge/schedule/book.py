"""What the store knows of each job: when it is due, whether it runs now and where, and how it ended.

Each change is one transaction that reads the job and writes it back, so that a running engine and ``streamgauge jobs
run`` in another process never begin the same job twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec
from sqlalchemy import Connection, select

from streamgauge.clock import SECOND
from streamgauge.stores.beside import Beside
from streamgauge.stores.owner import Owner, is_gone
from streamgauge.stores.schema import meta

_PREFIX = "job "
OUTSIDE = 3
"""Exit code: something outside is missing."""
STOPPED = -1000
"""In place of an exit code: it took longer than its `timeout`."""
_PAUSE = 30 * SECOND
"""Before the second try of a run that ended with OUTSIDE; doubled each time."""
SAID = 2_000
"""Characters of what a run said that are kept: the last ones."""


class Run(msgspec.Struct, frozen=True, omit_defaults=True):
    """A run that has begun and not ended; moments are microseconds of the wall clock.

    Attributes:
        id: tells it from every other run.
        due: the moment for which it runs.
        began: when this try began.
        attempt: which try it is, from 1 on.
        by: the engine's schedule, or somebody's hand.
        host, pid, pid_started: the process that watches it.
        again_at: set while it waits for its next try.
    """

    id: str
    due: int
    began: int
    attempt: int
    by: Literal["schedule", "hand"]
    host: str
    pid: int
    pid_started: int
    again_at: int | None = None

    def is_gone(self) -> bool:
        """Whether nobody watches it any more."""
        return is_gone(self.host, self.pid, self.pid_started)


class Ended(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a run ended: its process' exit code (negative: the signal that killed it), and the last that it said."""

    id: str
    due: int
    began: int
    at: int
    code: int
    said: str = ""

    @property
    def passing(self) -> bool:
        """Whether it may go well another time: its process was killed, or something outside is missing."""
        return self.code == OUTSIDE or (self.code < 0 and self.code != STOPPED)

    @property
    def good(self) -> bool:
        """Whether it did what it should."""
        return self.code == 0

    @property
    def seconds(self) -> float:
        """How long its last try took."""
        return (self.at - self.began) / 1e6


class Job(msgspec.Struct, frozen=True, omit_defaults=True):
    """One job as the store knows it.

    Attributes:
        shape: what decided ``next``.
        next: when it is due.
        run: the run that goes on.
        told: how the present try ended, as its own process wrote it down; it settles the run also where nobody watched.
        last: the run that ended last.
        succeeded_at: the end of the last good run.
        runs, failures: runs that ended, and those that ended badly, since the store knows the job.
        overruns: due moments that passed while it still ran.
    """

    shape: str
    next: int
    run: Run | None = None
    told: Ended | None = None
    last: Ended | None = None
    succeeded_at: int | None = None
    runs: int = 0
    failures: int = 0
    overruns: int = 0

    @property
    def outcome(self) -> Ended | None:
        """How the run that goes on has ended, where its own process said so."""
        return (
            self.told
            if self.run is not None and self.told is not None and self.told.id == self.run.id
            else None
        )

    def settled(self, how: Ended, tries: int) -> Job:
        """The job after a try: it is tried again, or has ended. A try that is not the present one changes nothing."""
        if self.run is None or self.run.id != how.id:
            return self
        if how.passing and self.run.attempt < tries:
            again = how.at + (_PAUSE * 2 ** (self.run.attempt - 1) if how.code > 0 else 0)
            return msgspec.structs.replace(
                self, told=None, run=msgspec.structs.replace(self.run, again_at=again)
            )
        return msgspec.structs.replace(
            self, run=None, told=None, last=how, runs=self.runs + 1, failures=self.failures + (not how.good),
            succeeded_at=how.at if how.good else self.succeeded_at,
        )  # fmt: skip


class Book:
    """The jobs of one store; methods raise :class:`~streamgauge.errors.StoreError`."""

    def __init__(self, url: str) -> None:
        self._beside = Beside(url)

    def all(self) -> dict[str, Job]:
        """Every job that the store knows, by its name."""
        with self._beside.reading() as connection:
            found = connection.execute(
                select(meta.c.name, meta.c.value).where(meta.c.name.startswith(_PREFIX, autoescape=True))
            ).all()
        return {name.removeprefix(_PREFIX): _decoded(value) for name, value in found}

    def change(self, name: str, change: Callable[[Job | None], Job]) -> Job:
        """Read a job, change it and write it back, in one transaction; the job as it is now."""
        with self._beside.writing() as connection:
            before = _read(connection, name)
            after = change(before)
            if after != before:
                row = {"name": _PREFIX + name, "value": msgspec.json.encode(after).decode()}
                put = self._beside.insert(meta).values(row)
                connection.execute(
                    put.on_conflict_do_update(index_elements=["name"], set_={"value": row["value"]})
                )
        return after

    def told(self, name: str, how: Ended) -> None:
        """Write down how the present try has ended, from its own process; who watches it settles it."""

        def change(before: Job | None) -> Job:
            assert before is not None
            mine = before.run is not None and before.run.id == how.id
            return msgspec.structs.replace(before, told=how) if mine else before

        self.change(name, change)

    def close(self) -> None:
        """Let go of the store."""
        self._beside.close()


def begun(due: int, now: int, *, attempt: int, by: Literal["schedule", "hand"]) -> Run:
    """A run that this process begins now."""
    me = Owner.this_process()
    return Run(f"{due}-{now}-{attempt}", due, now, attempt, by, me.host, me.pid, me.pid_started)


def _read(connection: Connection, name: str) -> Job | None:
    found = connection.execute(select(meta.c.value).where(meta.c.name == _PREFIX + name)).scalar()
    return None if found is None else _decoded(found)


def _decoded(text: str) -> Job:
    return msgspec.json.decode(text, type=Job)
