"""Carries committed notices to their channels, beside the path of records and never in its way.

One courier per channel (:mod:`streamgauge.engines.outgoing.couriers`). What waits lives in the store; couriers hold a
bounded part of it. Delivery is at least once: a notice is marked after its answer.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, ClassVar, Protocol

import structlog

from streamgauge.channels.contract import Answer, Channel, Result
from streamgauge.clock import Clock, format_duration, iso, to_micros
from streamgauge.engines.outgoing.couriers import Courier, Couriers
from streamgauge.engines.outgoing.lanes import Lanes
from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.failpoints import reach
from streamgauge.incidents.outbox import LONGEST_ASKED, SPREAD, has_run_out, next_try
from streamgauge.stores.contract import Answered, Waiting

HELD = 2_000
"""Notices of one channel in memory; the rest stays in the store until there is room."""

TOGETHER, MANY = 0.02, 50
"""Answers of so many seconds, and of so many notices, are noted at once: each note costs a write of the disk, and what
waits behind it would wait for all of them. Killed in between, so many are sent again, under the same ids."""

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

    def answered(self, answers: Sequence[Answered]) -> None:
        """Note how tries went, all at once."""
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
        self._couriers = Couriers()
        self._lanes: dict[str, Lanes] = {}

    @property
    def halted(self) -> bool:
        """Whether sending ended because another process owns the store now."""
        return self._couriers.halted

    def start(self) -> None:
        """Begin to carry, with what waits in the store already.

        Notices for a channel that the configuration does not know (any more) are given up, saying so.
        """
        strangers = set(self._store.outbox_depth()) - set(self._channels)
        for name in strangers:
            self._channels[name] = _NotConfigured(name, [n for n in self._channels if n not in strangers])
        for name, channel in self._channels.items():
            patience = self._give_up_after.get(name, GIVE_UP_AFTER)
            courier = _ChannelCourier(name, channel, patience, self)
            self._lanes[name] = courier.lanes
            self._couriers.add(courier)
        self._couriers.start()

    def wake(self, channels: Iterable[str] | None = None) -> None:
        """Say that new notices are committed, for ``channels`` or for all; returns at once."""
        self._couriers.wake(channels)

    def held(self) -> dict[str, int]:
        """Notices in memory that wait or are under way, per channel."""
        return {name: len(lanes) for name, lanes in self._lanes.items()}

    def drain(self, timeout: timedelta) -> bool:
        """Wait until everything that is due was tried; False when ``timeout`` of real time ended first.

        What waits for another try is not waited for: it stays in the store for the next start.
        """
        return self._couriers.drain(timeout)

    def stop(self, timeout: timedelta = timedelta(seconds=10)) -> None:
        """End the threads after the try that each is in; one that is stuck longer is left behind."""
        self._couriers.stop(timeout)
        self._lanes = {}


class _ChannelCourier(Courier):
    """Carries the notices of one channel: in order within an incident, side by side between incidents."""

    kind: ClassVar[str] = "channel"

    def __init__(self, name: str, channel: Channel, patience: timedelta, delivery: Delivery) -> None:
        super().__init__(name, channel, delivery._store, delivery._couriers)
        self.lanes = Lanes()
        self._channel_name = name
        self._channel = channel
        self._patience = patience
        self._delivery = delivery
        self._store = delivery._store
        self._clock = delivery._clock
        self._seen = 0

    def pressing(self) -> bool:
        """The store may hold more than was seen, or a try is due."""
        return self._look or self._is_due()

    def sleep(self) -> float | None:
        """Until the next try is due."""
        due = self.lanes.next_due()
        return None if due is None else min(max(0.0, due - self._clock.monotonic()), _LONGEST_WAIT)

    def failed(self, error: Exception) -> None:
        """Notices wait in their lanes; the store is asked again a little later."""
        if isinstance(error, StoreError):
            _log.warning("the store refuses; notices wait", channel=self._channel_name, why=str(error))
            self._look = True
        else:
            _log.error("delivery failed; going on", channel=self._channel_name, exc_info=error)
        self.pause(_STORE_PAUSE)

    def _is_due(self) -> bool:
        due = self.lanes.next_due()
        return due is not None and due <= self._clock.monotonic()

    def work(self) -> None:
        """Send what is due, the longest first, for a moment; then note the answers."""
        if self._look:
            self._fetch()
        began, sent = self._clock.monotonic(), list[_Sent]()
        try:
            while len(sent) < MANY and (notice := self.lanes.take(self._clock.monotonic())) is not None:
                self._carry(notice, sent)
                if self._stopping or self._clock.monotonic() - began >= TOGETHER:
                    break
        finally:
            if sent:
                self._note(sent)

    def _carry(self, notice: Waiting, sent: list[_Sent]) -> None:
        """Send one, unless the store is another's."""
        try:
            if not sent:
                self.check_ownership()
            sent.append(self._try(notice))
        except StoreTakenError:
            raise
        except Exception:
            self.lanes.again(notice, self._clock.monotonic() + _STORE_PAUSE)
            raise

    def _note(self, sent: Sequence[_Sent]) -> None:
        """Note the answers; whoever is behind a notice that left for good may go."""
        reach("send.after-before-mark")
        self._mark([each.answered for each in sent])
        for each in sent:
            if each.tried.result is Result.AGAIN:
                notice = replace(each.notice, attempts=each.tried.attempts, due=each.answered.due)
                wait = (each.answered.due - each.answered.at) / 1e6
                self.lanes.again(notice, self._clock.monotonic() + wait)
            else:
                self._look = self._look or len(self.lanes) >= HELD
                self.lanes.done(each.notice)
        for each in sent:
            self._tell(each.tried, each.answered.due)

    def _fetch(self) -> None:
        """Take what the store has beyond what was seen, as far as there is room."""
        self._look = False
        room = HELD - len(self.lanes)
        if room <= 0:
            return  # room comes with the next notice that leaves; see _note
        found = self._store.waiting(room, after=self._seen, channel=self._channel_name)
        for notice in found:
            self._seen = notice.sequence
            self.lanes.add(notice, self._when(notice))

    def _when(self, notice: Waiting) -> float:
        """Its moment on the clock that cannot be set; a first try never waits."""
        wait = 0 if notice.attempts == 0 else notice.due - self._clock.now()
        longest = to_micros(LONGEST_ASKED) * (1 + SPREAD)
        return self._clock.monotonic() + min(max(0, wait), longest) / 1e6

    def _try(self, notice: Waiting) -> _Sent:
        """Send it, and say what came of it and when it is due again (which counts where it goes again)."""
        began = self._clock.monotonic()
        answer = self._send(notice)
        seconds = self._clock.monotonic() - began
        now = self._clock.now()
        attempts = notice.attempts + 1
        answer = self._out_of_patience(answer, notice, attempts, now)
        due = next_try(attempts, answer, now, self._delivery._jitter())
        waited = (now - (notice.since or now)) / 1e6
        name, payload = self._channel_name, notice.payload
        tried = Tried(name, payload, answer.result, answer.detail, attempts, seconds, waited)
        noted = Answered(notice.sequence, str(answer.result), answer.detail, attempts, due, now)
        return _Sent(notice, tried, noted)

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

    def _mark(self, answers: Sequence[Answered]) -> None:
        """Note the answers; while the store refuses, wait rather than send the same thing twice."""
        while True:
            try:
                return self._store.answered(answers)
            except StoreTakenError:
                raise
            except StoreError as error:
                _log.warning("an answer cannot be noted", channel=self._channel_name, why=str(error))
                if self.pause(_STORE_PAUSE):
                    return None  # the next start sends it again, under the same id


@dataclass(frozen=True, slots=True)
class _Sent:
    """A notice that was tried, and what is to be noted of it."""

    notice: Waiting
    tried: Tried
    answered: Answered


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
