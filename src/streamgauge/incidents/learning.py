"""From which results a monitor's detector learns: not from those within maintenance, nor while their incident is open.

Both are told from what is the same in every life of a stream: maintenance that the file declares, by the results' event
time, and the incidents of the same monitor and key as they stood when a result came. Silences that people make run on
the wall clock and are told of later than records, so they mute and do not teach.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from streamgauge.batch import BoolArray, IntArray
from streamgauge.incidents.board import Board
from streamgauge.incidents.labels import key_labels
from streamgauge.incidents.matchers import Matcher, all_hold
from streamgauge.incidents.silence import Silence
from streamgauge.windows.contract import WindowResults

UNKNOWN = ("severity",)
"""Labels of which nothing is known before a result is judged: maintenance that asks about one of them only mutes."""

FOREVER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True, slots=True)
class Lessons:
    """What a monitor learns from.

    Attributes:
        maintenance: the declared ones that may be about it, each with what it asks of a key.
        by: the fields that its keys are made of.
        accept: microseconds of event time after which an open incident is the new normal; 0: its incidents end with
            the detector's own alarm, which teaches nothing by itself.
    """

    maintenance: tuple[tuple[Silence, tuple[Matcher, ...]], ...] = ()
    by: tuple[str, ...] = ()
    accept: int = 0

    def marked(self, results: WindowResults) -> WindowResults:
        """``results``, those within maintenance marked as apart."""
        if not self.maintenance or not len(results):
            return results
        begins, ends = results.starts, np.maximum(results.ends, results.starts + 1)
        apart = np.zeros(len(results), np.bool_)
        for silence, asked in self.maintenance:
            within = np.zeros(len(results), np.bool_)
            for begin, end in spans(silence, int(begins.min()), int(ends.max())):
                within |= (begins < end) & (ends > begin)
            if within.any():
                apart |= within & self._about(results, within, asked)
        return _apart(results, apart)

    def held(self, results: WindowResults, monitor: str, board: Board) -> WindowResults:
        """``results``, at most one of each key, those of keys with an open incident marked as apart."""
        open_since = {
            incident.key: incident.opened_at if incident.pending_since is None else incident.pending_since
            for incident in board.of(monitor).values()
            if incident.open
        }
        if not open_since:
            return results
        since = {results.keys.find(key): at for key, at in open_since.items()}
        began = np.array([since.get(slot, -FOREVER) for slot in results.slots.tolist()], np.int64)
        return _apart(results, (began != -FOREVER) & (results.at < began + self.accept))

    def _about(self, results: WindowResults, within: BoolArray, asked: tuple[Matcher, ...]) -> BoolArray:
        """bool[n]: whose keys are meant; only looked at ``within``."""
        if not asked:
            return within
        slots = np.unique(results.slots[within])
        meant = [
            slot for slot in slots.tolist() if all_hold(asked, key_labels(results.keys.key(slot), self.by))
        ]
        return np.isin(results.slots, meant)


def about(maintenance: Iterable[Silence], known: Mapping[str, str], by: tuple[str, ...]) -> Iterator[
    tuple[Silence, tuple[Matcher, ...]]
]:  # fmt: skip
    """The maintenance that may be about a monitor, with what it asks of its keys.

    Args:
        maintenance: all that is declared.
        known: the labels that are the same for all keys of the monitor.
        by: the fields of its keys.
    """
    of_key = {"key", *(name for name in by if name not in known)}
    for silence in maintenance:
        if any(matcher.label in UNKNOWN for matcher in silence.matchers):
            continue
        asked = tuple(matcher for matcher in silence.matchers if matcher.label in of_key)
        if all_hold((matcher for matcher in silence.matchers if matcher not in asked), known):
            yield silence, asked


def spans(silence: Silence, first: int, last: int) -> Iterator[tuple[int, int]]:
    """When it holds between two moments: beginnings and ends, in order."""
    now = first
    while now <= last:
        span = silence.span(now)
        if span is None:
            following = silence.next_change(now)
            if following is None:
                return
            now = following
            continue
        yield span[0], FOREVER if span[1] is None else span[1]
        if span[1] is None:
            return
        now = span[1]


def pieces(results: WindowResults) -> Iterator[tuple[int, int]]:
    """Cuts after which no key comes twice: what its incident becomes is known before its next result."""
    seen: set[int] = set()
    begin = 0
    for row, slot in enumerate(results.slots.tolist()):
        if slot in seen:
            yield begin, row
            begin, seen = row, set()
        seen.add(slot)
    yield begin, len(results)


def part(results: WindowResults, begin: int, end: int) -> WindowResults:
    """Rows ``begin`` to ``end``, in a step of their own."""
    if (begin, end) == (0, len(results)):
        return results
    arrays: dict[str, IntArray | BoolArray | None] = {}
    for name in _BY_ROW:
        column = getattr(results, name)
        arrays[name] = None if column is None else column[begin:end]
    return replace(
        results,
        columns={name: column.part(begin, end) for name, column in results.columns.items()},
        previous={name: column.part(begin, end) for name, column in results.previous.items()},
        **arrays,  # type: ignore[arg-type]
    )


_BY_ROW = (
    "slots", "starts", "ends", "at", "offsets", "early", "partial", "positions", "rows", "before", "closing",
    "retracted", "apart",
)  # fmt: skip


def _apart(results: WindowResults, apart: BoolArray) -> WindowResults:
    if not apart.any():
        return results
    return replace(results, apart=apart if results.apart is None else apart | results.apart)
