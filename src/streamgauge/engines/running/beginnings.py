"""Which windows were not seen whole, since reading began in the middle of a partition.

What begins there (a new monitor, one that was paused, a reader whose records are gone) knows how much it missed
only by the first event time that it reads: windows that start at or before it, plus lateness, are *partial*.
Until that is known every window that closes is.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from streamgauge.batch import NEVER, Partition
from streamgauge.state import Table, Tables

LATER = int(np.iinfo(np.int64).max // 2)


class Beginnings:
    """Where each window and detector of a bundle began, per partition.

    Args:
        scopes: the names of windows and detectors that take part.

    Attributes:
        awaited: what begins in a partition with the next record that is read there.
    """

    def __init__(self, scopes: Iterable[str]) -> None:
        self._scopes = tuple(scopes)
        self._until: dict[tuple[str, Partition], int] = {}
        self._known: frozenset[str] = frozenset()
        self._parts: frozenset[Partition] = frozenset()
        self._latest: dict[str, int] = {}
        self.awaited: set[tuple[str, Partition]] = set()

    def begin(self, partition: Partition, *, from_start: bool) -> None:
        """A partition is read from now on; ``from_start``: nothing of it was ever missed."""
        for scope in self._scopes:
            went_on = (scope, partition) in self.awaited or (
                scope in self._known and partition in self._parts
            )
            if not went_on and not from_start:
                self._await(scope, partition)

    def missed(self, partition: Partition) -> None:
        """Records of a partition are gone: whatever goes on behind them begins anew."""
        for scope in self._scopes:
            self._await(scope, partition)

    def reached(self, partition: Partition, until: int) -> None:
        """What begins in ``partition`` knows now: windows that start at or before ``until`` are partial."""
        for scope, of in list(self.awaited):
            if of == partition:
                self.awaited.discard((scope, of))
                self._until[scope, of] = max(until, self._until.get((scope, of), NEVER))
        self._latest = {}

    def until(self, scope: str) -> int:
        """Until when the windows of a scope are partial, over all partitions."""
        found = self._latest.get(scope)
        if found is None:
            own = [until for (of, _), until in self._until.items() if of == scope]
            waits = any(of == scope for of, _ in self.awaited)
            found = self._latest[scope] = LATER if waits else max(own, default=NEVER)
        return found

    def tables(self) -> dict[str, Table]:
        """What is saved."""
        places = list(dict.fromkeys([*self._until, *sorted(self.awaited)]))
        return {
            "scopes": {"name": np.array(self._scopes, object)},
            "beginnings": {
                "scope": np.array([scope for scope, _ in places], object),
                "partition": np.array([str(partition) for _, partition in places], object),
                "until": np.array([self._until.get(place, NEVER) for place in places], np.int64),
                "awaited": np.array([place in self.awaited for place in places], np.int8),
            },
        }

    def restore(self, scopes: Table, beginnings: Table, parts: Iterable[Partition]) -> None:
        """Take over what was saved: ``parts`` are the partitions that were read then."""
        self._known, self._parts, self._latest = frozenset(scopes["name"]), frozenset(parts), {}
        columns = (beginnings[name].tolist() for name in ("scope", "partition", "until", "awaited"))
        for scope, text, until, awaited in zip(*columns, strict=True):
            place = scope, Partition.parse(text)
            if scope in self._scopes and scope in self._known:
                if until != NEVER:
                    self._until[place] = until
                if awaited:
                    self.awaited.add(place)

    def _await(self, scope: str, partition: Partition) -> None:
        self.awaited.add((scope, partition))
        self._latest = {}


def partial_until(tables: Tables, scope: str) -> int:
    """Until when the windows of a scope are partial, as a saved bundle tells it."""
    if "beginnings" not in tables:
        return NEVER
    saved = Beginnings([scope])
    saved.restore(tables["scopes"], tables["beginnings"], ())
    return saved.until(scope)
