"""Rows for sinks on their way into the store: gathered beside the path, bounded, and put in with the commit.

What finds no room is dropped, counted and told, with the records that decided it; or (``when_full: wait``) the
stream stands still until there is room.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamgauge.batch import Batch, Partition
from streamgauge.config.models import Config
from streamgauge.engines.embedded.mishaps import Mishaps
from streamgauge.engines.outgoing.row_making import RecordRows, WindowRows
from streamgauge.engines.running.round import Runners
from streamgauge.pipeline import Lane
from streamgauge.sinks.contract import SinkConfig
from streamgauge.stores.contract import DecidedRow, Store
from streamgauge.windows.contract import Rows, WindowResults


@dataclass(slots=True)
class Target:
    """One sink's side of the spool.

    Attributes:
        name: ``monitor burst`` or ``stream payments``.
        stream: whose records decide its rows.
        config: the sink's.
        maker: makes rows.
        pending: rows since the last commit, by id.
    """

    name: str
    stream: str
    config: SinkConfig
    maker: WindowRows | RecordRows
    pending: dict[str, DecidedRow] = field(default_factory=dict)

    def take(self, rows: Sequence[DecidedRow]) -> None:
        """Rows that were decided; of two with one id the later one holds."""
        for row in rows:
            self.pending.pop(row.id, None)
            self.pending[row.id] = row


class Spool:
    """All sinks of a configuration.

    Args:
        config: which monitors and streams write.
        store: where rows wait.
        mishaps: told when rows find no room.
    """

    def __init__(self, config: Config, store: Store, mishaps: Mishaps) -> None:
        self._store = store
        self._mishaps = mishaps
        self._monitors: dict[str, Target] = {}
        self._streams: dict[str, Target] = {}
        for name, monitor in config.monitors.items():
            if monitor.write is not None:
                stream = config.origin_of(name)
                maker = WindowRows(name, config, monitor.write)
                self._monitors[name] = Target(f"monitor {name}", stream, monitor.write, maker)
        for name, source in config.streams.items():
            if source.write is not None:
                maker_of_records = RecordRows(name, config, source.write)
                self._streams[name] = Target(f"stream {name}", name, source.write, maker_of_records)
        self.targets = [*self._monitors.values(), *self._streams.values()]
        self._since = {target.stream: _offsets(store, target.stream) for target in self.targets}
        self._admitted: list[DecidedRow] = []
        self._dropped: Counter[str] = Counter()

    def results(self, lane: Lane, rows: Rows, results: WindowResults, taking_part: Sequence[str]) -> None:
        """Windows closed, of those monitors among ``taking_part`` that write."""
        writing = [name for name in taking_part if name in self._monitors] if self._monitors else []
        if not writing:
            return
        for name in writing:
            target = self._monitors[name]
            assert isinstance(target.maker, WindowRows)
            target.take(target.maker.rows(lane, rows, results))

    def records(self, stream: str, batches: Sequence[Batch]) -> None:
        """Records were read."""
        target = self._streams.get(stream)
        if target is not None:
            assert isinstance(target.maker, RecordRows)
            for batch in batches:
                target.take(target.maker.rows(batch))

    def admit(self, runners: Runners) -> list[DecidedRow]:
        """The rows that go with this commit; tells of those that find no room. May be asked again."""
        self._admitted = []
        if not any(target.pending for target in self.targets):
            return self._admitted
        depth = self._store.spool_depth()
        for target in self.targets:
            if target.pending:
                self._admit(target, depth.get(target.name, 0), runners)
        return self._admitted

    def committed(self, runners: Runners) -> tuple[bool, Counter[str]]:
        """What was admitted is in the store: whether there was anything, and what was dropped, by sink."""
        for target in self.targets:
            target.pending.clear()
        for stream in self._since:
            self._since[stream] = dict(runners.streams[stream].next_offset)
        went, self._admitted = bool(self._admitted), []
        dropped, self._dropped = self._dropped, Counter()
        return went, dropped

    def full(self) -> set[str]:
        """The streams that must stand still until rows have left."""
        waiting = [target for target in self.targets if target.config.when_full == "wait"]
        if not waiting:
            return set()
        depth = self._store.spool_depth()
        return {t.stream for t in waiting if depth.get(t.name, 0) + len(t.pending) >= t.config.spool}

    def _admit(self, target: Target, depth: int, runners: Runners) -> None:
        rows = list(target.pending.values())
        room = len(rows) if target.config.when_full == "wait" else max(0, target.config.spool - depth)
        self._admitted.extend(rows[:room])
        fresh = len(rows) - room - self._dropped[target.name]  # of a commit that was refused, some were told
        if fresh > 0:
            self._dropped[target.name] += fresh
            places = self._range(target.stream, runners)
            self._mishaps.overflow(target.name, target.config.spool, fresh, places)
        elif not self._dropped[target.name]:
            self._mishaps.room(target.name)

    def _range(self, stream: str, runners: Runners) -> Mapping[str, tuple[int, int]]:
        """Per partition the first and the last record since the commit before."""
        since = self._since[stream]
        now = runners.streams[stream].next_offset
        return {
            str(partition): (since.get(partition, 0), end - 1)
            for partition, end in sorted(now.items())
            if end > since.get(partition, 0)
        }


def _offsets(store: Store, stream: str) -> dict[Partition, int]:
    return {partition: position.next_offset for partition, position in store.positions(stream).items()}
