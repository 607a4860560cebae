"""What each key holds of values: the last one (``change``), and all that were seen (``new_term``).

Values come as numbers: codes within a step, or 64-bit hashes that are the same in every process.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner, kernel

UNSEEN = np.iinfo(np.int64).min

USED, FREE = range(2)
"""Where ``Terms.counts`` keeps: entries ever used, entries free again."""

LEARNED, NEW = range(2)
"""Kinds of answers."""


@kernel
def changed(
    rows: NDArray[Any],
    slots: NDArray[Any],
    times: NDArray[Any],
    codes: NDArray[Any],
    held: NDArray[Any],
    seen: NDArray[Any],
    out: NDArray[Any],
    within: int,
) -> int:
    """Find the records whose value differs from the key's last one; returns how many.

    Args:
        rows: int64[m], the records that have a value, as indices into the two that follow.
        slots, times: int32[n] (all ≥ 0), int64[n].
        codes: int64[m], equal where values are.
        held, seen: int64[S] each, the code and the time of each key's last value; changed in place.
        out: int64[m, 3]: row, code before, time before.
        within: microseconds after which a change is none any more; 0 = never.
    """
    told = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        slot, t = slots[row], times[row]
        if seen[slot] != UNSEEN and t < seen[slot]:
            continue  # older than what is known: it says nothing about now
        if seen[slot] != UNSEEN and codes[i] != held[slot] and (within == 0 or t - seen[slot] <= within):
            out[told, 0], out[told, 1], out[told, 2] = row, held[slot], seen[slot]
            told += 1
        held[slot], seen[slot] = codes[i], t
    return told


class Terms(NamedTuple):
    """The values known of each key: per slot, a list of entries; all entries, found by hash."""

    since: NDArray[np.int64]  # [S], UNSEEN = no record yet
    known: NDArray[np.int32]  # [S], entries held
    head: NDArray[np.int32]  # [S], first entry of the slot, -1 = none
    slot: NDArray[np.int32]  # [R], -1 = free
    hash: NDArray[np.int64]  # [R]
    last: NDArray[np.int64]  # [R], when seen last
    after: NDArray[np.int32]  # [R], the slot's next entry
    chain: NDArray[np.int32]  # [R], next entry of the bucket
    free: NDArray[np.int32]  # [R]
    buckets: NDArray[np.int32]  # [a power of two], first entry, -1 = none
    counts: NDArray[np.int64]


@inner
def bucket_of(terms: Terms, slot: int, code: int) -> int:
    """Where an entry hangs."""
    return int((int(code) ^ (int(slot) << 17) ^ int(slot)) & (terms.buckets.shape[0] - 1))


@inner
def find(terms: Terms, slot: int, code: int) -> int:
    """The entry of that value; -1 = not known."""
    e = terms.buckets[bucket_of(terms, slot, code)]
    while e >= 0 and (terms.slot[e] != slot or terms.hash[e] != code):
        e = terms.chain[e]
    return int(e)


@inner
def hang(terms: Terms, e: int) -> None:
    """Put an entry into its bucket and its slot's list."""
    slot = terms.slot[e]
    b = bucket_of(terms, slot, terms.hash[e])
    terms.chain[e] = terms.buckets[b]
    terms.buckets[b] = e
    terms.after[e] = terms.head[slot]
    terms.head[slot] = e
    terms.known[slot] += 1


@inner
def unhang(terms: Terms, e: int) -> None:
    """Take an entry out of its bucket; the slot's list is the caller's."""
    b = bucket_of(terms, terms.slot[e], terms.hash[e])
    x = terms.buckets[b]
    if x == e:
        terms.buckets[b] = terms.chain[e]
    else:
        while terms.chain[x] != e:
            x = terms.chain[x]
        terms.chain[x] = terms.chain[e]
    terms.slot[e] = -1
    terms.free[terms.counts[FREE]] = e
    terms.counts[FREE] += 1


@inner
def make_way(terms: Terms, slot: int) -> None:
    """Forget the slot's value that was unseen the longest; of several, that of the smallest hash."""
    oldest = terms.head[slot]
    before_oldest = -1
    before = oldest
    e = terms.after[oldest]
    while e >= 0:
        older = terms.last[e] < terms.last[oldest]
        if older or (terms.last[e] == terms.last[oldest] and terms.hash[e] < terms.hash[oldest]):
            oldest, before_oldest = e, before
        before = e
        e = terms.after[e]
    if before_oldest < 0:
        terms.head[slot] = terms.after[oldest]
    else:
        terms.after[before_oldest] = terms.after[oldest]
    terms.known[slot] -= 1
    unhang(terms, oldest)


@kernel
def take_in(
    first: int,
    rows: NDArray[Any],
    slots: NDArray[Any],
    times: NDArray[Any],
    codes: NDArray[Any],
    terms: Terms,
    limits: NDArray[Any],
    out: NDArray[Any],
    told: NDArray[Any],
) -> int:
    """Take in values from index ``first`` of ``rows`` on; returns the index at which there was no room (m = done).

    Args:
        first: where to begin.
        rows: int64[m], the records that have a value, as indices into the two that follow.
        slots, times: int32[n] (all ≥ 0), int64[n].
        codes: int64[m], hashes of the values.
        terms: changed in place.
        limits: int64[3]: microseconds of learning, microseconds after which a value is new again, values per key.
        out: int64[m, 3]: kind, row, values known before.
        told: int64[1], rows of ``out`` written.
    """
    learn, forget, most = limits[0], limits[1], limits[2]
    for i in range(first, rows.shape[0]):
        row = rows[i]
        slot, t, code = slots[row], times[row], codes[i]
        if terms.slot.shape[0] - terms.counts[USED] + terms.counts[FREE] < 1:
            return int(i)
        if terms.since[slot] == UNSEEN:
            terms.since[slot] = t
        e = find(terms, slot, code)
        if e >= 0 and t - terms.last[e] <= forget:
            terms.last[e] = max(terms.last[e], t)
            continue
        out[told[0], 0] = LEARNED if t - terms.since[slot] < learn else NEW
        out[told[0], 1], out[told[0], 2] = row, terms.known[slot]
        told[0] += 1
        if e >= 0:
            terms.last[e] = t
            continue
        if terms.known[slot] >= most:
            make_way(terms, slot)
        if terms.counts[FREE] > 0:
            terms.counts[FREE] -= 1
            e = int(terms.free[terms.counts[FREE]])
        else:
            e = int(terms.counts[USED])
            terms.counts[USED] += 1
        terms.slot[e], terms.hash[e], terms.last[e] = slot, code, t
        hang(terms, e)
    return int(rows.shape[0])


@kernel
def rebuild(terms: Terms) -> None:
    """Hang all entries anew, after the columns have grown or were restored; buckets and lists are empty before."""
    for e in range(terms.counts[USED]):
        if terms.slot[e] >= 0:
            hang(terms, e)


@kernel
def drop(slots: NDArray[Any], terms: Terms) -> None:
    """Forget all that is known of ``slots`` (int64[m], each within the columns)."""
    for i in range(slots.shape[0]):
        slot = slots[i]
        e = terms.head[slot]
        while e >= 0:
            following = terms.after[e]
            unhang(terms, e)
            e = following
        terms.head[slot], terms.known[slot], terms.since[slot] = -1, 0, UNSEEN
