"""What people ask of a running engine, handed over from other threads and carried out between two turns.

Whoever asked hears the answer once it is committed: what was answered survives a kill, and what was not may be asked again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeAlias

from streamgauge.errors import StoreError
from streamgauge.incidents.actions import Asked, Office, Refusal, perform

Answer: TypeAlias = "Future[dict[str, Any]]"
"""The incident or silence as it is after the commit. Raises Refusal, or StoreError: ask again."""


class Acting:
    """Acts that wait for the engine, in the order in which they were asked for."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[Asked, Answer]] = deque()
        self._closed = False
        self._handing = threading.Lock()

    def ask(self, asked: Asked) -> Answer:
        """Have it done; from any thread."""
        answer: Answer = Future()
        with self._handing:
            if self._closed:
                answer.set_exception(StoreError("the engine has ended; nothing was done"))
            else:
                self._waiting.append((asked, answer))
        return answer

    def carry_out(self, office: Office, now: int, commit: Callable[[], None]) -> None:
        """Do all that waits, commit once, and answer; on the engine's thread."""
        if not self._waiting:
            return
        done: list[tuple[Answer, dict[str, Any]]] = []
        while self._waiting:
            asked, answer = self._waiting.popleft()
            if not answer.set_running_or_notify_cancel():
                continue  # nobody waits for it any more
            try:
                done.append((answer, perform(asked, office, now)))
            except Refusal as refused:
                answer.set_exception(refused)
        if not done:
            return
        try:
            commit()
        except BaseException as error:
            for answer, _ in done:
                answer.set_exception(StoreError(f"it could not be committed: {error}"))
            raise
        for answer, found in done:
            answer.set_result(found)

    def go_on_for(self, other: Acting) -> None:
        """Take over what another engine did not come to."""
        with other._handing:
            other._closed = True
            waiting, other._waiting = other._waiting, deque()
        with self._handing:
            self._waiting.extendleft(reversed(waiting))

    def close(self) -> None:
        """No more is done: whoever waits is told so."""
        with self._handing:
            self._closed = True
        while self._waiting:
            _, answer = self._waiting.popleft()
            if answer.set_running_or_notify_cancel():
                answer.set_exception(StoreError("the engine has ended; nothing was done"))
