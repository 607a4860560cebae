"""Where the store's last commit left off: per stream the positions to read from, and the saved states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from streamgauge.batch import NEVER, Partition
from streamgauge.engines.running.built_in import shadow
from streamgauge.engines.running.bundle import Bundle, bundle_key, knows
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.stores.contract import UNKNOWN, Position, SavedState, StateKey


class Saved(Protocol):
    """The store, as far as this is concerned."""

    def positions(self, stream: str) -> dict[Partition, Position]:
        """Where the reader of ``stream`` goes on."""
        ...

    def load(self, key: StateKey) -> SavedState | None:
        """A saved state, or None."""
        ...


class Restart:
    """One stream's way back to its last commit.

    A damaged block makes its state older than the stream. Reading then starts at the older position, and
    every state leaves out the records that it has counted already; see :mod:`streamgauge.engines.embedded.reread`.

    Attributes:
        positions: where reading starts, with the event time reached there.
        stored: where the last commit left off; the same unless a block was damaged.
    """

    def __init__(self, store: Saved, runner: StreamRunner) -> None:
        self._stream = runner.plan.name
        self.stored = stored = store.positions(self._stream)
        self._saved: dict[StateKey, SavedState] = {}
        for by, partition in runner.wanted(list(stored)):
            key = bundle_key(runner.plan, by, partition)
            saved = store.load(key)
            if saved is not None:
                self._saved[key] = saved
        self.positions: dict[Partition, Position] = dict(stored)
        for key, saved in self._saved.items():
            for partition, last in stored.items():
                known = _known(saved, partition, last, spans=key.partition is None)
                if known is not None and known.next_offset < self.positions[partition].next_offset:
                    self.positions[partition] = replace(known, began=last.began)

    @property
    def ends(self) -> Mapping[Partition, int]:
        """Where the last commit left off."""
        return {partition: position.next_offset for partition, position in self.stored.items()}

    @property
    def offsets(self) -> Mapping[Partition, int]:
        """Where the source starts."""
        return {partition: position.next_offset for partition, position in self.positions.items()}

    def no_later_than(self, about: Restart, *, whole: bool) -> None:
        """Read again what a built-in stream must be told again, since its own state is an older one.

        ``whole``: the records that waited there are known; else they are read again too.
        """
        for partition, position in self.positions.items():
            mirror = shadow(self._stream, partition)
            told = about.positions.get(mirror)
            if told is None or (whole and told == about.stored[mirror]):
                continue
            if told.next_offset < position.next_offset:
                went_back = replace(position, next_offset=told.next_offset, largest_time=told.largest_time)
                self.positions[partition] = went_back

    def unseen(self, about: Restart) -> dict[Partition, int]:
        """By partition of the stream of late records, until when its windows stay incomplete.

        After a damage it is told again of what is read again, but a state that was not damaged leaves out
        records that it has counted, and says no more of them which were late.
        """
        found = {}
        for saved in self._saved.values():
            for partition, position in saved.positions.items():
                mirror = shadow(self._stream, partition)
                told = about.positions.get(mirror)
                if told and told != about.stored[mirror] and told.next_offset < position.next_offset:
                    found[mirror] = about.stored[mirror].largest_time
        return found

    def restore(self, bundle: Bundle) -> None:
        """Give a new bundle what was saved of it; once."""
        saved = self._saved.pop(bundle.key, None)
        if saved is None:
            return
        bundle.restore(saved.tables)
        bundle.from_offset = {
            partition: position.next_offset
            for partition, position in saved.positions.items()
            if partition in self.positions and position.next_offset > self.positions[partition].next_offset
        }


def _known(saved: SavedState, partition: Partition, last: Position, *, spans: bool) -> Position | None:
    """How much of a partition a saved state knows; None where that does not concern it.

    Partitions are assigned one after the other, so an older point of a state that ``spans`` them may be from before
    this one: then it knows nothing of it, and needs it from its beginning on.
    """
    found = saved.positions.get(partition)
    if found is not None or not (spans and saved.went_back) or knows(saved.tables, partition):
        return found
    return None if last.began == UNKNOWN else Position(last.began, NEVER, NEVER)
