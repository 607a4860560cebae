"""Carries rows from the spool to their sinks, beside the path of records and never in its way.

One courier per sink (:mod:`streamgauge.engines.outgoing.couriers`), many rows at once. What waits lives in the store; a row
is taken out after its answer, so a process killed between the two writes it again, under the same id.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import ClassVar, Protocol

import structlog

from streamgauge.engines.outgoing.couriers import Courier, Couriers
from streamgauge.errors import StoreError
from streamgauge.failpoints import reach
from streamgauge.sinks.contract import Gathering, Outcome, Sink, SpooledRow

AT_ONCE = 1_000
"""Rows given to a sink together, unless it says otherwise (:class:`~streamgauge.sinks.contract.Gathering`)."""

FIRST, LONGEST = 0.5, 30.0
"""Seconds to wait after a try that did not bring all rows there: doubled from the one to the other."""

_log = structlog.get_logger("streamgauge.sinks")


class SpoolStore(Protocol):
    """What is needed of :class:`streamgauge.stores.contract.Store`."""

    def spooled(self, sink: str, limit: int = 1000) -> list[SpooledRow]:
        """The oldest rows that wait."""
        ...

    def spool_depth(self) -> dict[str, int]:
        """How many wait, per sink."""
        ...

    def still_mine(self) -> bool:
        """Whether this process still owns the store."""
        ...

    def left(self, sequences: Sequence[int]) -> None:
        """These have arrived, or never can."""
        ...


class Sinking:
    """All sinks of one engine.

    Usage: :meth:`start` once the store is owned, :meth:`wake` after each commit that brought rows,
    :meth:`drain` and :meth:`stop` at the end. Sinks are closed by :meth:`stop`.

    Args:
        store: where rows wait.
        sinks: by whose rows they take, such as ``monitor burst``.
        on_try: told of each try (sink, outcome), on the sink's thread.
    """

    def __init__(
        self,
        store: SpoolStore,
        sinks: Mapping[str, Sink],
        *,
        on_try: Callable[[str, Outcome], None] = lambda _sink, _outcome: None,
    ) -> None:
        self._store = store
        self.sinks = list(sinks)
        self._couriers = Couriers()
        for name, sink in sinks.items():
            self._couriers.add(_SinkCourier(name, sink, store, on_try, self._couriers))

    def start(self) -> None:
        """Begin, with what waits already. Rows of sinks that are no more stay where they are, and it is said."""
        for name, count in self._store.spool_depth().items():
            if name not in self.sinks:
                _log.warning(
                    "rows wait for a sink that the configuration does not name any more; they stay in the store",
                    sink=name,
                    rows=count,
                )
        self._couriers.start()

    def wake(self) -> None:
        """Say that rows are committed; returns at once."""
        self._couriers.wake()

    def drain(self, timeout: timedelta) -> bool:
        """Wait until all that can leave has left; False when a try failed, or ``timeout`` ended first."""
        return self._couriers.drain(timeout)

    def stop(self, timeout: timedelta = timedelta(seconds=15)) -> None:
        """End the threads after the try that each is in."""
        self._couriers.stop(timeout)


class _SinkCourier(Courier):
    """Carries the rows of one sink, the oldest first; after a try that fell short all wait a while."""

    kind: ClassVar[str] = "sink"

    def __init__(
        self,
        name: str,
        sink: Sink,
        store: SpoolStore,
        on_try: Callable[[str, Outcome], None],
        company: Couriers,
    ) -> None:
        super().__init__(name, sink, store, company)
        self._sink = sink
        self._store = store
        self._on_try = on_try
        self._at_once, self._within = AT_ONCE, 0.0
        if isinstance(sink, Gathering):
            self._at_once, self._within = sink.at_once, sink.within.total_seconds()
        self._failures = 0
        self._not_before = 0.0
        self._enough_at: float | None = None
        """While rows are gathered: when they go, however few they are."""
        self._hurried = False

    def pressing(self) -> bool:
        """Rows may wait, and the pause after the last failure has passed; or they were gathered for long enough."""
        now = time.monotonic()
        if self._failures and now < self._not_before:
            return False
        return self._look or (self._enough_at is not None and now >= self._enough_at)

    def sleep(self) -> float | None:
        """Until the pause has passed, or what is gathered must go."""
        until = self._not_before if self._failures else self._enough_at
        return None if until is None else max(0.0, until - time.monotonic())

    def hurry(self) -> None:
        """Gather no more."""
        self._hurried = self._look = True

    def stuck(self) -> bool:
        """The last try has failed."""
        return self._failures > 0

    def failed(self, error: Exception) -> None:
        """Rows wait."""
        if isinstance(error, StoreError):
            self._fell_short(f"the store refuses: {error}")
        else:
            _log.error("a sink raised; its rows wait", sink=self.receiver_name, exc_info=error)
            self._fell_short("the sink itself failed; see the log")

    def work(self) -> None:
        """Write the oldest rows; the next ones follow at the next look."""
        self._look = False
        if self._within and self._gathers():
            return
        rows = self._store.spooled(self.receiver_name, self._at_once)
        if not rows:
            self._failures = 0
            return
        self.check_ownership()
        outcome = self._sink.write(rows)
        gone = [*outcome.written, *outcome.refused]
        if gone:
            reach("rows.after-before-mark")
            self._store.left(gone)
        self._tell(outcome)
        if len(gone) < len(rows):
            self._fell_short(outcome.trouble)
            return
        self._failures = 0
        self._look = True

    def _gathers(self) -> bool:
        """Whether rows shall wait for more."""
        depth = self._store.spool_depth().get(self.receiver_name, 0)
        if self._hurried or self._failures or not depth or depth >= self._at_once:
            self._enough_at = None
            return False
        now = time.monotonic()
        if self._enough_at is None:
            self._enough_at = now + self._within
        if now < self._enough_at:
            return True
        self._enough_at = None
        return False

    def _tell(self, outcome: Outcome) -> None:
        for sequence, why in outcome.refused.items():
            _log.error(
                "A ROW CANNOT BE WRITTEN and is left out", sink=self.receiver_name, sequence=sequence, why=why
            )
        self._on_try(self.receiver_name, outcome)

    def _fell_short(self, why: str) -> None:
        self._failures += 1
        self._not_before = time.monotonic() + min(FIRST * 2 ** min(self._failures - 1, 16), LONGEST)
        self._look = True
        if self._failures in (1, 10) or self._failures % 100 == 0:
            _log.warning("rows wait in the store", sink=self.receiver_name, why=why, tries=self._failures)
