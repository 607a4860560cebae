"""What session windows remember: the open sessions as plain columns, and how they grow and come back."""

from __future__ import annotations

import numpy as np

from streamgauge.kernels import session_pool
from streamgauge.kernels import session_windows as kernels
from streamgauge.kernels.aggregate import FIRST, LAST
from streamgauge.kernels.time_windows import ENTRIES, FREE, FREE_ENTRIES, FREE_ENTRY, SEEN, USED
from streamgauge.keys import KeySlots
from streamgauge.state import Tables, grown
from streamgauge.windows.aggregates import Aggregates
from streamgauge.windows.collected.sessions import Fragments
from streamgauge.windows.time_window import COLLECT_AT

_PLAIN = ("slot", "part", "start", "end", "link", "offset", "seen")
_ENTRY = {"row": "set_row", "op": "set_op", "code": "set_code"}


class SessionWindowState:
    """The open sessions; see :class:`streamgauge.kernels.session_pool.SessionPool`."""

    version = 1

    def __init__(self, aggregates: Aggregates, gap: int) -> None:
        self.fragments = Fragments(aggregates.collections, gap)
        ordered = bool(np.isin(aggregates.ops[:, 0], (FIRST, LAST)).any())
        self.pool = _new_pool(aggregates.width, aggregates.width if ordered else 0)
        self.texts = KeySlots(limit=2**31)
        self.collect_at = COLLECT_AT

    def tables(self) -> Tables:
        """Rows, set entries, counters and the texts that codes stand for."""
        pool = self.pool
        rows, entries = int(pool.counts[USED]), int(pool.counts[ENTRIES])
        return {
            **({"objects": self.fragments.table()} if self.fragments.used else {}),
            "rows": {
                **{name: getattr(pool, name)[:rows] for name in _PLAIN},
                **{f"sum{c}": pool.sums[:rows, c] for c in range(pool.sums.shape[1])},
                **{f"order{c}": pool.order[:rows, c] for c in range(pool.order.shape[1])},
            },
            "entries": {name: getattr(pool, column)[:entries] for name, column in _ENTRY.items()},
            "texts": {"text": self.texts.texts()},
            "read": {"records": pool.counts[SEEN : SEEN + 1]},
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved rows and rebuild what follows from them."""
        rows, entries = tables["rows"], tables["entries"]
        used, sets = len(rows["slot"]), len(entries["row"])
        texts = list(tables["texts"]["text"])
        self.texts.restore(texts, np.zeros(len(texts), np.int64))
        head = int(max(rows["slot"].max(initial=-1) + 1, 0))
        pool = roomier(self.pool, rows=used, slots=head, entries=sets)
        for name in _PLAIN:
            getattr(pool, name)[:used] = rows[name]
        for c in range(pool.sums.shape[1]):
            pool.sums[:used, c] = rows[f"sum{c}"]
        for c in range(pool.order.shape[1]):
            pool.order[:used, c] = rows[f"order{c}"]
        for name, column in _ENTRY.items():
            getattr(pool, column)[:sets] = entries[name]
        pool.counts[SEEN] = tables["read"]["records"][0]
        pool.counts[USED], pool.counts[ENTRIES] = used, sets
        self.pool = _relinked(pool)
        if "objects" in tables:
            self.fragments.restore(tables["objects"])


def roomier(
    pool: session_pool.SessionPool, *, rows: int = 0, slots: int = 0, entries: int = 0
) -> session_pool.SessionPool:
    """``pool`` with room for that many rows, slots and set entries."""
    if rows > len(pool.slot):
        own = (*_PLAIN, "sums", "order", "next", "entry", "mark", "free")
        pool = pool._replace(**{name: grown(getattr(pool, name), rows, -1) for name in own})
    if slots > len(pool.head):
        pool = pool._replace(head=grown(pool.head, slots, -1))
    if entries > len(pool.set_row):
        names = ("set_row", "set_op", "set_code", "set_next", "set_row_next")
        pool = pool._replace(**{name: grown(getattr(pool, name), entries, -1) for name in names})
        pool = _relinked(pool._replace(buckets=np.full(len(pool.set_row), -1, np.int32)))
    return pool


def _new_pool(width: int, ordered: int) -> session_pool.SessionPool:
    counts = np.zeros(8, np.int64)
    counts[session_pool.EARLIEST] = np.iinfo(np.int64).max // 2
    counts[FREE_ENTRY] = -1
    small, large = np.full(64, -1, np.int32), np.zeros(64, np.int64)
    return session_pool.SessionPool(
        slot=small.copy(), part=small.copy(), start=large.copy(), end=large.copy(), link=large.copy(),
        sums=np.zeros((64, width)), order=np.full((64, ordered), -1, np.int64), offset=large.copy(),
        seen=large - 1, next=small.copy(), entry=small.copy(), mark=small.copy(), free=small.copy(),
        head=small.copy(), set_row=small.copy(), set_op=small.copy(), set_code=large.copy(),
        set_next=small.copy(), set_row_next=small.copy(), buckets=small.copy(), counts=counts,
    )  # fmt: skip


def _relinked(pool: session_pool.SessionPool) -> session_pool.SessionPool:
    """``pool`` with its chains, buckets and free lists made anew from its rows."""
    used = int(pool.counts[USED])
    size = 1 << max(6, (len(pool.set_row) - 1).bit_length())
    pool = pool._replace(buckets=np.full(size, -1, np.int32))
    pool.head[:], pool.entry[:] = -1, -1
    free = np.nonzero(pool.slot[:used] < 0)[0]
    pool.free[: len(free)] = free
    pool.counts[FREE] = len(free)
    pool.counts[FREE_ENTRY], pool.counts[FREE_ENTRIES] = -1, 0
    live = np.nonzero(pool.slot[:used] >= 0)[0]
    pool.counts[session_pool.EARLIEST] = pool.end[live].min(initial=np.iinfo(np.int64).max // 2)
    kernels.relink(pool, live[np.lexsort((live, pool.end[live]))])
    return pool
