"""Writes and reads checkpoints: per state a snapshot, a log of changed rows, and the generation before.

A commit appends what changed to a state's log, and folds the largest logs that have outgrown their snapshots
into new ones: about a third as many bytes as it logged (at least 1 MiB), so that no commit pays for all at
once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import structlog
from sqlalchemy import Connection, bindparam, delete, insert, select, update

from streamgauge.batch import Partition
from streamgauge.failpoints import reach
from streamgauge.stores import rows
from streamgauge.stores.blocks import Block, Part, encode
from streamgauge.stores.changes import Blocks, Built, Chain, Kept, build, changes, whole
from streamgauge.stores.contract import SavedState, StateKey, StateWrite
from streamgauge.stores.schema import checkpoint_blocks, checkpoint_states

_FOLD_BYTES = 1024 * 1024
"""What a commit may always fold; more when it logs more."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of ``checkpoint_states``."""

    id: int
    sequence: int
    generation: int
    positions: str


@dataclass(slots=True)
class _Step:
    """What one commit does to one state; taken over when the transaction has succeeded.

    Attributes:
        row: the state's row as it was.
        kept: what ``parts`` are applied to: the copy as it was, or an empty one before a snapshot.
        parts: what changed.
        chain: where the blocks stand afterwards.
        newest: the newest generation there is, bad ones included.
        spared: the older generation that stays as the fallback, where a snapshot was written.
    """

    key: StateKey
    write: StateWrite
    row: _Row
    kept: Kept
    parts: list[Part]
    chain: Chain
    newest: int
    spared: int | None = None

    def block(self, previous: int, parts: list[Part]) -> bytes:
        """A block of this state as it is after this commit."""
        positions = rows.plain_positions(self.write.positions)
        return encode(
            Block(self.key.shape, self.write.version, self.chain.sequence, previous, positions, parts)
        )

    def record(self, data: bytes) -> dict[str, Any]:
        """A row of ``checkpoint_blocks``."""
        place = {"generation": self.chain.generation, "number": self.chain.number}
        return {"state_id": self.row.id, **place, "data": data}


@dataclass(slots=True)
class Pending:
    """What :meth:`Checkpoints.write` wrote, to be accepted once the transaction has succeeded."""

    steps: list[_Step] = field(default_factory=list)
    dropped: list[StateKey] = field(default_factory=list)


class Checkpoints:
    """All states of one store.

    Attributes:
        damages: one sentence per damage met.
    """

    def __init__(self) -> None:
        self.damages: list[str] = []
        self._rows: dict[StateKey, _Row] = {}
        self._kept: dict[StateKey, Kept] = {}

    def open(self, connection: Connection) -> None:
        """Learn which states there are, and forget what was known: each is written whole at its next commit."""
        self._rows.clear()
        self._kept.clear()
        for row in connection.execute(select(checkpoint_states)):
            self._rows[rows.state_key(row)] = _Row(row.id, row.sequence, row.generation, row.positions)

    def reopen(self, connection: Connection, stream: str, partitions: Collection[Partition]) -> None:
        """Learn anew what there is of some partitions of a stream: somebody else may have written it meanwhile."""
        texts = [str(partition) for partition in partitions]
        for known in (self._rows, self._kept):
            for key in [key for key in known if key.partition in partitions and _is_of(key, stream)]:
                del known[key]
        query = select(checkpoint_states).where(checkpoint_states.c.partition.in_(texts))
        for row in connection.execute(query):
            key = rows.state_key(row)
            if _is_of(key, stream):
                self._rows[key] = _Row(row.id, row.sequence, row.generation, row.positions)

    def load(self, connection: Connection, key: StateKey) -> SavedState | None:
        """The state as last committed, or the last good point before a damage."""
        row = self._rows.get(key)
        if row is None:
            return None
        built = _built(connection, row.id, key.shape)
        kept, damages = built.kept, list(built.damages)
        if kept is None:
            self._kept.pop(key, None)
            self._tell(key, damages or ["no block is there"], "nothing of it is left, so it starts new")
            return None
        positions = msgspec.json.decode(row.positions)
        lost = row.sequence - kept.chain.sequence
        if lost:
            damages = damages or ["blocks are missing"]
            positions, kept.chain = built.positions, replace(kept.chain, sound=False)
        if damages:
            self._tell(
                key, damages, _went_back(positions) if lost else "the one before leads to the same state"
            )
        self._kept[key] = kept
        copies = {name: {c: v.copy() for c, v in table.items()} for name, table in kept.view().items()}
        return SavedState(copies, rows.read_positions(positions), kept.chain.version, went_back=lost > 0)

    def write(
        self,
        connection: Connection,
        states: Mapping[StateKey, StateWrite],
        dropped: Iterable[StateKey],
        now: int,
    ) -> Pending:
        """Write what changed; nothing is taken over before :meth:`accept`."""
        steps = [self._step(connection, key, state, now) for key, state in states.items()]
        logged = [_advance(step) for step in steps if step.chain.sequence != step.row.sequence]
        _insert(connection, logged)
        reach("commit.between-log-and-fold")
        budget = max(_FOLD_BYTES, sum(len(block["data"]) for block in logged) // 3)
        _insert(connection, _fold(steps, budget))
        _prune(connection, steps)
        _stamp(connection, steps, now)
        gone = [key for key in dropped if key in self._rows]
        for key in gone:
            connection.execute(delete(checkpoint_states).where(checkpoint_states.c.id == self._rows[key].id))
        return Pending(steps, gone)

    def accept(self, pending: Pending) -> None:
        """The transaction has succeeded: what was written is what is compared with next time."""
        for step in pending.steps:
            step.kept.apply(step.parts)
            step.kept.chain = step.chain
            self._kept[step.key] = step.kept
            positions = rows.positions_text(step.write.positions)
            self._rows[step.key] = _Row(step.row.id, step.chain.sequence, step.newest, positions)
        for key in pending.dropped:
            self._rows.pop(key, None)
            self._kept.pop(key, None)

    def _step(self, connection: Connection, key: StateKey, write: StateWrite, now: int) -> _Step:
        row = self._rows.get(key) or _new_row(connection, key, write, now)
        kept = self._kept.get(key)
        if kept is not None and kept.chain.sound and kept.chain.version == write.version:
            parts = changes(kept, write.tables)
            if parts is not None:
                sequence = row.sequence + 1 if parts else row.sequence
                return _Step(
                    key, write, row, kept, parts, replace(kept.chain, sequence=sequence), row.generation
                )
        newest = row.generation + 1
        chain = Chain(write.version, row.sequence + 1, newest, number=-1)
        spared = row.generation if kept is None else kept.chain.generation
        return _Step(key, write, row, Kept(), whole(write.tables), chain, newest, spared)

    def _tell(self, key: StateKey, damages: list[str], then: str) -> None:
        of = f" of {key.partition}" if key.partition else ""
        sentence = f"the checkpoint of {key.name}{of} is damaged ({'; '.join(damages)}): {then}"
        self.damages.append(sentence)
        _log.warning(
            "checkpoint_damaged", state=key.name, partition=str(key.partition or ""), detail=sentence
        )


def _advance(step: _Step) -> dict[str, Any]:
    """The next block of a state that changed: a log entry, or the snapshot that a new chain starts with."""
    chain = step.chain
    first = chain.number < 0
    step.chain = replace(chain, number=chain.number + 1)
    data = step.block(-1 if first else step.kept.chain.sequence, step.parts)
    if first:
        step.chain = replace(step.chain, snapshot_bytes=len(data))
    else:
        step.chain = replace(step.chain, log_bytes=chain.log_bytes + len(data))
    return step.record(data)


def _fold(steps: list[_Step], budget: int) -> list[dict[str, Any]]:
    """New snapshots of states whose logs have outgrown theirs: the largest logs first, within ``budget``."""
    blocks: list[dict[str, Any]] = []
    outgrown = [step for step in steps if step.chain.outgrown]
    for step in sorted(outgrown, key=lambda step: step.chain.log_bytes, reverse=True):
        data = step.block(-1, whole(step.write.tables))
        step.spared, step.newest = step.chain.generation, step.newest + 1
        step.chain = replace(
            step.chain, generation=step.newest, number=0, snapshot_bytes=len(data), log_bytes=0
        )
        blocks.append(step.record(data))
        budget -= len(data)
        if budget <= 0:
            break
    return blocks


def _built(connection: Connection, state_id: int, shape: str) -> Built:
    table = checkpoint_blocks.c
    mine = table.state_id == state_id
    generations = select(table.generation).where(mine).distinct().order_by(table.generation)

    def read(generation: int) -> Blocks:
        query = select(table.number, table.data).where(mine, table.generation == generation)
        return [(row.number, row.data) for row in connection.execute(query.order_by(table.number))]

    return build(connection.execute(generations).scalars().all(), read, shape)


def _new_row(connection: Connection, key: StateKey, write: StateWrite, now: int) -> _Row:
    positions = rows.positions_text(write.positions)
    result = connection.execute(
        insert(checkpoint_states).values(
            name=key.name,
            shape=key.shape,
            partition=_partition_text(key),
            version=write.version,
            sequence=0,
            generation=0,
            positions=positions,
            saved_at=now,
        )
    )
    (number,) = result.inserted_primary_key or (0,)
    return _Row(number, 0, 0, positions)


def _insert(connection: Connection, blocks: list[dict[str, Any]]) -> None:
    if blocks:
        connection.execute(insert(checkpoint_blocks), blocks)


def _prune(connection: Connection, steps: list[_Step]) -> None:
    """Where a new snapshot stands, the one it was built on stays as the fallback and all older ones go."""
    old = [
        {"state": step.row.id, "new": step.chain.generation, "spared": step.spared}
        for step in steps
        if step.spared is not None
    ]
    if old:
        table = checkpoint_blocks.c
        others = table.generation.not_in([bindparam("new"), bindparam("spared")])
        connection.execute(delete(checkpoint_blocks).where(table.state_id == bindparam("state"), others), old)


def _stamp(connection: Connection, steps: list[_Step], now: int) -> None:
    """Note how far each state stands; a state that stayed the same has come further, too."""
    stamps = []
    for step in steps:
        positions = rows.positions_text(step.write.positions)
        if step.chain.sequence != step.row.sequence or positions != step.row.positions:
            stamps.append(
                {
                    "state": step.row.id,
                    "version": step.write.version,
                    "sequence": step.chain.sequence,
                    "generation": step.newest,
                    "positions": positions,
                    "saved_at": now,
                }
            )
    if stamps:
        connection.execute(
            update(checkpoint_states).where(checkpoint_states.c.id == bindparam("state")), stamps
        )


def _is_of(key: StateKey, stream: str) -> bool:
    return key.name.startswith(f"{stream}/")


def _partition_text(key: StateKey) -> str:
    return "" if key.partition is None else str(key.partition)


def _went_back(positions: Mapping[str, tuple[int, int, int]]) -> str:
    offsets = ", ".join(f"{name} from offset {numbers[0]}" for name, numbers in positions.items())
    return f"it goes back to the last good point and reads again: {offsets or 'no positions'}"
