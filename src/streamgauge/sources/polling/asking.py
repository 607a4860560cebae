"""The thread that asks a target, keeps what it answers, and backs off while it does not."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from streamgauge.clock import Clock
from streamgauge.errors import StoreError
from streamgauge.sources.polling.settings import PollerConfig
from streamgauge.sources.polling.target import Target, TargetError

if TYPE_CHECKING:
    from streamgauge.stores.inbox import Inbox

FIRST_PAUSE = 1.0
"""Seconds until a target that did not answer is asked again, unless it is asked more often anyway."""
LONGEST_PAUSE = 30.0
"""The pause doubles up to this, or to the usual interval where that is longer."""
SLACK = 2.0
"""Seconds beyond its timeout after which a question counts as hung."""
AT_ONCE = 2_000
"""Records of one row of the inbox."""
LEAVE = 2.0
"""Seconds for a question that is under way when we leave."""

_log = structlog.get_logger("streamgauge.polling")


@dataclass(frozen=True, slots=True)
class Asked:
    """How asking stands; replaced whole, so any thread may read it.

    Attributes:
        answered: questions that were answered and whose answer is kept.
        failed: questions in a row that were not.
        trouble: why the last one was not; None where it was.
        since: monotonic seconds since when a question is under way; None between two.
        storing: whether an answer was stamped and is not in the inbox yet.
        newest: the records of the last answer.
    """

    answered: int = 0
    failed: int = 0
    trouble: str | None = None
    since: float | None = None
    storing: bool = False
    newest: Sequence[bytes] = ()


class Asking:
    """Asks until closed.

    Args:
        config: how often, and with what patience.
        stream: under which name answers are kept.
        target: what is asked; closed with us.
        clock: stamps answers.
        inbox: the thread's own; closed with us.

    Attributes:
        now: how it stands.
        fresh: set when an answer has been kept.
    """

    def __init__(self, config: PollerConfig, stream: str, target: Target, clock: Clock, inbox: Inbox) -> None:
        self.now = Asked()
        self.fresh = threading.Event()
        self._config = config
        self._stream = stream
        self._target = target
        self._clock = clock
        self._inbox = inbox
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"polling-{stream}", daemon=True)

    def start(self) -> None:
        """Begin, unless it has begun."""
        if not self._thread.ident:
            self._thread.start()

    def steady(self, at: float) -> bool:
        """Whether all that was answered by now is in the inbox, and nothing is overdue; ``at``: monotonic seconds."""
        now = self.now
        hung = now.since is not None and at - now.since > self._config.timeout.total_seconds() + SLACK
        return bool(now.answered) and not now.failed and not now.storing and not hung

    def close(self) -> None:
        """Stop; a question that hangs is left alone."""
        self._closed.set()
        if self._thread.ident:
            self._thread.join(LEAVE)
        self._target.close()

    def _run(self) -> None:
        try:
            while not self._closed.is_set():
                began = self._clock.monotonic()
                self._once(began)
                every = self._config.every.total_seconds()
                left = every - (self._clock.monotonic() - began)
                failed = self.now.failed
                self._closed.wait(pause(every, failed) if failed else max(0.0, left))
        finally:
            with suppress(StoreError):
                self._inbox.close()

    def _once(self, began: float) -> None:
        before = self.now
        self.now = Asked(before.answered, before.failed, before.trouble, began, newest=before.newest)
        try:
            records = self._target.ask(self._config.timeout.total_seconds())
            self.now = Asked(before.answered, before.failed, before.trouble, began, True, before.newest)
            self._keep(records)
        except (TargetError, StoreError) as error:
            self._fails(before, str(error))
        except Exception as error:  # noqa: BLE001  a thread that ended would be a silence that nobody hears of
            _log.exception("a poller failed", stream=self._stream)
            self._fails(before, f"{type(error).__name__}: {error}")
        else:
            if before.failed:
                _log.info("the target answers again", stream=self._stream)
            self.now = Asked(before.answered + 1, newest=records)
        self.fresh.set()

    def _fails(self, before: Asked, trouble: str) -> None:
        if not before.failed and not self._closed.is_set():  # in leaving, a question is broken off
            _log.warning("no answer; asking again", stream=self._stream, trouble=trouble)
        self.now = Asked(before.answered, before.failed + 1, trouble, newest=before.newest)

    def _keep(self, records: Sequence[bytes]) -> None:
        """All of an answer in one transaction, under one moment.

        Raises:
            StoreError: the store refuses.
            TargetError: there is no room.
        """
        from streamgauge.stores.inbox import Posted

        at = self._clock.now()
        pieces = [records[i : i + AT_ONCE] for i in range(0, len(records), AT_ONCE)]
        most = self._config.max_waiting
        posted = [Posted(self._stream, len(piece), at, b"\n".join(piece), most) for piece in pieces]
        if posted and None in self._inbox.add(posted):
            raise TargetError(
                f"{most:,} answers wait to be counted already (`max_waiting`), and this one found no room; "
                "see what keeps the engine from counting"
            )


def pause(every: float, failed: int) -> float:
    """Seconds until the next question after so many failures in a row.

    >>> [pause(10, failed) for failed in (1, 2, 3, 9)], pause(0.2, 1), pause(60, 9)
    ([1.0, 2.0, 4.0, 30.0], 0.2, 60)
    """
    return min(min(every, FIRST_PAUSE) * 2.0 ** min(failed - 1, 30), max(every, LONGEST_PAUSE))
