"""Carries committed notices to their channels, beside the path of records and never in its way.

One thread per channel, so a receiver that is slow, dead or silent delays nobody but itself. What waits
lives in the store; these threads hold a bounded part of it. Delivery is at least once: a notice is marked
after its answer, so a process killed between the two sends it again, under the same id.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Protocol

import structlog

from streamgauge.channels.contract import Answer, Channel, Result
from streamgauge.clock import Clock, format_duration, iso, to_micros
from streamgauge.engines.lanes import Lanes
from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.failpoints import reach
from streamgauge.incidents.outbox import LONGEST_ASKED, SPREAD, has_run_out, next_try
from streamgauge.stores.contract import Waiting

HELD = 2_000
"""Notices of one channel in memory; the rest stays in the store until there is room."""

GIVE_UP_AFTER = timedelta(hours=24)
"""For channels whose configuration says nothing."""

_STORE_PAUSE = 1.0  # seconds between tries while the store refuses
_LONGEST_WAIT = 60.0  # seconds; a clock that was set is noticed at the latest then

_log = structlog.get_logger("streamgauge.delivery")


class Outbox(Protocol):
    """What delivery needs of :class:`streamgauge.stores.contract.Store`."""

    def waiting(self, limit: int = 1000, *, after: int = 0, channel: str | None = None) -> list[Waiting]:
        """Notices to deliver, in order."""
        ...

    def outbox_depth(self) -> dict[str, int]:
        """How many wait, per channel."""
        ...

    def still_mine(self) -> bool:
        """Whether this process still owns the store."""
        ...

    def answered(self, sequence: int, result: str, detail: str, *, attempts: int, due: int, at: int) -> None:
        """Note how a try went."""
        ...


@dataclass(frozen=True, slots=True)
class Tried:
    """One try, for metrics and live views.

    Attributes:
        channel: its name.
        notice: the payload that was sent.
        result: how it went; ``GAVE_UP`` also when time ran out.
        detail: the channel's sentence.
        attempts: tries of this notice so far.
        seconds: how long the try took.
        waited: seconds from the decision to this answer.
    """

    channel: str
    notice: Mapping[str, Any]
    result: Result
    detail: str
    attempts: int
    seconds: float
    waited: float


class Delivery:
    """All channels of one engine.

    Usage: :meth:`start` once the store is owned, :meth:`wake` after each commit that wrote notices,
    :meth:`drain` and :meth:`stop` at the end. Channels are closed by :meth:`stop`.

    Args:
        store: where notices wait; its methods are called from the channels' threads.
        channels: by the names that notices carry.
        clock: stamps and waits.
        give_up_after: by channel name; 24 h where absent.
        on_try: told of each try, on the channel's thread.
        jitter: draws from [0, 1).
    """

    def __init__(
        self,
        store: Outbox,
        channels: Mapping[str, Channel],
        clock: Clock,
        *,
        give_up_after: Mapping[str, timedelta] | None = None,
        on_try: Callable[[Tried], None] | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._channels = dict(channels)
        self._clock = clock
        self._give_up_after = dict(give_up_after or {})
        self._on_try = on_try or (lambda _tried: None)
        self._jitter = jitter
        self._couriers: dict[str, _Courier] = {}
        self._taken = threading.Event()

    @property
    def halted(self) -> bool:
        """Whether sending ended because another process owns the store now."""
        return self._taken.is_set()

    def start(self) -> None:
        """Begin to carry, with what waits in the store already.

        Notices for a channel that the configuration does not know (any more) are given up, saying so.
        """
        strangers = set(self._store.outbox_depth()) - set(self._channels)
        for name in strangers:
            self._channels[name] = _NotConfigured(name, [n for n in self._channels if n not in strangers])
        for name, channel in self._channels.items():
            patience = self._give_up_after.get(name, GIVE_UP_AFTER)
            self._couriers[name] = _Courier(name, channel, patience, self)
        for courier in self._couriers.values():
            courier.start()

    def wake(self, channels: Iterable[str] | None = None) -> None:
        """Say that new notices are committed, for ``channels`` or for all; returns at once."""
        for name in self._couriers if channels is None else channels:
            if name in self._couriers:
                self._couriers[name].wake()

    def held(self) -> dict[str, int]:
        """Notices in memory that wait or are under way, per channel."""
        return {name: len(courier.lanes) for name, courier in self._couriers.items()}

    def drain(self, timeout: timedelta) -> bool:
        """Wait until everything that is due was tried; False when ``timeout`` of real time ended first.

        What waits for another try is not waited for: it stays in the store for the next start.
        """
        deadline = time.monotonic() + timeout.total_seconds()
        drained = [courier.drain(deadline) for courier in self._couriers.values()]
        return all(drained)

    def stop(self, timeout: timedelta = timedelta(seconds=10)) -> None:
        """End the threads after the try that each is in; one that is stuck longer is left behind."""
        for courier in self._couriers.values():
            courier.stop()
        deadline = time.monotonic() + timeout.total_seconds()
        for name, courier in self._couriers.items():
            courier.join(max(0.0, deadline - time.monotonic()))
            if courier.is_alive():
                _log.warning("channel still waits for its receiver; left behind", channel=name)
        self._couriers = {}


class _Courier(threading.Thread):
    """The thread of one channel."""

    def __init__(self, name: str, channel: Channel, patience: timedelta, delivery: Delivery) -> None:
        super().__init__(name=f"channel {name}", daemon=True)
        self.lanes = Lanes()
        self._channel_name = name
        self._channel = channel
        self._patience = patience
        self._delivery = delivery
        self._store = delivery._store
        self._clock = delivery._clock
        self._changed = threading.Condition()
        self._look = True  # the store may hold more than we have seen
        self._busy = True
        self._stopping = False
        self._seen = 0

    # from other threads

    def wake(self) -> None:
        """There is news, or time has passed."""
        with self._changed:
            self._look = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End after the present try."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def drain(self, deadline: float) -> bool:
        """Wait until nothing is due and nothing under way."""
        with self._changed:
            self._changed.notify_all()  # a clock that was pushed tells nobody
            while self._busy or self._look or self._is_due():
                left = deadline - time.monotonic()
                if left <= 0 or not self.is_alive():
                    return False
                self._changed.wait(left)
        return True

    # on its own thread

    def run(self) -> None:
        """Until stopped, or until the store is another's."""
        while self._rest():
            try:
                self._work()
            except StoreTakenError:
                self._halt()
            except StoreError as error:
                _log.warning("the store refuses; notices wait", channel=self._channel_name, why=str(error))
                self._look = True
                self._pause()
            except Exception:  # noqa: BLE001  a thread that ended by itself would be a silent channel
                _log.exception("delivery failed; going on", channel=self._channel_name)
                self._pause()
        with suppress(Exception):  # whatever a channel does at its end must not hide how ours came
            self._channel.close()

    def _rest(self) -> bool:
        """Sleep until there is something to do; False when this is the end."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while not (self._stopping or self._look or self._is_due()):
                self._changed.wait(self._sleep())
            self._busy = True
            return not self._stopping

    def _sleep(self) -> float | None:
        due = self.lanes.next_due()
        return None if due is None else min(max(0.0, due - self._clock.monotonic()), _LONGEST_WAIT)

    def _is_due(self) -> bool:
        due = self.lanes.next_due()
        return due is not None and due <= self._clock.monotonic()

    def _work(self) -> None:
        if self._look:
            self._fetch()
        notice = self.lanes.take(self._clock.monotonic())
        if notice is None:
            return
        try:
            self._check_ownership()
            tried, due = self._carry(notice)
        except StoreTakenError:
            raise
        except Exception:
            self.lanes.again(notice, self._clock.monotonic() + _STORE_PAUSE)
            raise
        self._tell(tried, due)

    def _check_ownership(self) -> None:
        if not self._store.still_mine():
            raise StoreTakenError("another process owns the store")

    def _fetch(self) -> None:
        """Take what the store has beyond what was seen, as far as there is room."""
        self._look = False
        room = HELD - len(self.lanes)
        if room <= 0:
            return  # room comes with the next notice that leaves; see _carry
        found = self._store.waiting(room, after=self._seen, channel=self._channel_name)
        for notice in found:
            self._seen = notice.sequence
            self.lanes.add(notice, self._when(notice))

    def _when(self, notice: Waiting) -> float:
        """Its moment on the clock that cannot be set; a first try never waits."""
        wait = 0 if notice.attempts == 0 else notice.due - self._clock.now()
        longest = to_micros(LONGEST_ASKED) * (1 + SPREAD)
        return self._clock.monotonic() + min(max(0, wait), longest) / 1e6

    def _carry(self, notice: Waiting) -> tuple[Tried, int]:
        """Send it, note the answer, and say when it is due again (which counts where it goes again)."""
        began = self._clock.monotonic()
        answer = self._send(notice)
        seconds = self._clock.monotonic() - began
        reach("send.after-before-mark")
        now = self._clock.now()
        attempts = notice.attempts + 1
        answer = self._out_of_patience(answer, notice, attempts, now)
        due = next_try(attempts, answer, now, self._delivery._jitter())
        self._mark(notice, answer, attempts, due, now)
        if answer.result is Result.AGAIN:
            tried = replace(notice, attempts=attempts, due=due)
            self.lanes.again(tried, self._clock.monotonic() + (due - now) / 1e6)
        else:
            self._look = self._look or len(self.lanes) >= HELD
            self.lanes.done(notice)
        waited = (now - (notice.since or now)) / 1e6
        name, payload = self._channel_name, notice.payload
        return Tried(name, payload, answer.result, answer.detail, attempts, seconds, waited), due

    def _send(self, notice: Waiting) -> Answer:
        try:
            return self._channel.send(notice.payload)
        except Exception as error:  # noqa: BLE001  a channel's own bug must not end its thread, nor lose the notice
            _log.exception("a channel raised", channel=self._channel_name, notice=notice.id)
            return Answer(Result.AGAIN, f"the channel itself failed with {type(error).__name__}; see the log")

    def _out_of_patience(self, answer: Answer, notice: Waiting, attempts: int, now: int) -> Answer:
        if answer.result is not Result.AGAIN or not has_run_out(notice.since or now, now, self._patience):
            return answer
        spent = f"given up {format_duration(self._patience)} after it was decided, {attempts} tries"
        return Answer(Result.GAVE_UP, f"{spent}; the last: {answer.detail}")

    def _tell(self, tried: Tried, due: int) -> None:
        words = {
            "channel": self._channel_name,
            "notice": tried.notice.get("notice"),
            "attempts": tried.attempts,
            "detail": tried.detail,
        }
        if tried.result is Result.GAVE_UP:
            _log.error("NOTICE GIVEN UP: nobody was told of it through this channel", **words)
        elif tried.result is Result.AGAIN:
            _log.warning("notice not delivered; it goes again", again_at=iso(due), **words)
        else:
            _log.debug("notice delivered", seconds=round(tried.seconds, 4), **words)
        self._delivery._on_try(tried)

    def _mark(self, notice: Waiting, answer: Answer, attempts: int, due: int, now: int) -> None:
        """Note the answer; while the store refuses, wait rather than send the same thing twice."""
        while True:
            try:
                return self._store.answered(
                    notice.sequence, str(answer.result), answer.detail, attempts=attempts, due=due, at=now
                )
            except StoreTakenError:
                raise
            except StoreError as error:
                _log.warning("an answer cannot be noted", channel=self._channel_name, why=str(error))
                if self._pause():
                    return None  # the next start sends it again, under the same id

    def _pause(self) -> bool:
        """Wait a little before asking the store again; True when it is the end."""
        with self._changed:
            return self._stopping or self._changed.wait_for(lambda: self._stopping, _STORE_PAUSE)

    def _halt(self) -> None:
        if not self._delivery._taken.is_set():
            self._delivery._taken.set()
            _log.error("another process owns the store: this one sends nothing more")
        for courier in list(self._delivery._couriers.values()):
            courier.stop()


class _NotConfigured:
    """Takes the notices of a channel that is not in the configuration."""

    def __init__(self, name: str, known: list[str]) -> None:
        there = f"there is: {', '.join(known)}" if known else "there is none"
        self._sentence = f"no channel {name} in the configuration ({there})"

    def send(self, notice: dict[str, Any]) -> Answer:
        """Give it up."""
        return Answer(Result.GAVE_UP, self._sentence)

    def close(self) -> None:
        """Nothing is held."""
