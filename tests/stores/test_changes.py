"""What a log entry holds, and that applying it gives the same state bit for bit."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgauge.state import Tables
from streamgauge.stores.blocks import Part
from streamgauge.stores.changes import Chain, Kept, changes, whole
from tests.stores.given import assert_same, counts

I64 = st.integers(-(2**63), 2**63 - 1)
COLUMNS = {
    "i64": (np.int64, I64),
    "i32": (np.int32, st.integers(-(2**31), 2**31 - 1)),
    "i8": (np.int8, st.integers(-128, 127)),
    "flag": (np.bool_, st.booleans()),
    "f64": (np.float64, st.floats(allow_nan=True, width=64)),
    "text": (object, st.none() | st.text(max_size=5)),
}


def kept(tables: Tables) -> Kept:
    copy = Kept()
    copy.apply(whole(tables))
    return copy


def rows_of(part: Part) -> list[int]:
    return list(part.rows) if part.rows is not None else list(range(part.start, part.length))


def test_nothing_changed_is_nothing_to_write():
    assert changes(kept({"w": counts(1, 2, 0)}), {"w": counts(1, 2, 0)}) == []


def test_only_the_rows_and_columns_that_changed_are_written():
    before, now = counts(1, 2, 3, 4), counts(1, 2, 3, 4)
    now["count"][2] = 30
    (part,) = changes(kept({"w": before}), {"w": now}) or []
    assert (list(part.columns), rows_of(part)) == (["count"], [2])


def test_a_key_is_not_written_again_because_the_numbers_beside_it_moved():
    now = counts(1, 2, 3, 4)
    now["slot"] += 5
    now["key"][1] = '"new"'
    numbers, text = sorted(
        changes(kept({"w": counts(1, 2, 3, 4)}), {"w": now}) or [], key=lambda part: "key" in part.columns
    )
    assert (list(numbers.columns), rows_of(numbers)) == (["slot"], [0, 1, 2, 3])
    assert (list(text.columns), rows_of(text)) == (["key"], [1])


def test_new_rows_are_written_whole_without_their_numbers():
    (part,) = changes(kept({"w": counts(1, 2)}), {"w": counts(1, 2, 3)}) or []
    assert (part.start, part.length, part.rows) == (2, 3, None)
    assert part.columns.keys() == counts().keys()


@pytest.mark.parametrize("value", [np.nan, -0.0, np.inf])
def test_floats_are_compared_by_their_bits(value):
    before = kept({"w": {"x": np.array([value])}})
    assert changes(before, {"w": {"x": np.array([value])}}) == []
    assert changes(before, {"w": {"x": np.array([0.0])}}) != []


@pytest.mark.parametrize(
    "now",
    [
        {"w": counts(1, 2)},
        {"w": counts(1, 2, 3), "more": counts(1)},
        {},
        {"w": {**counts(1, 2, 3), "more": np.zeros(3)}},
        {"w": {**counts(1, 2, 3), "count": np.zeros(3, np.int32)}},
    ],
    ids=["fewer rows", "another table", "a table gone", "another column", "another type"],
)
def test_what_a_log_cannot_say_asks_for_a_snapshot(now):
    assert changes(kept({"w": counts(1, 2, 3)}), now) is None


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match=r"of table 'w' must be of one length: {'a': 1, 'b': 2}"):
        whole({"w": {"a": np.zeros(1), "b": np.zeros(2)}})


def test_the_copy_is_a_copy():
    table = counts(1, 2, 3)
    copy = kept({"w": table})
    table["count"][:] = 9
    table["key"][:] = "x"
    assert_same(copy.view(), {"w": counts(1, 2, 3)})


@pytest.mark.parametrize(
    ("snapshot", "log", "outgrown"),
    [
        (10, 64 * 1024, False),
        (10, 64 * 1024 + 1, True),
        (10**6, 4 * 10**6, False),
        (10**6, 4 * 10**6 + 1, True),
    ],
)
def test_a_log_is_folded_when_it_outgrows_its_snapshot_and_a_floor(snapshot, log, outgrown):
    assert Chain(snapshot_bytes=snapshot, log_bytes=log).outgrown is outgrown


@st.composite
def tables(draw, at_least):
    made: dict[str, Any] = {}
    for name, least in at_least.items():
        n = draw(st.integers(least, least + 4))
        made[name] = {
            column: np.array(draw(st.lists(values, min_size=n, max_size=n)), dtype)
            for column, (dtype, values) in COLUMNS.items()
        }
    return made


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_evolution_of_tables_is_followed_bit_for_bit(data):
    now = data.draw(tables({"a": 0, "b": 0}))
    copy = kept(now)
    for _ in range(4):
        lengths = {name: len(table["i64"]) for name, table in now.items()}
        later = data.draw(tables(lengths))
        for name, table in later.items():  # most rows stay as they are
            stays = [i for i in range(lengths[name]) if data.draw(st.booleans())]
            for column in table:
                table[column][stays] = now[name][column][stays]
        parts = changes(copy, later)
        assert parts is not None
        copy.apply(parts)
        assert_same(copy.view(), later)
        assert changes(copy, later) == []
        now = later
