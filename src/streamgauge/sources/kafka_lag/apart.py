"""The questions in a process of their own, and its end of the pipe in ours.

Brokers that go away while they are asked about groups can make librdkafka end its process when they come back (its issue
4605). That process is this one; it is started again with the next question. It also keeps the answers of thousands of
groups out of the engine's memory and away from its interpreter.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from streamgauge import standard_output
from streamgauge.sources.kafka_lag import exposing
from streamgauge.sources.kafka_lag.config import Config
from streamgauge.sources.polling.target import Sample, TargetError

SLACK = 1.5
"""Seconds beyond the patience of a question after which its process is ended."""
_START = 5.0
"""Seconds more for the first question to a process: it has to load its libraries."""
_LENGTH = 8


class Apart:
    """Asks by a child; see :class:`streamgauge.sources.polling.target.Target`."""

    def __init__(self, config: Config, stream: str) -> None:
        self._config = config
        self._stream = stream
        self._child: subprocess.Popen[bytes] | None = None

    def ask(self, seconds: float) -> Sequence[bytes]:
        """The records of one answer.

        Raises:
            TargetError: the brokers do not answer, or the process ended.
        """
        fresh = self._child is None or self._child.poll() is not None
        child = self._start() if fresh else self._child
        assert child is not None
        try:
            said = self._talk(child, seconds, seconds + SLACK + (_START if fresh else 0))
        except (OSError, EOFError):
            self._end()
            raise TargetError(
                "the process that asks the brokers ended without an answer; it is started again"
            ) from None
        if said[:1] == b"!":
            raise TargetError(said[1:].decode())
        return said[1:].split(b"\n") if len(said) > 1 else []

    def exposed(self, records: Sequence[bytes]) -> Iterable[Sample]:
        """As kafka_exporter shows them."""
        return exposing.samples(records)

    def close(self) -> None:
        """End the child."""
        self._end()

    def _start(self) -> subprocess.Popen[bytes]:
        self._end()
        self._child = subprocess.Popen(  # noqa: S603  ourselves
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        given = {"stream": self._stream, "config": self._config.model_dump(mode="json")}
        _write(self._child, msgspec.json.encode(given) + b"\n")
        return self._child

    def _talk(self, child: subprocess.Popen[bytes], seconds: float, patience: float) -> bytes:
        _write(child, b"%f\n" % seconds)
        until = time.monotonic() + patience
        length = int.from_bytes(self._read(child, _LENGTH, until), "big")
        return self._read(child, length, until)

    def _read(self, child: subprocess.Popen[bytes], length: int, until: float) -> bytes:
        assert child.stdout is not None
        parts, left = [], length
        while left:
            ready, _, _ = select.select([child.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                self._end()
                raise TargetError(
                    f"the brokers at {','.join(self._config.brokers)} gave no whole answer in time"
                )
            part = os.read(child.stdout.fileno(), min(left, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()


def _write(child: subprocess.Popen[bytes], data: bytes) -> None:
    assert child.stdin is not None
    child.stdin.write(data)
    child.stdin.flush()


class Looking:
    """What the child does with each question."""

    def __init__(self, config: Config, stream: str) -> None:
        from confluent_kafka.admin import AdminClient

        from streamgauge.sources.kafka.config import Config as Connection
        from streamgauge.sources.kafka.group import admin_settings
        from streamgauge.sources.kafka_lag.brokers import Brokers
        from streamgauge.sources.kafka_lag.first_unread import Ends, FirstUnread, open_consumer

        connection = Connection(brokers=config.brokers, pattern=".*", settings=config.settings)
        self._brokers = Brokers(config, AdminClient(admin_settings(connection, stream)))
        self._unread = FirstUnread(config, open_consumer(connection, stream))
        self._ends = Ends()

    def answer(self, seconds: float) -> bytes:
        """``=`` and the records as lines, or ``!`` and why there are none."""
        from streamgauge.sources.kafka_lag.records import records, unread

        until = time.monotonic() + seconds
        try:
            picture = self._brokers.ask(seconds * 0.8)
        except TargetError as error:
            return b"!" + str(error).encode()
        now = time.time()
        self._ends.add(picture.ends, now)
        left = max(0.0, until - time.monotonic())
        times = self._unread.times(unread(picture), left)
        return b"=" + b"\n".join(records(picture, times, self._ends, now))


def main() -> None:
    """Answer questions, one per line of standard input, until it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides when to end
    answers: Any = standard_output.as_bytes()
    given = msgspec.json.decode(sys.stdin.buffer.readline())
    try:
        looking = Looking(Config.model_validate(given["config"]), given["stream"])
    except Exception as error:  # noqa: BLE001  whatever the library refuses is told to who asks
        refused = f"Kafka's library refuses the configuration: {error}; correct `settings:` of the source"
        for _ in sys.stdin.buffer:
            _send(answers, b"!" + refused.encode())
        os._exit(0)
    for line in sys.stdin.buffer:
        _send(answers, looking.answer(float(line)))
    os._exit(0)  # clients of brokers may still be talking


def _send(answers: Any, said: bytes) -> None:
    answers.write(len(said).to_bytes(_LENGTH, "big") + said)
    answers.flush()


if __name__ == "__main__":
    main()
