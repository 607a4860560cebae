"""The source over a target: its answers as records, and its silence as a source that is lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.errors import SourceError
from streamgauge.sources.contract import Poll, Tail
from streamgauge.sources.inbox_source import InboxSource
from streamgauge.sources.polling.asking import Asking
from streamgauge.sources.polling.settings import PollerConfig
from streamgauge.sources.polling.target import Exposing, Sample, Target
from streamgauge.stores.inbox import Inbox


def open_polled(
    config: PollerConfig, stream: str, clock: Clock, target: Target, store_url: str | None
) -> PolledSource:
    """The source that asks ``target``; nothing is asked before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    if store_url is None:
        target.close()
        raise SourceError(
            f"stream {stream!r} asks a running system ({config.type}), which only `streamgauge run` does; name recorded "
            f"answers: --stream {stream}=PATH"
        )
    return PolledSource(config, stream, clock, target, store_url)


class PolledSource(InboxSource):
    """Reads what was asked; see :mod:`streamgauge.sources.contract` for what each method promises.

    Its end is known while the target answers as it should: between two answers nothing can come, so time passes.
    From the first question without an answer on, nothing is known (``tails`` grow old) until one is answered.
    """

    def __init__(
        self, config: PollerConfig, stream: str, clock: Clock, target: Target, store_url: str
    ) -> None:
        super().__init__(stream, clock, Inbox(store_url))
        self._config = config
        self._target = target
        self._asking = Asking(config, stream, target, clock, Inbox(store_url))
        self._known: Tail | None = None
        self._behind = True
        self._over = False

    def open(self, positions: Mapping[Partition, int]) -> None:
        """Start at the position, else at the oldest record; begin to ask."""
        super().open(positions)
        self._behind = True
        self._asking.start()

    def poll(self, limit: int, timeout: timedelta) -> Poll:
        """What was answered; waits for an answer up to ``timeout``.

        Raises:
            SourceError: the store cannot be read.
        """
        if not self._behind and not self._asking.fresh.wait(timeout.total_seconds()):
            self._note(self._clock.monotonic())
            return Poll(at_end=frozenset({self._partition}))
        self._asking.fresh.clear()
        asked_at = self._clock.monotonic()
        steady = self._asking.steady(asked_at)
        poll = super().poll(limit, timeout if self._paused else timedelta(0))
        self._behind = self._partition not in poll.at_end
        if steady:
            self._note(asked_at)
        return poll

    def _note(self, at: float) -> None:
        """The end as it is known at ``at``, unless the target owes an answer."""
        if self._tail is not None and self._asking.steady(at) and not self._asking.fresh.is_set():
            self._known = Tail(self._tail.end_offset, open_transaction=False, asked_at=at, answered_at=at)

    def tails(self) -> Mapping[Partition, Tail]:
        """The end, as old as the last moment at which the target did not owe an answer."""
        return {} if self._known is None else {self._partition: self._known}

    def exposed(self) -> Iterable[Sample]:
        """What the newest answer says, for ``/metrics``; from any thread."""
        records = self._asking.now.newest
        return self._target.exposed(records) if isinstance(self._target, Exposing) else ()

    def describe(self) -> Mapping[str, Any]:
        """What is asked and how often; ``trouble`` is why the target does not answer, if it does not."""
        said = {key: value for key, value in self._config.public().items() if value not in (None, [], {})}
        now = self._asking.now
        return {**said, "answers": now.answered, **({"trouble": now.trouble} if now.trouble else {})}

    def close(self) -> None:
        """Ask nothing more."""
        if not self._over:
            self._over = True
            self._asking.close()
        super().close()


def as_records(rows: Iterable[Mapping[str, Any]]) -> Sequence[bytes]:
    """Plain rows as a target answers them."""
    import msgspec

    encode = msgspec.json.Encoder().encode
    return [encode(row) for row in rows]
