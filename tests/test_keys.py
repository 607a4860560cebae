"""Keys and their slots."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.batch import NO_KEY, Coded, Column
from streamgauge.keys import OTHER, KeySlots, key_from_text, key_label, key_text


def test_each_key_has_one_slot_and_missing_ones_have_none():
    keys = KeySlots()
    some: list[Any] = ["a", "b", None, "a", ("x", None), ("x", 1)]
    assert keys.slots(some).tolist() == [0, 1, NO_KEY, 0, NO_KEY, 2]
    assert [keys.key(slot) for slot in (0, 1, 2, NO_KEY)] == ["a", "b", ("x", 1), None]
    assert (len(keys), keys.known) == (3, 3)


def test_finding_never_gives_a_slot():
    keys = KeySlots()
    assert keys.find("a") is None
    assert len(keys) == 0
    keys.slots(["a"])
    assert keys.find("a") == 0


def test_without_grouping_there_is_one_key():
    keys = KeySlots()
    assert keys.whole(3).tolist() == [0, 0, 0]
    assert keys.key(0) is None
    assert keys.find(None) == 0


def test_slots_of_forgotten_keys_are_used_again():
    keys = KeySlots()
    keys.touch(keys.slots(["a", "b"]), np.array([5, 6]))
    keys.forget([0])
    assert keys.find("a") is None
    assert keys.live().tolist() == [1]
    assert keys.last_seen[0] == np.iinfo(np.int64).min
    assert keys.slots(["c"]).tolist() == [0]
    assert keys.texts().tolist() == ['"c"', '"b"']


def test_when_keys_were_last_seen_is_the_largest_time():
    keys = KeySlots()
    slots = keys.slots(["a", None, "a", "b"])
    keys.touch(slots, np.array([7, 99, 3, 4]))
    assert keys.last_seen[:2].tolist() == [7, 4]


def test_beyond_the_limit_new_keys_are_pooled_and_known_ones_stay():
    keys = KeySlots(limit=2)
    slots = keys.slots(["a", "b", "c", "d", "a"])
    assert [keys.key(slot) for slot in slots.tolist()] == ["a", "b", OTHER, OTHER, "a"]
    assert keys.pooled == 2
    keys.forget([0])
    keys.forget([int(keys.slots([OTHER])[0])])
    assert keys.key(int(keys.slots(["c"])[0])) == "c"


def test_room_grows():
    keys = KeySlots()
    keys.slots([f"k{i}" for i in range(1_000)])
    assert len(keys.last_seen) >= 1_000
    assert keys.last_seen.max() == np.iinfo(np.int64).min


scalars = st.one_of(
    st.text(max_size=5),
    st.integers(-(2**53), 2**53),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)


@given(st.one_of(st.none(), scalars, st.tuples(scalars), st.tuples(scalars, scalars)))
def test_a_key_as_text_reads_back(key: Any):
    assert key_from_text(key_text(key)) == key


@given(st.lists(st.sampled_from("abcdef"), max_size=20), st.lists(st.integers(0, 5), max_size=4))
def test_a_restored_dictionary_is_the_saved_one(names: list[str], forgotten: list[int]):
    keys = KeySlots()
    keys.touch(keys.slots(names), np.arange(len(names)))
    keys.forget([slot for slot in set(forgotten) if slot in keys.live().tolist()])
    copy = KeySlots()
    copy.restore(keys.texts().tolist(), keys.last_seen[: len(keys)].copy())
    assert copy.live().tolist() == keys.live().tolist()
    assert copy.texts().tolist() == keys.texts().tolist()
    assert copy.slots(list("abcxyz")).tolist() == keys.slots(list("abcxyz")).tolist()
    assert copy.last_seen[: len(copy)].tolist() == keys.last_seen[: len(keys)].tolist()


def test_the_texts_are_the_same_object_until_a_key_comes_or_goes():
    keys = KeySlots()
    keys.slots(["a", "b"])
    before = keys.texts()
    keys.slots(["a"])
    assert keys.texts() is before
    keys.slots(["c"])
    after = keys.texts()
    assert after is not before
    assert before.tolist() == ['"a"', '"b"'], "whoever holds the old one still sees what it was"
    keys.forget([0])
    assert keys.texts().tolist() == [None, '"b"', '"c"']


@pytest.mark.parametrize(("key", "label"), [(None, ""), ("a", "a"), (("a", 7), "a · 7"), (3.5, "3.5")])
def test_labels(key: Any, label: str):
    assert key_label(key) == label


NAMES = st.sampled_from(["a", "b", "c", "ä", "", OTHER, None])


def coded(values: list[str | None]) -> Coded:
    """As a decoding process answers, with a text that stands in no row."""
    known = ["never", *sorted(set(values), key=str)]
    return Coded(known, np.array([known.index(value) for value in values], np.int32))


@given(
    st.lists(st.lists(st.tuples(NAMES, NAMES), max_size=8), max_size=5), st.integers(1, 4), st.integers(1, 2)
)
def test_coded_columns_give_the_slots_of_their_values(batches: list[Any], limit: int, width: int):
    quick, plain = KeySlots(limit), KeySlots(limit)
    for rows in batches:
        columns = [[row[k] for row in rows] for k in range(width)]
        found = quick.slots_by([coded(values) for values in columns])
        expected = plain.slots_by([Column("string", values=values) for values in columns])
        assert found.tolist() == expected.tolist()
        assert quick.texts().tolist() == plain.texts().tolist()
        assert quick.pooled == plain.pooled
