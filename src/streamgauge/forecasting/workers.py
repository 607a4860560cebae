"""Fits many series in worker processes; one that is killed is noticed, and its series is fitted by another.

Each worker holds one series at a time, so a kill costs one fit. A series whose fit ends :data:`TRIES` workers one after
the other is given up and said; the others go on.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, cast

import msgspec
import structlog

from streamgauge.errors import OutsideError
from streamgauge.forecasting.fitting import Answered, Asked, receive, send

TRIES = 3
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
"""There are as many workers as processors: threads of their libraries would only wait for each other."""
BARREN = 10
"""So many workers in a row that end without one answer: there is no use in going on."""

_log = structlog.get_logger("streamgauge.forecasting")


def fitted(asked: Iterable[Asked], workers: int, *, long: bool = False) -> Iterator[Answered]:
    """The answers as they come, in any order.

    Args:
        asked: the series; taken one by one as workers are free.
        workers: how many processes at a time; 0 = in this process.
        long: whether there is so much that compiling pays.

    Raises:
        OutsideError: no worker comes to an answer.
    """
    if workers == 0:
        yield from (one.answer() for one in asked)
        return
    crew = _Crew(iter(asked), workers, long=long)
    try:
        yield from crew.answers()
    finally:
        crew.end()


class _Worker:
    """One process and what it holds."""

    def __init__(self, *, long: bool) -> None:
        environ = {**ONE_THREAD, **os.environ, "STREAMGAUGE_FIT_LONG": "1" if long else "0"}
        command = [sys.executable, "-m", "streamgauge.forecasting.worker"]
        self.process = subprocess.Popen(  # noqa: S603  our own module
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ
        )
        self.holds: Asked | None = None

    @property
    def output(self) -> BinaryIO:
        """Where its answers come from."""
        return cast("BinaryIO", self.process.stdout)

    def give(self, asked: Asked) -> None:
        """Have it fit a series; one that is gone is noticed where its answer is awaited."""
        self.holds = asked
        with suppress(BrokenPipeError):
            send(cast("BinaryIO", self.process.stdin), asked)

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(BrokenPipeError):
                cast("BinaryIO", pipe).close()


class _Crew:
    """The workers, and the series that still wait."""

    def __init__(self, waiting: Iterator[Asked], size: int, *, long: bool) -> None:
        self._waiting = waiting
        self._again: deque[Asked] = deque()
        self._deaths: dict[int, int] = {}
        self._barren = 0
        self._long = long
        self._size = size
        self._working = selectors.DefaultSelector()

    def answers(self) -> Iterator[Answered]:
        """Until nothing waits and nobody works."""
        for _ in range(self._size):
            self._take_on()
        while self._working.get_map():
            for key, _ in self._working.select():
                worker = cast("_Worker", key.data)
                answer = self._answer(worker)
                if answer is not None:
                    yield answer

    def end(self) -> None:
        """End all workers."""
        for key in list(self._working.get_map().values()):
            self._let_go(key.data)
        self._working.close()

    def _answer(self, worker: _Worker) -> Answered | None:
        """What a worker answers, which then goes on with the next; a worker that is gone is replaced."""
        body = receive(worker.output)
        held = worker.holds
        assert held is not None
        if body is not None:
            self._barren = 0
            following = self._next()
            if following is None:
                self._let_go(worker)
            else:
                worker.give(following)
            return msgspec.msgpack.decode(body, type=Answered)
        self._let_go(worker)
        given_up = self._lost(held, worker.process.returncode)
        self._take_on()
        return given_up

    def _lost(self, held: Asked, code: int) -> Answered | None:
        """A worker ended in the middle of a fit: the series waits again, or is given up."""
        self._barren += 1
        if self._barren >= BARREN:
            raise OutsideError(f"{BARREN} workers in a row ended without one fit (the last with {code})")
        deaths = self._deaths[held.number] = self._deaths.get(held.number, 0) + 1
        _log.warning("a worker ended in the middle of a fit", code=code, series=held.number, deaths=deaths)
        if deaths >= TRIES:
            return Answered(held.number, 0, None, given_up=True)
        self._again.append(held)
        return None

    def _take_on(self) -> None:
        following = self._next()
        if following is not None:
            worker = _Worker(long=self._long)
            self._working.register(worker.output, selectors.EVENT_READ, worker)
            worker.give(following)

    def _let_go(self, worker: _Worker) -> None:
        self._working.unregister(worker.output)
        worker.end()

    def _next(self) -> Asked | None:
        return self._again.popleft() if self._again else next(self._waiting, None)
