"""Begins the runs that are due, watches them, and writes down how they ended; one run of a job at a time.

A run is written down before it begins and after it has ended. One that was cut off with its engine is found there by the
next engine and begun again, for the same moment; however many moments passed meanwhile, one run makes up for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from streamgauge.clock import Clock, format_duration, iso, to_micros
from streamgauge.config.schedule import JobConfig
from streamgauge.schedule.book import STOPPED, Book, Ended, Job, Run, begun
from streamgauge.schedule.moments import following, shape

_log = structlog.get_logger("streamgauge.schedule")


class Try(Protocol):
    """A try that goes on; :class:`~streamgauge.schedule.process.Process`."""

    @property
    def run(self) -> Run:
        """Which run it is."""
        ...

    def poll(self) -> int | None:
        """Its exit code; None while it goes on."""
        ...

    def stop(self) -> None:
        """End it and wait until it is over."""
        ...


Begin = Callable[[str, Sequence[str], Run], Try]
"""Job's name, its words, its run → what goes on. Raises OSError where no process can be made."""


class Running:
    """The runs of this engine.

    Args:
        book: what the store knows of jobs.
        clock: whose wall clock says what is due.
        begin: begins a try.
    """

    def __init__(self, book: Book, clock: Clock, begin: Begin) -> None:
        self._book = book
        self._clock = clock
        self._begin = begin
        self._tries: dict[str, Try] = {}

    def turn(self, jobs: Mapping[str, JobConfig]) -> dict[str, Job]:
        """Settle what has ended, begin what is due; the jobs as they are now.

        Raises:
            StoreError: the store refuses; the same turn may be taken again.
        """
        known = self._book.all()
        for name in [name for name in self._tries if name not in jobs]:
            self._watch(name, None)
        return {name: self._one(name, config, known.get(name)) for name, config in jobs.items()}

    def stop(self) -> None:
        """End the runs that go on; the next engine begins them again."""
        while self._tries:
            name, one = self._tries.popitem()
            one.stop()
            _log.info("a job was ended with the engine; the next one begins it again", job=name)

    def _one(self, name: str, config: JobConfig, job: Job | None) -> Job:
        now = self._clock.now()
        if job is None or job.shape != shape(config):
            job = self._book.change(name, lambda before: _planned(before, config, now))
        if name in self._tries:
            job = self._watch(name, config) or job
        elif job.run is not None and job.run.again_at is None:
            job = self._left_behind(name, config, job)
        if job.run is not None and job.run.again_at is not None and now >= job.run.again_at:
            job = self._again(name, config, job.run.attempt + 1)
        if now >= job.next:
            job = self._due(name, config, now)
        return job

    def _due(self, name: str, config: JobConfig, now: int) -> Job:
        """Begin the run whose moment has come, unless one still goes on."""
        mine: list[Run] = []

        def change(before: Job | None) -> Job:
            assert before is not None
            after = following(config, now)
            if before.run is not None:
                return msgspec.structs.replace(before, next=after, overruns=before.overruns + 1)
            mine[:] = [begun(before.next, now, attempt=1, by="schedule")]
            return msgspec.structs.replace(before, next=after, run=mine[0], told=None)

        job = self._book.change(name, change)
        if mine:
            self._start(name, config, mine[0])
        else:
            _log.warning(
                "a job still runs at its next moment, which is passed over", job=name, next=iso(job.next)
            )
        return job

    def _again(self, name: str, config: JobConfig, attempt: int) -> Job:
        """Begin another try of the run that goes on, for the same moment."""
        now = self._clock.now()

        def change(before: Job | None) -> Job:
            assert before is not None
            if before.run is None:
                return before
            run = begun(before.run.due, now, attempt=attempt, by="schedule")
            return msgspec.structs.replace(before, run=run, told=None)

        job = self._book.change(name, change)
        if job.run is not None:
            self._start(name, config, job.run)
        return job

    def _start(self, name: str, config: JobConfig, run: Run) -> None:
        _log.info("a job begins", job=name, due=iso(run.due), attempt=run.attempt)
        try:
            self._tries[name] = self._begin(name, config.words, run)
        except OSError as error:
            self._settle(name, config.tries, _ended(run, self._clock.now(), 3, f"no process: {error}"))

    def _watch(self, name: str, config: JobConfig | None) -> Job | None:
        """Settle a try of ours that has ended, or has taken too long; None: it goes on."""
        one, now = self._tries[name], self._clock.now()
        code = one.poll()
        tries = 1 if config is None else config.tries
        if code is not None:
            said = f"killed by signal {-code}" if code < 0 else ""
            how = _ended(one.run, now, code, said)
        elif config is not None and now - one.run.began > to_micros(config.timeout):
            one.stop()
            how = _ended(
                one.run, now, STOPPED, f"ended since it took longer than {format_duration(config.timeout)}"
            )
        else:
            return None
        job = self._settle(name, tries, how)
        one.stop()  # whatever it left behind
        del self._tries[name]
        return job

    def _left_behind(self, name: str, config: JobConfig, job: Job) -> Job:
        """A run that this engine did not begin: its end is written down, or it is cut off, or somebody's hand began it."""
        run, now = job.run, self._clock.now()
        assert run is not None
        if job.outcome is not None:
            return self._settle(name, config.tries, job.outcome)
        if run.by == "hand":
            if not run.is_gone() and now - run.began <= to_micros(config.timeout):
                return job
            return self._settle(name, 1, _ended(run, now, -9, "its process is gone"))
        _log.warning("a job was cut off; it begins again", job=name, due=iso(run.due))
        return self._again(name, config, run.attempt)

    def _settle(self, name: str, tries: int, how: Ended) -> Job:
        """Write down how a try ended; what its own process wrote goes before what we saw."""

        def change(before: Job | None) -> Job:
            assert before is not None
            told = before.outcome if how.code != STOPPED else None
            return before.settled(told or how, tries)

        job = self._book.change(name, change)
        if job.run is not None:
            _log.warning("a job is tried again", job=name, why=how.said or f"exit code {how.code}")
        elif job.last is not None and not job.last.good:
            _log.error("a job failed", job=name, code=job.last.code, said=job.last.said)
        elif job.last is not None:
            _log.info("a job ended well", job=name, seconds=round(job.last.seconds, 1), next=iso(job.next))
        return job


def _planned(before: Job | None, config: JobConfig, now: int) -> Job:
    """A job that is new, or whose times have changed."""
    if before is None:
        return Job(shape(config), following(config, now))
    return msgspec.structs.replace(before, shape=shape(config), next=following(config, now))


def _ended(run: Run, at: int, code: int, said: str) -> Ended:
    return Ended(run.id, run.due, run.began, at, code, said)
