"""Fakes that are real small things: a clock you push, a source you list, a channel and a receiver that record.

They are shipped because plug-in authors need them too, and our own tests and the demo use nothing else.

==================== ================================================================================
:class:`PushedClock`     implements :class:`streamgauge.clock.Clock`; stands still until pushed
:class:`ListedSource`    implements :class:`streamgauge.sources.contract.Source` from slices you give
:class:`RecordingChannel` implements :class:`streamgauge.channels.contract.Channel`; answers as scripted
:class:`WebhookReceiver` a real HTTP server on loopback that records requests; answers as scripted
:func:`judge`            what a detector says about a small stream (:mod:`streamgauge.lessons`)
==================== ================================================================================
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np

from streamgauge.batch import Partition
from streamgauge.channels.contract import Answer, Result
from streamgauge.clock import Clock, SystemClock, to_micros
from streamgauge.lessons import judge as judge  # noqa: PLC0414  the re-export, as mypy reads it
from streamgauge.sources.contract import Poll, Slice, Tail

PAYMENTS = Partition("listed", 0)
"""The partition that listed records belong to unless told otherwise."""


def eventually(
    holds: Callable[[], Any], what: str = "", *, within: timedelta = timedelta(seconds=60)
) -> None:
    """Wait until ``holds()`` is true; for what happens in other threads and processes.

    It looks again after a millisecond, and less and less often up to twenty times a second: looking costs time, too.

    Raises:
        AssertionError: when it still does not hold after ``within`` of real time.
    """
    deadline = time.monotonic() + within.total_seconds()
    pause = 0.001
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not come true within {within.total_seconds():g} s: {what or holds}")
        time.sleep(pause)
        pause = min(0.05, pause * 1.2)


class PushedClock:
    """A clock that stands still until somebody pushes it; both views move together.

    >>> clock = PushedClock(now=1_000_000)
    >>> clock.push(timedelta(seconds=2))
    >>> clock.now(), clock.monotonic()
    (3000000, 2.0)
    """

    def __init__(self, now: int = 1_700_000_000_000_000) -> None:
        self._now = now
        self._passed = 0
        self._lock = threading.Lock()

    def now(self) -> int:
        """Wall clock, microseconds since 1970 UTC."""
        return self._now

    def monotonic(self) -> float:
        """Seconds pushed so far."""
        return self._passed / 1e6

    def push(self, duration: timedelta) -> None:
        """Let time pass on both clocks."""
        with self._lock:
            self._now += to_micros(duration)
            self._passed += to_micros(duration)

    def jump(self, duration: timedelta) -> None:
        """Set the wall clock forward or (negative) back, as an administrator or NTP does."""
        with self._lock:
            self._now += to_micros(duration)


def listed(
    records: Iterable[Mapping[str, Any] | bytes | None],
    *,
    partition: Partition = PAYMENTS,
    start: int = 0,
    timestamps: int | Sequence[int] = 0,
) -> Slice:
    """A slice of ``records`` with offsets from ``start`` on: mappings become JSON, bytes and None stay.

    ``timestamps`` are the source's own, in microseconds: one for all, or one each.
    """
    payloads = [
        record if record is None or isinstance(record, bytes) else msgspec.json.encode(record)
        for record in records
    ]
    n = len(payloads)
    stamps = np.broadcast_to(np.asarray(timestamps, np.int64), (n,)).copy()
    return Slice(partition, np.arange(start, start + n, dtype=np.int64), stamps, start + n, payloads)


class ListedSource:
    """A source that reads what it is given, slice by slice, and obeys its test in everything else.

    Partitions are those of the slices and of ``partitions``. It is replayable: opened again (a second object
    over the same slices, or the same one) it starts at the positions asked for. With ``finite`` each
    partition is reported ``ended`` after its last record; otherwise :meth:`add` brings more and
    :meth:`end` ends one. Tails say "caught up" on ``clock`` until :meth:`set_tail` or :meth:`freeze_tails`.

    Attributes:
        positions: where the engine asked to start.
        told: what :meth:`committed` was last told, merged.
        paused: partitions paused now.
        closed: whether :meth:`close` was called.
    """

    def __init__(
        self,
        slices: Iterable[Slice] = (),
        *,
        clock: Clock | None = None,
        finite: bool = True,
        partitions: Iterable[Partition] = (),
    ) -> None:
        self.positions: dict[Partition, int] = {}
        self.told: dict[Partition, int] = {}
        self.paused: set[Partition] = set()
        self.closed = False
        self._clock: Clock = clock or SystemClock()
        self._finite = finite
        self._more = threading.Condition()
        self._listed: dict[Partition, list[Slice]] = {partition: [] for partition in partitions}
        self._queues: dict[Partition, deque[Slice]] = {}
        self._ending: set[Partition] = set()
        self._ended: set[Partition] = set()
        self._news: list[Poll] = []
        self._tails: dict[Partition, Tail] = {}
        self._error: Exception | None = None
        for piece in slices:
            self._listed.setdefault(piece.partition, []).append(piece)

    # what the test does to it

    def add(self, piece: Slice) -> None:
        """More records; a partition not seen before is assigned with its first slice."""
        with self._more:
            self._listed.setdefault(piece.partition, []).append(piece)
            if piece.partition in self._queues:
                self._queues[piece.partition].append(piece)
            else:
                self._assign(piece.partition)
            self._more.notify_all()

    def end(self, partition: Partition) -> None:
        """Report ``partition`` as ended once what is listed of it has been read."""
        self._tell(lambda: self._ending.add(partition))

    def give(self, partition: Partition) -> None:
        """Assign ``partition`` (again), from the position that was committed last, else from its start."""
        self._tell(lambda: self._assign(partition, self.told.get(partition)))

    def revoke(self, partition: Partition) -> None:
        """Give ``partition`` back in order at the next poll."""
        self._tell(lambda: self._drop(partition, Poll(revoked=frozenset({partition}))))

    def lose(self, partition: Partition) -> None:
        """Take ``partition`` away without notice at the next poll."""
        self._tell(lambda: self._drop(partition, Poll(lost=frozenset({partition}))))

    def fail(self, error: Exception) -> None:
        """Raise ``error`` at the next poll."""
        self._error = error

    def set_tail(self, partition: Partition, tail: Tail) -> None:
        """Say this of the partition's end from now on."""
        self._tails[partition] = tail

    def freeze_tails(self) -> None:
        """Let the answers grow old, as when the broker is away: keep what is said now."""
        self._tails = dict(self.tails())

    def thaw_tails(self) -> None:
        """Answer freshly again."""
        self._tails = {}

    # the contract

    def open(self, positions: Mapping[Partition, int]) -> None:
        """Start at ``positions`` where given, else with the first record listed."""
        with self._more:
            self.positions = dict(positions)
            self._queues, self._ended, self._news = {}, set(), []
            for partition in sorted(self._listed):
                self._assign(partition, self.positions.get(partition))

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """What is listed next, at most ``limit`` records, partition after partition in turn."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        with self._more:
            found = self._next(limit)
            if found == Poll() and not self._finite and self._more.wait(timeout.total_seconds()):
                found = self._next(limit)
            return found

    def tails(self) -> Mapping[Partition, Tail]:
        """Caught up with what is listed, asked for this instant, unless the test said otherwise."""
        at = self._clock.monotonic()
        fresh = {
            partition: Tail(max((piece.next_offset for piece in pieces), default=0), False, at, at)
            for partition, pieces in self._listed.items()
        }
        return {**fresh, **self._tails}

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Stop reading these."""
        self._tell(lambda: self.paused.update(partitions))

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Read these again."""
        self._tell(lambda: self.paused.difference_update(partitions))

    def committed(self, positions: Mapping[Partition, int]) -> None:
        """Remember what was told."""
        self.told.update(positions)

    def describe(self) -> Mapping[str, Any]:
        """What it lists."""
        return {"type": "listed", "partitions": [str(partition) for partition in sorted(self._listed)]}

    def close(self) -> None:
        """Remember it."""
        self.closed = True

    # inside

    def _tell(self, change: Callable[[], Any]) -> None:
        with self._more:
            change()
            self._more.notify_all()

    def _assign(self, partition: Partition, start: int | None = None) -> None:
        pieces = self._listed.setdefault(partition, [])
        if start is None:
            start = min((int(piece.offsets[0]) for piece in pieces if len(piece.offsets)), default=0)
        rest = (_from_offset(piece, start) for piece in pieces)
        self._queues[partition] = deque(piece for piece in rest if piece is not None)
        self._news.append(Poll(assigned={partition: start}))

    def _drop(self, partition: Partition, news: Poll) -> None:
        self._queues.pop(partition, None)
        self._news.append(news)

    def _next(self, limit: int) -> Poll:
        assigned: dict[Partition, int] = {}
        revoked: frozenset[Partition] = frozenset()
        lost: frozenset[Partition] = frozenset()
        for news in self._news:
            assigned.update(news.assigned)
            revoked |= news.revoked
            lost |= news.lost
        self._news = []
        slices = self._take(limit)
        ended = frozenset(
            partition
            for partition, queue in self._queues.items()
            if not queue and partition not in self._ended and (self._finite or partition in self._ending)
        )
        self._ended |= ended
        return Poll(tuple(slices), assigned, revoked, lost, ended)

    def _take(self, limit: int) -> list[Slice]:
        slices: list[Slice] = []
        ready = deque(p for p, queue in sorted(self._queues.items()) if queue and p not in self.paused)
        while ready and limit > 0:
            queue = self._queues[ready[0]]
            piece = queue.popleft()
            if len(piece.offsets) > limit:
                piece, rest = _cut(piece, limit)
                queue.appendleft(rest)
            slices.append(piece)
            limit -= len(piece.offsets)
            ready.rotate(-1)
            while ready and not self._queues[ready[0]]:
                ready.popleft()
        return slices


def _cut(piece: Slice, rows: int) -> tuple[Slice, Slice]:
    """The first ``rows`` records, and the rest."""
    payloads, frame = piece.payloads, piece.frame
    head = replace(
        piece,
        offsets=piece.offsets[:rows],
        timestamps=piece.timestamps[:rows],
        next_offset=int(piece.offsets[rows]),
        payloads=None if payloads is None else payloads[:rows],
        frame=None if frame is None else frame.head(rows),
        unreadable={row: why for row, why in piece.unreadable.items() if row < rows},
    )
    rest = replace(
        piece,
        offsets=piece.offsets[rows:],
        timestamps=piece.timestamps[rows:],
        payloads=None if payloads is None else payloads[rows:],
        frame=None if frame is None else frame.slice(rows),
        unreadable={row - rows: why for row, why in piece.unreadable.items() if row >= rows},
    )
    return head, rest


def _from_offset(piece: Slice, start: int) -> Slice | None:
    """What lies at or beyond ``start``; None when nothing does."""
    if piece.next_offset <= start:
        return None
    skip = int(np.searchsorted(piece.offsets, start))
    if skip == 0:
        return piece
    return None if skip == len(piece.offsets) else _cut(piece, skip)[1]


class RecordingChannel:
    """A channel that keeps what it is sent and answers what it was told to.

    Attributes:
        sent: every notice in the order of the tries, repeats included.
        script: answers still to give, first first: an :class:`~streamgauge.channels.contract.Answer`, an
            exception to raise, or an event to wait for (a receiver that does not answer until it is set).
            After them every try is delivered.
    """

    def __init__(self, script: Iterable[Answer | Exception | threading.Event] = ()) -> None:
        self.sent: list[dict[str, Any]] = []
        self.script = deque(script)
        self.closed = False

    def send(self, notice: dict[str, Any]) -> Answer:
        """Record, then answer."""
        self.sent.append(notice)
        step = self.script.popleft() if self.script else Answer(Result.DELIVERED)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, threading.Event):
            step.wait(60)
            return Answer(Result.DELIVERED)
        return step

    def close(self) -> None:
        """Remember it."""
        self.closed = True

    @property
    def ids(self) -> list[str]:
        """The ids of ``sent``."""
        return [notice["notice"] for notice in self.sent]


@dataclass(frozen=True, slots=True)
class Reply:
    """One scripted answer of a :class:`WebhookReceiver`.

    Attributes:
        status: the HTTP status.
        headers: such as ``{"Retry-After": "2"}``.
        body: its bytes.
        delay: real time before anything is answered.
        kind: ``whole``; ``never`` (keeps the connection open and says nothing); ``cut`` (closes it without
            an answer); ``half`` (promises twice the body, sends it once, closes); ``trickle`` (one byte of
            the headers each 50 ms, endlessly).
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"ok"
    delay: timedelta = timedelta(0)
    kind: str = "whole"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived.

    Attributes:
        at: monotonic seconds when its body had been read.
        path, headers, body: as sent; header names in lower case.
    """

    at: float
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class WebhookReceiver:
    """A real HTTP server on loopback that records every request.

    >>> with WebhookReceiver([Reply(500)]) as receiver:
    ...     receiver.url.startswith("http://127.0.0.1:")
    True

    Attributes:
        received: requests in the order of arrival, repeats included.
        script: replies still to give, first first; after them ``otherwise``.
    """

    def __init__(
        self, script: Iterable[Reply] = (), *, otherwise: Reply | None = None, port: int = 0
    ) -> None:
        self.received: list[Received] = []
        self.script = deque(script)
        self.otherwise = otherwise or Reply()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/alerts"

    @property
    def notices(self) -> list[dict[str, Any]]:
        """The bodies received, decoded, repeats included."""
        return [request.json for request in list(self.received)]

    @property
    def distinct(self) -> dict[str, dict[str, Any]]:
        """The bodies by idempotency key, the first of each: what a receiver that drops repeats keeps."""
        kept: dict[str, dict[str, Any]] = {}
        for request in list(self.received):
            kept.setdefault(request.headers.get("idempotency-key", ""), request.json)
        return kept

    def close(self) -> None:
        """Stop listening; connections that never answer are let go."""
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    owner: WebhookReceiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are part of the play."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_POST(self) -> None:
        owner = self.server.owner
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:  # whoever sent it was killed on the way; no server would hand that on
            self.close_connection = True
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner.received.append(Received(time.monotonic(), self.path, headers, body))
        try:
            reply = owner.script.popleft()
        except IndexError:
            reply = owner.otherwise
        if reply.delay:
            owner._closing.wait(reply.delay.total_seconds())
        with suppress(OSError):
            self._answer(reply)

    def _answer(self, reply: Reply) -> None:
        closing = self.server.owner._closing
        self.close_connection = self.close_connection or reply.kind != "whole"
        if reply.kind == "never":
            closing.wait()
        elif reply.kind == "trickle":
            self.wfile.write(f"HTTP/1.1 {reply.status} Slowly\r\nX-Slow: ".encode())
            while not closing.wait(0.05):
                self.wfile.write(b"z")
        elif reply.kind != "cut":
            promised = len(reply.body) * (2 if reply.kind == "half" else 1)
            lines = [f"HTTP/1.1 {reply.status} Scripted", f"Content-Length: {promised}"]
            lines += [f"{name}: {value}" for name, value in reply.headers.items()]
            self.wfile.write("\r\n".join([*lines, "", ""]).encode() + reply.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is http.server's
        """Say nothing."""
