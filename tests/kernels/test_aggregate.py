"""One accumulator row: adding values, merging rows, and what is missing."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.kernels import aggregate as op

OPS = np.array(
    [(op.ROWS, 0, -1), (op.COUNT, 1, 0), (op.SUM, 2, 0), (op.MIN, 3, 0), (op.MAX, 4, 0), (op.FIRST, 5, 0),
     (op.LAST, 6, 0), (op.VARIANCE, 7, 0)],
    np.int64,
)  # fmt: skip
WIDTH = 10
numbers = st.one_of(st.just(math.nan), st.floats(-1e9, 1e9))


def row_of(values: list[float]) -> np.ndarray:
    table = np.empty((1, WIDTH))
    op.reset(table, 0, OPS)
    with np.errstate(all="ignore"):
        for i in range(len(values)):
            op.add(table, 0, OPS, np.array([values]), i)
    row: np.ndarray = table[0]
    return row


def merge(into: np.ndarray, row: np.ndarray) -> None:
    op.merge(into[np.newaxis], 0, row[np.newaxis], 0, OPS)


def same(a: float, b: float | None) -> bool:
    return math.isnan(a) if b is None else a == b


@given(st.lists(numbers, max_size=12))
def test_adding(values: list[float]):
    row, known = row_of(values), [v for v in values if not math.isnan(v)]
    total = 0.0
    for value in known:
        total += value
    assert (row[0], row[1], row[2]) == (len(values), len(known), total)
    assert same(row[3], min(known, default=None))
    assert same(row[4], max(known, default=None))
    assert same(row[5], known[0] if known else None)
    assert same(row[6], known[-1] if known else None)
    if len(known) > 1:
        assert row[9] / (row[7] - 1) == pytest.approx(statistics.variance(known), rel=1e-6, abs=1e-3)


@given(st.lists(st.lists(numbers, max_size=6), max_size=4))
def test_merging_in_order_is_as_if_all_had_come_to_one(parts: list[list[float]]):
    merged = row_of([])
    for part in parts:
        merge(merged, row_of(part))
    whole = row_of([value for part in parts for value in part])
    exact = [0, 1, 3, 4, 5, 6]
    assert np.array_equal(merged[exact], whole[exact], equal_nan=True)
    assert merged[[2, 8, 9]] == pytest.approx(whole[[2, 8, 9]], rel=1e-6, abs=1e-1)


def test_merging_with_nothing_changes_no_bit():
    row = row_of([0.1, 0.2, 0.7])
    merged = row_of([])
    merge(merged, row)
    merge(merged, row_of([]))
    assert merged.tobytes() == row.tobytes()


def test_infinity_does_not_come_in_but_a_sum_may_get_there():
    assert row_of([1e308, 1e308])[2] == math.inf
