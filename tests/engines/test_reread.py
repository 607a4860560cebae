"""After a damage: what was told before goes ahead, the rest waits, in the order in which it was read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamgauge.batch import BadRecord, Batch, Column, Partition
from streamgauge.engines.embedded.intake import Taken
from streamgauge.engines.embedded.reread import MOST_WAITING, PATIENCE, Rereading

A, B, C = (Partition("t", number) for number in range(3))
ENDS = {"s": {A: 10, B: 5}}


def batch(partition: Partition, offsets: Sequence[int], *, upto: int, bad: Sequence[int] = ()) -> Batch:
    names = Column("string", values=[f"{partition.number}.{offset}" for offset in offsets])
    records = tuple(BadRecord(partition, offset, "broken", None, 0) for offset in bad)
    places = np.array(offsets, np.int64)
    return Batch("s", partition, places, places, {"name": names}, upto, records)


def names(taken: Taken) -> list[str]:
    joined = [name for part in taken.batches for name in part.columns["name"].values()]
    return joined if taken.order is None else [joined[i] for i in taken.order.tolist()]


def rereading(**starts: int) -> Rereading:
    places = {A: starts.get("a", 10), B: starts.get("b", 5)}
    return Rereading({"s": places}, ENDS, at=0.0)


def test_nothing_is_read_again_where_no_partition_is_behind():
    assert not rereading().needed
    assert rereading(a=3).needed


def test_a_batch_is_cut_where_the_last_commit_left_off_and_its_bad_records_with_it():
    way = rereading(a=7)
    whole = batch(A, [7, 9, 12], upto=14, bad=[8, 11])
    (known,) = way.admit("s", [Taken([whole])], at=1.0)
    assert names(known) == ["0.7", "0.9"]
    assert known.batches[0].next_offset == 10
    assert [bad.offset for bad in known.batches[0].bad] == [8]
    (rest,) = way.rest()
    assert rest[0] == "s"
    assert names(rest[1]) == ["0.12"]
    assert rest[1].batches[0].next_offset == 14
    assert [bad.offset for bad in rest[1].batches[0].bad] == [11]


def test_a_merged_order_is_kept_on_both_sides():
    way = rereading(a=8)
    both = [batch(A, [8, 9, 10], upto=11), batch(B, [5, 6], upto=7)]
    order = np.array([3, 0, 4, 1, 2], np.int64)  # b5 a8 b6 a9 a10
    (known,) = way.admit("s", [Taken(both, order)], at=1.0)
    assert names(known) == ["0.8", "0.9"]
    ((_, rest),) = way.rest()
    assert names(rest) == ["1.5", "1.6", "0.10"]


def test_partitions_and_streams_that_the_commit_did_not_know_wait_whole():
    way = rereading(a=8)
    assert list(way.admit("s", [Taken([batch(C, [3, 4], upto=5)])], at=1.0)) == []
    assert list(way.admit("other", [Taken([batch(A, [0], upto=1)])], at=1.0)) == []
    assert [(stream, names(taken)) for stream, taken in way.rest()] == [
        ("s", ["2.3", "2.4"]),
        ("other", ["0.0"]),
    ]


def test_a_gap_across_the_end_still_brings_the_partition_there():
    way = rereading(a=8)
    (known,) = way.admit("s", [Taken([batch(A, [12], upto=13)])], at=1.0)
    assert len(known.batches[0]) == 0
    assert way.over({"s": {A: known.batches[0].next_offset}})


def test_it_is_over_when_all_that_were_behind_have_come_there():
    way = rereading(a=8, b=2)
    assert not way.over({"s": {A: 10, B: 4}})
    assert not way.over({"s": {A: 10}})
    assert way.over({"s": {A: 10, B: 5}})


def test_the_rest_is_given_up_when_nothing_of_it_comes_or_too_much_waits():
    way = rereading(a=8)
    assert not way.hopeless(PATIENCE)
    assert way.hopeless(PATIENCE + 1)
    list(way.admit("s", [Taken([batch(A, [8], upto=9)])], at=50.0))
    assert not way.hopeless(PATIENCE + 1)
    list(way.admit("s", [Taken([batch(B, range(5, 6 + MOST_WAITING), upto=6 + MOST_WAITING)])], at=50.0))
    assert way.hopeless(51.0)
