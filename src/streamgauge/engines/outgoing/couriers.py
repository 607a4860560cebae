"""Threads that carry what waits in the store to receivers outside, beside the path of records.

One thread per receiver, so one that is slow, dead or silent delays nobody but itself. What waits lives in the
store and is marked after its answer: a process killed between the two carries it again, under the same id.
:mod:`~streamgauge.engines.outgoing.delivery` carries notices so, :mod:`~streamgauge.engines.outgoing.sinking` rows.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import ClassVar, Protocol

import structlog

from streamgauge.errors import StoreError, StoreTakenError

_log = structlog.get_logger("streamgauge.couriers")


class Owned(Protocol):
    """What is asked of the store, whatever is carried."""

    def still_mine(self) -> bool:
        """Whether this process still owns the store."""
        ...


class Receiver(Protocol):
    """A channel or a sink."""

    def close(self) -> None:
        """Let go."""
        ...


class Courier(threading.Thread, ABC):
    """The thread of one receiver; which it closes at its end.

    Args:
        name: the receiver's.
        receiver: to whom is carried.
        store: where things wait.
        company: the couriers of the same engine, which end together when another process owns the store.
    """

    kind: ClassVar[str]
    """What the receiver is called in logs."""

    def __init__(self, name: str, receiver: Receiver, store: Owned, company: Couriers) -> None:
        super().__init__(name=f"{self.kind} {name}", daemon=True)
        self.receiver_name = name
        self._receiver = receiver
        self._owned = store
        self._company = company
        self._changed = threading.Condition()
        self._look = True  # the store may hold more than we have seen
        self._busy = True
        self._stopping = False

    # what is carried, and how

    @abstractmethod
    def pressing(self) -> bool:
        """Whether there is something to do now."""

    @abstractmethod
    def sleep(self) -> float | None:
        """Seconds until there may be, without news; None where only news can bring it."""

    @abstractmethod
    def work(self) -> None:
        """Carry once; called again as long as it is :meth:`pressing`."""

    @abstractmethod
    def failed(self, error: Exception) -> None:
        """:meth:`work` raised, be it for the store (``StoreError``) or by a bug: see that time passes."""

    def hurry(self) -> None:
        """It is the end: what was held back for more to come goes now."""

    def stuck(self) -> bool:
        """Whether waiting for the rest would be waiting for a receiver that refuses."""
        return False

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

    def end(self, deadline: float) -> None:
        """Wait for the end; one that is stuck longer is left behind."""
        if self.ident is None:  # never started
            self._receiver.close()
            return
        self.join(max(0.0, deadline - time.monotonic()))
        if self.is_alive():
            _log.warning(
                f"{self.kind} still waits for its receiver; left behind", **{self.kind: self.receiver_name}
            )

    def drain(self, deadline: float) -> bool:
        """Wait until nothing is due and nothing under way, or until it is stuck."""
        with self._changed:
            self.hurry()
            self._changed.notify_all()  # a clock that was pushed tells nobody
            while (self._busy or self.pressing()) and not self.stuck():
                left = deadline - time.monotonic()
                if left <= 0 or not self.is_alive():
                    return False
                self._changed.wait(min(left, 0.2))
        return not self.stuck()

    # on its own thread

    def run(self) -> None:
        """Until stopped, or until the store is another's."""
        while self._rest():
            try:
                self.work()
            except StoreTakenError:
                self._company.halt()
            except StoreError as error:
                self.failed(error)
            except Exception as error:  # noqa: BLE001  a thread that ended by itself would be a silent receiver
                self.failed(error)
        with suppress(Exception):  # whatever a receiver does at its end must not hide how ours came
            self._receiver.close()

    def pause(self, seconds: float) -> bool:
        """Wait without regard to news; True when it is the end."""
        with self._changed:
            return self._stopping or self._changed.wait_for(lambda: self._stopping, seconds)

    def check_ownership(self) -> None:
        """To be asked before each try.

        Raises:
            StoreTakenError: what waits is another process's to carry.
        """
        if not self._owned.still_mine():
            raise StoreTakenError("another process owns the store")

    def _rest(self) -> bool:
        """Sleep until there is something to do; False when this is the end."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            while not (self._stopping or self.pressing()):
                self._changed.wait(self.sleep())
            self._busy = True
            return not self._stopping


class Couriers:
    """All couriers of one kind of one engine.

    Usage: :meth:`start` once the store is owned, :meth:`wake` after each commit that brought something,
    :meth:`drain` and :meth:`stop` at the end.
    """

    def __init__(self) -> None:
        self._all: dict[str, Courier] = {}
        self._taken = threading.Event()

    @property
    def halted(self) -> bool:
        """Whether carrying ended because another process owns the store now."""
        return self._taken.is_set()

    def add(self, courier: Courier) -> None:
        """One more, before :meth:`start`."""
        self._all[courier.receiver_name] = courier

    def start(self) -> None:
        """Begin to carry, with what waits in the store already."""
        for courier in self._all.values():
            courier.start()

    def wake(self, names: Iterable[str] | None = None) -> None:
        """Say that there is news, for ``names`` or for all; returns at once."""
        for name in self._all if names is None else names:
            if name in self._all:
                self._all[name].wake()

    def drain(self, timeout: timedelta) -> bool:
        """Wait until everything that is due was tried; False when ``timeout`` of real time ended first."""
        deadline = time.monotonic() + timeout.total_seconds()
        drained = [courier.drain(deadline) for courier in self._all.values()]
        return all(drained)

    def stop(self, timeout: timedelta) -> None:
        """End the threads after the try that each is in."""
        for courier in self._all.values():
            courier.stop()
        deadline = time.monotonic() + timeout.total_seconds()
        for courier in self._all.values():
            courier.end(deadline)
        self._all = {}

    def halt(self) -> None:
        """The store is another's: all end."""
        if not self._taken.is_set():
            self._taken.set()
            _log.error("another process owns the store: this one sends nothing more")
        for courier in list(self._all.values()):
            courier.stop()
