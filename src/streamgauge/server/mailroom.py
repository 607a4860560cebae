"""Puts what was posted into the store's inbox: requests that wait together go with one commit."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from streamgauge.errors import StoreError
from streamgauge.failpoints import INBOX, reach
from streamgauge.stores.inbox import Inbox, Posted, Receipt

if TYPE_CHECKING:
    from streamgauge.stores import Durability

TOGETHER = 256
"""Requests of one commit at most."""
UNDER_WAY = 64 * 1024**2
"""Bytes that may wait for their commit; beyond that the sender has to come again."""

Answer: TypeAlias = "Future[Receipt | None]"
"""What became of it; None: the inbox is full. Raises StoreError: nothing was kept."""


class Mailroom:
    """One thread that writes to the inbox, started with the first request."""

    def __init__(self, url: str, durability: Durability) -> None:
        self._url = url
        self._durability: Durability = durability
        self._waiting: queue.SimpleQueue[tuple[Posted, Answer] | None] = queue.SimpleQueue()
        self._bytes = 0
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None

    def post(self, request: Posted) -> Answer | None:
        """Have it kept; None where too much waits already."""
        with self._starting:
            if self._bytes + len(request.data) > UNDER_WAY:
                return None
            self._bytes += len(request.data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
                self._thread.start()
        answer: Answer = Future()
        self._waiting.put((request, answer))
        return answer

    def close(self) -> None:
        """Keep what waits, and end."""
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        inbox: Inbox | None = None
        ending = False
        while not ending:
            requests, ending = self._together()
            if not requests:
                continue
            try:
                inbox = inbox or Inbox(self._url, self._durability)
                receipts = inbox.add([request for request, _ in requests])
            except StoreError as error:
                for _, answer in requests:
                    answer.set_exception(error)
            else:
                reach(INBOX)
                for (_, answer), receipt in zip(requests, receipts, strict=True):
                    answer.set_result(receipt)
            with self._starting:
                self._bytes -= sum(len(request.data) for request, _ in requests)
        if inbox is not None:
            inbox.close()

    def _together(self) -> tuple[Sequence[tuple[Posted, Answer]], bool]:
        """What waits now, at least one; and whether the end was asked for."""
        found: list[tuple[Posted, Answer]] = []
        one = self._waiting.get()
        while one is not None:
            found.append(one)
            if len(found) >= TOGETHER or self._waiting.empty():
                return found, False
            one = self._waiting.get()
        return found, True


@dataclass(slots=True)
class Rate:
    """How many records may come: a second's worth at once, and what is too much has to be waited for."""

    per_second: int
    monotonic: Callable[[], float]
    _credit: float = 0.0
    _at: float = float("-inf")

    def wait(self, count: int) -> float:
        """Take ``count``; or the seconds after which to come again, and nothing is taken."""
        now = self.monotonic()
        self._credit = min(self.per_second, self._credit + min(1.0, now - self._at) * self.per_second)
        self._at = now
        if self._credit <= 0:
            return max(1.0, -self._credit / self.per_second)
        self._credit -= count  # may go below zero: a request larger than a second's worth is taken too
        return 0.0
