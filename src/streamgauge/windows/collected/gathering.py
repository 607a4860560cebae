"""Brings the records of a batch to the objects of their windows: grouped once, each object fed with an array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamgauge.batch import Column, FloatArray, IntArray, SlotArray
from streamgauge.expressions import Expression
from streamgauge.kernels.time_windows import DISTINCT_LIMIT, ENTRIES, USED, Pool
from streamgauge.keys import KeySlots
from streamgauge.windows.collected.contract import Collector
from streamgauge.windows.collected.held import Held, Objects, Place
from streamgauge.windows.collected.tally import BinCounts
from streamgauge.windows.contract import Rows


@dataclass(frozen=True, slots=True)
class Collection:
    """One kind of object that each window holds.

    Attributes:
        collector: what takes the values in.
        argument: what is collected, per record; None where the collector reads several fields.
        column: the accumulator column that says which finished object belongs to a result.
        beyond: of a ``distinct`` that this goes on for: its number among the operations, its accumulator column
            and its row of codes; else None.
        text: what is collected, in words that tell it from others.
    """

    collector: Collector
    argument: Expression | None
    column: int
    beyond: tuple[int, int, int] | None = None
    text: str = ""


def values_of(collection: Collection, columns: Mapping[str, Column], length: int) -> Any:
    """[length]: float64 where the collector takes numbers, else Python values, None where missing.

    Where it reads several fields: what it makes of them.
    """
    if isinstance(collection.collector, BinCounts):
        return collection.collector.read(columns, length)
    assert collection.argument is not None
    column = collection.argument.evaluate(columns, length)
    if collection.collector.takes == "numbers":
        return column.numbers()
    if collection.argument.kind == "float":
        column = Column("float", numbers=column.numbers())  # a whole number among them is a double, too
    values = np.empty(length, object)
    values[:] = column.values()
    return values


def fed(values: Any) -> Any:
    """As a collector takes it: an array of numbers, a list of values, or what it made itself."""
    return values.tolist() if isinstance(values, np.ndarray) and values.dtype == object else values


def windows_of(rows: Rows, parts: SlotArray, size: int, advance: int) -> Iterator[tuple[Place, IntArray]]:
    """The (slot, part, start) of each window that records count in, with those records in their order.

    The same rule as the loop of :mod:`streamgauge.kernels.time_windows`: late records are passed over.
    """
    newest = rows.times // advance * advance
    records, starts = [], []
    for back in range(0, size + advance - 1, advance):
        start = newest - back
        inside = (rows.slots >= 0) & (start > rows.times - size) & (start + size > rows.before)
        index = np.nonzero(inside)[0]
        records.append(index)
        starts.append(start[index])
    record, start = np.concatenate(records), np.concatenate(starts)
    slot, part = rows.slots[record], parts[record]
    order = np.lexsort((record, part, start, slot))
    record, start, slot, part = record[order], start[order], slot[order], part[order]
    yield from grouped(record, slot, part, start)


def grouped(
    record: IntArray, slot: SlotArray, part: SlotArray, start: IntArray
) -> Iterator[tuple[Place, IntArray]]:
    """Runs of equal (slot, part, start) with their records; all of one length, sorted."""
    if not len(record):
        return
    fresh = (slot[1:] != slot[:-1]) | (start[1:] != start[:-1]) | (part[1:] != part[:-1])
    edges = [0, *(np.nonzero(fresh)[0] + 1).tolist(), len(record)]
    heads = np.array(edges[:-1])
    places = zip(slot[heads].tolist(), part[heads].tolist(), start[heads].tolist(), strict=True)
    for place, low, high in zip(places, edges[:-1], edges[1:], strict=True):
        yield place, record[low:high]


def plain_values(collections: Sequence[Collection], rows: Rows) -> dict[int, Any]:
    """The values of each collection that takes them in from a window's first record on, by its number."""
    return {
        c: values_of(each, rows.columns, len(rows))
        for c, each in enumerate(collections)
        if each.beyond is None
    }


def feed(
    held: Held,
    collections: Sequence[Collection],
    place: Place,
    plain: Mapping[int, Any],
    index: IntArray,
) -> None:
    """Count the records at ``index`` into the objects of one window."""
    objects = held.at(place)
    for c, values in plain.items():
        if objects[c] is None:
            objects[c] = collections[c].collector.start()
        collections[c].collector.add(objects[c], fed(values[index]))


def gather(
    held: Held,
    collections: Sequence[Collection],
    groups: Iterator[tuple[Place, IntArray]],
    plain: Mapping[int, Any],
    codes: IntArray,
    texts: KeySlots,
) -> None:
    """Count the records of ``groups`` into the objects of their windows.

    ``plain``: see :func:`plain_values`. ``codes`` (int64[D, n]) and ``texts`` tell the values of ``distinct``: needed where it goes on as an estimate.
    """
    for place, index in groups:
        if plain:
            feed(held, collections, place, plain, index)
        for c, each in enumerate(collections):
            if each.beyond and held.has_begun(c, place[0], place[2]):
                _go_on(held.at(place), c, each, codes, index, texts)


def _go_on(
    objects: Objects, c: int, each: Collection, codes: IntArray, index: IntArray, texts: KeySlots
) -> None:
    assert each.beyond is not None
    assert each.argument is not None
    if objects[c] is None:
        objects[c] = each.collector.start()
    different = np.unique(codes[each.beyond[2]][index])
    each.collector.add(objects[c], _decoded(different, each.argument.kind, texts))


def spill(
    held: Held, collections: Sequence[Collection], pool: Pool, texts: KeySlots, partitions: int
) -> None:
    """Begin an estimate for each window whose exact ``distinct`` has come to its bound.

    It is begun with the values that the window's parts know exactly; :func:`gather` adds the batch's own. Which
    windows these are does not depend on where batches end, nor on the order of partitions: what is summed
    over parts is exact until one of them is full, and then it is at the bound.
    """
    used = int(pool.counts[USED])
    for c, each in enumerate(collections):
        if each.beyond is None:
            continue
        assert each.argument is not None
        operation, column, _ = each.beyond
        counts = np.where(pool.slot[:used] >= 0, pool.sums[:used, column], 0.0)
        for row in np.nonzero(counts >= DISTINCT_LIMIT / max(1, partitions))[0].tolist():
            slot, start = int(pool.slot[row]), int(pool.start[row])
            if held.has_begun(c, slot, start):
                continue
            mine = np.nonzero((pool.slot[:used] == slot) & (pool.start[:used] == start))[0]
            if counts[mine].sum() < DISTINCT_LIMIT:
                continue
            held.begin(c, slot, start)
            entries = int(pool.counts[ENTRIES])
            known = (pool.set_op[:entries] == operation) & np.isin(pool.set_row[:entries], mine)
            sketch = each.collector.start()
            each.collector.add(sketch, _decoded(pool.set_code[:entries][known], each.argument.kind, texts))
            held.at((slot, int(pool.part[row]), start))[c] = sketch


def _decoded(codes: IntArray, kind: str, texts: KeySlots) -> list[Any]:
    """The values that codes of ``distinct`` stand for, once each; numbers stay their bits."""
    known = codes[codes != np.iinfo(np.int64).min].tolist()
    return [texts.key(code) for code in known] if kind == "string" else known


def finish(
    held: Held, collections: Sequence[Collection], places: tuple[SlotArray, SlotArray, IntArray]
) -> list[Objects]:
    """The objects of closed windows, merged over their parts and no longer held.

    ``places``: slots, parts and starts by (start, slot, part); one list of objects per (start, slot).
    """
    finished: list[Objects] = []
    last: tuple[int, int] | None = None
    for slot, part, start in zip(*(column.tolist() for column in places), strict=True):
        objects = held.take((slot, part, start)) or [None] * len(collections)
        if (slot, start) != last:
            finished.append(objects)
            last = slot, start
            held.end(slot, start)
        else:
            join(finished[-1], objects, collections)
    return finished


def join(into: Objects, others: Objects, collections: Sequence[Collection]) -> None:
    """Merge ``others`` into ``into``, each into its like."""
    for c, other in enumerate(others):
        if into[c] is None:
            into[c] = other
        elif other is not None:
            collections[c].collector.merge(into[c], other)


def point(
    sums: FloatArray, collections: Sequence[Collection], finished: Sequence[Objects], first: int = 0
) -> None:
    """Let each accumulator row point at its finished objects, which lie from ``first`` on in the order of rows."""
    for c, each in enumerate(collections):
        known = [objects[c] is not None for objects in finished[first:]]
        numbers = np.arange(first, first + len(known), dtype=np.float64)
        sums[:, each.column] = np.where(known, numbers, np.nan)


def copied(objects: Objects | None, collections: Sequence[Collection]) -> Objects:
    """Objects of their own that hold the same."""
    if objects is None:
        return [None] * len(collections)
    pairs = zip(objects, collections, strict=True)
    return [
        None if held is None else each.collector.unpack(each.collector.pack(held)) for held, each in pairs
    ]
