"""Carries rows from the spool to their sinks, beside the path of records and never in its way.

One thread per sink. What waits lives in the store; a row is taken out after its answer, so a process killed
between the two writes it again, under the same id.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

import structlog

from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.failpoints import reach
from streamgauge.sinks.contract import Outcome, Sink, SpooledRow

AT_ONCE = 1_000
"""Rows given to a sink together."""

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
        self._couriers = [_Courier(name, sink, store, on_try) for name, sink in sinks.items()]

    @property
    def sinks(self) -> list[str]:
        """Their names."""
        return [courier.sink_name for courier in self._couriers]

    def start(self) -> None:
        """Begin, with what waits already. Rows of sinks that are no more stay where they are, and it is said."""
        for name, count in self._store.spool_depth().items():
            if name not in self.sinks:
                _log.warning(
                    "rows wait for a sink that the configuration does not name any more; they stay in the store",
                    sink=name,
                    rows=count,
                )
        for courier in self._couriers:
            courier.start()

    def wake(self) -> None:
        """Say that rows are committed; returns at once."""
        for courier in self._couriers:
            courier.wake()

    def drain(self, timeout: timedelta) -> bool:
        """Wait until all that can leave has left; False when ``timeout`` ended first."""
        deadline = time.monotonic() + timeout.total_seconds()
        drained = [courier.drain(deadline) for courier in self._couriers]
        return all(drained)

    def stop(self, timeout: timedelta = timedelta(seconds=15)) -> None:
        """End the threads after the try that each is in."""
        for courier in self._couriers:
            courier.stop()
        deadline = time.monotonic() + timeout.total_seconds()
        for courier in self._couriers:
            courier.end(deadline)


class _Courier(threading.Thread):
    """The thread of one sink."""

    def __init__(
        self, name: str, sink: Sink, store: SpoolStore, on_try: Callable[[str, Outcome], None]
    ) -> None:
        super().__init__(name=f"sink of {name}", daemon=True)
        self.sink_name = name
        self._sink = sink
        self._store = store
        self._on_try = on_try
        self._changed = threading.Condition()
        self._look = True
        self._busy = False
        self._stopping = False
        self._failures = 0

    # from other threads

    def wake(self) -> None:
        """There is news."""
        with self._changed:
            self._look = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End after the present try."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def end(self, deadline: float) -> None:
        """Wait for the end."""
        if self.ident is None:  # never started
            self._sink.close()
            return
        self.join(max(0.0, deadline - time.monotonic()))
        if self.is_alive():
            _log.warning("a sink is still waited for; left behind", sink=self.sink_name)

    def drain(self, deadline: float) -> bool:
        """Wait until nothing is left to do, or until a try has failed."""
        with self._changed:
            while (self._busy or self._look) and not self._failures and self.is_alive():
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.2))
        return not self._failures

    # on its own thread

    def run(self) -> None:
        """Until stopped, or until the store is another's."""
        while self._rest():
            try:
                self._work()
            except StoreTakenError:
                _log.error("another process owns the store: no more rows leave here", sink=self.sink_name)
                break
            except StoreError as error:
                self._failed(f"the store refuses: {error}")
            except Exception:  # noqa: BLE001  a thread that ended by itself would be a silent sink
                _log.exception("a sink raised; its rows wait", sink=self.sink_name)
                self._failed("the sink itself failed; see the log")
        with suppress(Exception):  # whatever a sink does at its end must not hide how ours came
            self._sink.close()

    def _rest(self) -> bool:
        """Sleep until there is something to do; False when this is the end."""
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            if self._failures:
                wait = min(FIRST * 2 ** min(self._failures - 1, 16), LONGEST)
                self._changed.wait_for(lambda: self._stopping, wait)
                self._look = True
            self._changed.wait_for(lambda: self._stopping or self._look)
            self._busy, self._look = True, False
            return not self._stopping

    def _work(self) -> None:
        """Write the oldest rows; the next ones follow at the next look."""
        rows = self._store.spooled(self.sink_name, AT_ONCE)
        if not rows:
            self._failures = 0
            return
        if not self._store.still_mine():
            raise StoreTakenError("another process owns the store")
        outcome = self._sink.write(rows)
        gone = [*outcome.written, *outcome.refused]
        if gone:
            reach("rows.after-before-mark")
            self._store.left(gone)
        self._tell(outcome)
        if len(gone) < len(rows):
            self._failed(outcome.trouble)
            return
        self._failures = 0
        self._look = True

    def _tell(self, outcome: Outcome) -> None:
        for sequence, why in outcome.refused.items():
            _log.error(
                "A ROW CANNOT BE WRITTEN and is left out", sink=self.sink_name, sequence=sequence, why=why
            )
        self._on_try(self.sink_name, outcome)

    def _failed(self, why: str) -> None:
        self._failures += 1
        if self._failures in (1, 10) or self._failures % 100 == 0:
            _log.warning("rows wait in the store", sink=self.sink_name, why=why, tries=self._failures)
