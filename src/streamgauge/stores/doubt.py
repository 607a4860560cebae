"""A commit whose end nobody heard: the connection broke while the server was committing.

The engine gives a commit that failed again, with all that came since. Where it arrived after all, it must not be
written a second time; what of the next one is old is taken out of it here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from streamgauge.errors import StoreError
from streamgauge.stores.contract import Commit, LateCount

T = TypeVar("T")


class InDoubtError(StoreError):
    """Whether the transaction was committed is not known.

    Attributes:
        arrived: asks the server; raises StoreError or the database's error while it does not answer.
    """

    def __init__(self, message: str, arrived: Callable[[], bool]) -> None:
        super().__init__(message)
        self.arrived = arrived


class Doubt:
    """What a store remembers of a commit in doubt, until the server has said what became of it."""

    def __init__(self) -> None:
        self._asks: Callable[[], bool] | None = None
        self._commit = Commit()

    def begin(self, error: InDoubtError, commit: Commit) -> None:
        """``commit`` met with ``error``."""
        self._asks, self._commit = error.arrived, commit

    def settle(self) -> Commit | None:
        """Ask, where there is a doubt; the commit if it arrived.

        Raises what the question raises; the doubt stays then.
        """
        if self._asks is None:
            return None
        arrived, commit = self._asks(), self._commit
        self._asks, self._commit = None, Commit()
        return commit if arrived else None


def rest_of(commit: Commit, written: Commit) -> Commit:
    """``commit`` without what ``written``, which it repeats, has brought already.

    Only what a repetition would double: counts, results, remarks, rows and what was decided. The rest says how things stand now.
    """
    counts = Counter({(late.monitor, late.window_start): late.count for late in written.late})
    left = set(written.rows)
    late = [
        LateCount(each.monitor, each.window_start, each.count - counts[each.monitor, each.window_start])
        for each in commit.late
    ]
    return replace(
        commit,
        late=[each for each in late if each.count > 0],
        history=_without(commit.history, written.history),
        judgements=_without(commit.judgements, written.judgements),
        remarks=_without(commit.remarks, written.remarks),
        rows=[row for row in commit.rows if row not in left],
        decided=tuple(each for each in commit.decided if each not in written.decided),
    )


def _without(items: Sequence[T], known: Sequence[T]) -> list[T]:
    """Those that are not among the very objects of ``known``."""
    same = {id(item) for item in known}
    return [item for item in items if id(item) not in same]
