"""The order over partitions: running event time, then partition, then offset; who holds whom up."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgauge.batch import BadRecord, Batch, Column, Partition
from streamgauge.engines.running.merge import Merger, Round
from streamgauge.engines.running.round import split_order

A, B, C = (Partition("t", number) for number in range(3))


def batch(
    partition: Partition, times: Sequence[int], *, first: int = 0, bad: Sequence[int] = (), step: int = 1
) -> Batch:
    offsets = np.arange(first, first + step * len(times), step, dtype=np.int64)
    records = tuple(BadRecord(partition, offset, "broken", b"", 0) for offset in bad)
    upto = max([first, *(offsets + 1).tolist(), *(offset + 1 for offset in bad)])
    names = Column("string", values=[f"{partition.number}.{offset}" for offset in offsets.tolist()])
    return Batch("s", partition, offsets, np.array(times, np.int64), {"name": names}, upto, records)


def names(merger: Merger[Partition], limit: int | None = None, **how: bool) -> list[str]:
    """What goes now, in order."""
    taken = merger.take(limit, **how)
    if taken is None:
        return []
    joined = [name for _, part in taken.batches for name in part.columns["name"].values()]
    return [joined[i] for i in taken.order.tolist()]


def merger(*parts: Partition) -> Merger[Partition]:
    made: Merger[Partition] = Merger()
    for part in parts:
        made.attach(part)
    return made


def test_by_running_time_then_partition_then_offset():
    made = merger(A, B)
    made.add(A, batch(A, [5, 3, 9]))
    made.add(B, batch(B, [4, 5, 6]))
    made.done(A)
    made.done(B)
    assert names(made) == ["1.0", "0.0", "0.1", "1.1", "1.2", "0.2"]


def test_one_whose_next_record_is_unknown_holds_the_others_at_its_time():
    made = merger(A, B)
    made.add(A, batch(A, [1, 2, 3, 8]))
    assert names(made) == [], "nothing of B is known"
    made.add(B, batch(B, [2]))
    assert names(made) == ["0.0", "0.1", "1.0"], "B may bring another 2 or later"
    assert made.holding() == [B]
    made.done(B)
    assert names(made) == ["0.2", "0.3"]


def test_equal_times_wait_for_the_partition_that_comes_first():
    made = merger(A, B)
    made.add(B, batch(B, [2, 2]))
    made.add(A, batch(A, [2]))
    assert names(made) == ["0.0"], "A may bring another 2, which comes before B's"
    made.done(A)
    assert names(made) == ["1.0", "1.1"]


def test_waiting_for_nobody():
    made = merger(A, B)
    made.add(A, batch(A, [1, 2]))
    assert names(made, all_of_it=True) == ["0.0", "0.1"]


def test_at_most_so_many():
    made = merger(A)
    made.add(A, batch(A, [1, 2, 3]))
    made.done(A)
    assert [names(made, 2), names(made, 2), names(made, 2)] == [["0.0", "0.1"], ["0.2"], []]


def test_a_partition_that_is_gone_holds_nobody():
    made = merger(A, B)
    made.add(A, batch(A, [1, 2]))
    made.detach(B)
    assert names(made) == ["0.0", "0.1"]


def bad(taken: Round[Partition] | None) -> list[int]:
    return [] if taken is None else [record.offset for _, part in taken.batches for record in part.bad]


def test_bad_records_go_with_the_good_one_before_them():
    made = merger(A)
    made.add(A, batch(A, [1, 5], first=0, step=3, bad=[1, 2, 4]))
    made.done(A)
    assert [bad(made.take(1)), bad(made.take(1))] == [[1, 2], [4]]


def test_bad_records_before_the_first_good_one_wait_for_it():
    made = merger(A)
    made.add(A, batch(A, [], bad=[0]))
    assert made.take() is None
    made.add(A, batch(A, [7], first=1))
    assert bad(made.take()) == [0]


def test_bad_records_at_the_head_of_a_later_batch_go_at_the_time_that_was_reached():
    made = merger(A, B)
    made.add(A, batch(A, [5]))
    made.add(B, batch(B, [5, 6]))
    assert names(made) == ["0.0"]
    made.add(A, batch(A, [9], first=3, bad=[1, 2]))
    first, second = made.take(1), made.take(1)
    assert bad(first) == [1, 2], "A's bad ones stand at 5, before B's record of that time"
    assert first is not None
    assert second is not None
    assert (len(first), len(second)) == (0, 1)


def test_batches_of_a_partition_that_is_alone_go_as_they_came():
    made = merger(A)
    made.add(A, batch(A, [], bad=[0]))
    assert made.take() is None, "nothing dates it"
    made.add(A, batch(A, [], first=1, bad=[1]))
    made.add(A, batch(A, [5, 4], first=2))
    made.add(A, batch(A, [7], first=4, bad=[5]))
    first = made.take()
    assert first is not None
    assert (len(first), bad(first)) == (2, [0, 1])
    assert made.waiting() == {A: 1}
    assert names(made) == ["0.4"]
    made.add(A, batch(A, [8, 9, 1], first=6))
    assert (names(made, 2), names(made, 2), names(made, 2)) == (["0.6", "0.7"], ["0.8"], [])


def test_bad_records_alone_come_with_the_end():
    made = merger(A)
    made.add(A, batch(A, [], bad=[0]))
    made.done(A)
    assert bad(made.take()) == [0]


@given(
    times=st.lists(st.lists(st.integers(0, 9), max_size=8), min_size=1, max_size=3),
    cut=st.integers(1, 4),
    limit=st.integers(1, 5),
)
@settings(max_examples=150, deadline=None)
def test_any_pieces_give_one_order(times: list[list[int]], cut: int, limit: int):
    parts = [Partition("t", number) for number in range(len(times))]
    running = [np.maximum.accumulate(mine).tolist() if mine else [] for mine in times]
    expected = [
        f"{number}.{offset}"
        for _, number, offset in sorted(
            (time, number, offset) for number, mine in enumerate(running) for offset, time in enumerate(mine)
        )
    ]
    made = merger(*parts)
    found: list[str] = []
    for start in range(0, 9, cut):
        for part, mine in zip(parts, times, strict=True):
            if mine[start : start + cut]:
                made.add(part, batch(part, mine[start : start + cut], first=start))
            if len(mine) <= start + cut:
                made.done(part)
        while piece := names(made, limit):
            found += piece
    assert found == expected


@pytest.mark.parametrize("order", [[0, 1, 2, 3, 4], [4, 2, 0, 1, 3], [3, 4, 0, 2, 1]])
def test_a_merged_order_splits_into_that_of_each_stream(order: list[int]):
    streams, lengths = ["x", "y", "x"], [2, 2, 1]
    rows = ["x0", "x1", "y0", "y1", "x2"]
    split = split_order(streams, lengths, np.array(order))
    own = {"x": ["x0", "x1", "x2"], "y": ["y0", "y1"]}
    for name, mine in split.items():
        assert [own[name][i] for i in mine.tolist()] == [rows[i] for i in order if rows[i][0] == name]
