"""One partition of a stream that is ours: its monitors, its open incidents, and what it brings to the next commit.

Each partition stands for itself, so that it can go to another instance at any time: committed to the last record, or
dropped without a trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from streamgauge.batch import NEVER, Batch, Partition
from streamgauge.clock import Clock
from streamgauge.engines.embedded.forgetting import Forgetting
from streamgauge.engines.embedded.intake import Taken
from streamgauge.engines.embedded.ledger import Ledger
from streamgauge.engines.embedded.mishaps import Homes, Mishaps
from streamgauge.engines.embedded.reread import Rereading
from streamgauge.engines.embedded.restart import Restart
from streamgauge.engines.reporting.totals import Totals
from streamgauge.engines.running.round import Runners
from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.board import Board
from streamgauge.incidents.memory import Memory, read_memories
from streamgauge.plan import Plan
from streamgauge.stores.contract import Commit, Decided, Position, SavedState, StateKey
from streamgauge.stores.member import Place, SqlMember
from streamgauge.windows.watermark import StreamClock


@dataclass(frozen=True, slots=True)
class Means:
    """What all shares of an instance have in common.

    Attributes:
        plan: what is shared.
        paused: monitors that take no part, and why.
        clocks: by stream, how far its partitions have come.
        homes: where keys were seen.
    """

    plan: Plan
    store: SqlMember
    clock: Clock
    totals: Totals
    paused: Mapping[str, str]
    clocks: Mapping[str, StreamClock]
    homes: Homes


class Share:
    """A partition, from its being taken on.

    Attributes:
        reads_from: where reading goes on; None where it was never read.
        begun: whether its source has begun to read.
    """

    def __init__(self, place: Place, means: Means) -> None:
        self.place = self.stream, self.partition = place
        self._clock = means.clock
        prefix = self._memory
        held = means.store.held(*place)
        kept = means.store.telling(prefix)
        memories = read_memories({name.removeprefix(prefix): row for name, row in kept.items()})
        self.board = Board([incident for incident, _ in held], memories)
        self.ledger = Ledger(means.store, self.board, means.clock, means.totals, paused=means.paused)
        plan = replace(means.plan, streams={self.stream: means.plan.streams[self.stream]})
        self.runners = Runners(plan, self.board, self.ledger, paused=frozenset(means.paused))
        self.runner = self.runners.streams[self.stream]
        self.runner.clock = means.clocks[self.stream]
        self.mishaps = Mishaps(means.plan, self.board, means.clock, homes=means.homes)
        self._forgetting = Forgetting(self.runners, self.board)
        self._restart = Restart(_OnePartition(means.store, self.partition), self.runner)
        self._rereading: Rereading | None = None
        self._let_go: list[Incident] = []
        self.let_go([incident.id for incident, over in held if over])
        found = self._restart.positions.get(self.partition)
        self.reads_from = None if found is None else found.next_offset
        self.begun = False

    def begin(self, at: int) -> None:
        """The source reads it, from ``at`` on."""
        position = self._restart.positions.get(self.partition, Position(at, NEVER, NEVER, began=at))
        for bundle in self.runner.attach(self.partition, position, from_start=at == 0):
            self._restart.restore(bundle)
        self.runner.begin(self.partition)
        way = {self.stream: self._restart}
        again = Rereading(
            {name: restart.offsets for name, restart in way.items()},
            {name: restart.ends for name, restart in way.items()},
            self._clock.monotonic(),
        )
        if again.needed:
            self.runners.hush()
            self._rereading = again
        self.begun = True

    def end(self) -> None:
        """It is another's: what is not committed never was."""
        self.runner.detach(self.partition)

    def take(self, batch: Batch, at: float) -> None:
        """Records that were read of it; ``at`` is monotonic seconds."""
        if self._rereading is None:
            self.runners.take(self.stream, [batch], at=at)
            return
        for part in self._rereading.admit(self.stream, [Taken([batch])], at):
            self.runners.take(self.stream, part.batches, at=at)

    def caught_up_with_itself(self) -> bool:
        """After a damage: whether all is read again that was told before; then it is told of what comes."""
        rereading = self._rereading
        if rereading is None:
            return False
        reached = {self.stream: self.runner.next_offset}
        if not rereading.over(reached) and not rereading.hopeless(self._clock.monotonic()):
            return False
        self.runners.speak({self.stream: self._restart.stored})
        return True

    def go_on(self) -> None:
        """Take what has waited for that."""
        assert self._rereading is not None
        rest, self._rereading = self._rereading.rest(), None
        for name, taken in rest:
            self.runners.take(name, taken.batches, at=self._clock.monotonic())

    def pass_time(self) -> None:
        """Time went on without a record."""
        if self._rereading is None:
            self.runner.pass_time()

    def look(self, now: float) -> None:
        """What is to be seen once in a while; ``now`` is monotonic seconds."""
        self._forgetting.look(now)
        self.mishaps.watch_keys(self.stream, self.runner)

    def let_go(self, incidents: Iterable[str]) -> None:
        """People ended these (by id): what fires later is another incident."""
        for name in incidents:
            incident = self.board.by_id(name)
            if incident is None:
                continue
            if incident.kind == "verdict":
                closed = (incident.last_end or 0, incident.last_start or 0)
                memory = Memory(incident.openings, closed, incident.monitor)
                self.board.remember(incident.fingerprint, memory)
            self.board.withdraw(incident)
            self._let_go.append(_withdrawn(incident))

    @property
    def pressing(self) -> bool:
        """Whether somebody may have to be told."""
        return bool(self.board.events)

    def collected(self) -> Commit:
        """All since the last commit."""
        self.ledger.gathered(self.runners.settle())
        commit = self.ledger.collected(self.runners)
        telling = {f"{self._memory}{name}": row for name, row in commit.telling.items()}
        return replace(commit, incidents=(), telling=telling, decided=self._decided())

    def committed(self) -> None:
        """What was collected is in the store."""
        self.ledger.forget()
        self._let_go.clear()

    @property
    def _memory(self) -> str:
        """What the names of memories of its keys begin with."""
        return f"of {self.stream} {self.partition} "

    def _decided(self) -> list[Decided]:
        gone = {incident.id for incident in self._let_go}
        steps = [Decided(_withdrawn(each)) for each in self.board.withdrawn if each.id not in gone]
        steps += [Decided(event.incident, str(event.cause), event.channels) for event in self.board.events]
        newest = {step.incident.id: step.incident for step in steps}
        steps += [Decided(each) for name, each in self.board.changed.items() if newest.get(name) is not each]
        steps += [Decided(each) for each in self._let_go]
        return [replace(step, stream=self.stream, partition=self.partition) for step in steps]


def _withdrawn(incident: Incident) -> Incident:
    return replace(incident, state=IncidentState.RESOLVED, reason=WITHDRAWN)


WITHDRAWN = "withdrawn"
"""The reason of what ends untold."""


class _OnePartition:
    """A store, as if there were this partition only."""

    def __init__(self, store: SqlMember, partition: Partition) -> None:
        self._store, self._partition = store, partition

    def positions(self, stream: str) -> dict[Partition, Position]:
        """Where reading goes on, where it ever began."""
        known = self._store.positions(stream)
        return {self._partition: known[self._partition]} if self._partition in known else {}

    def load(self, key: StateKey) -> SavedState | None:
        """A saved state."""
        return self._store.load(key)
