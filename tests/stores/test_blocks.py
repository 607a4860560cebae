"""A block comes back as it was, or not at all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgauge.errors import StoreDamagedError
from streamgauge.stores.blocks import Block, Part, decode, encode
from tests.stores.given import assert_same, counts

TABLE = counts(1, 0, 3, 4, 5)
PARTS = [
    Part("w", 5, TABLE),
    Part("w", 5, {"count": np.array([7], np.int64)}, rows=np.array([3], np.int32)),
    Part("w", 9, {name: values[:4] for name, values in TABLE.items()}, start=5),
    Part("empty", 0, counts()),
    Part("no columns", 0, {}),
]
BLOCK = Block("a1b2", 3, 12, 11, {"payments:0": (5, 5000, 4)}, PARTS)
DATA = encode(BLOCK)


def test_a_block_comes_back_as_it_was():
    found = decode(DATA)
    assert (found.shape, found.version, found.sequence, found.previous) == ("a1b2", 3, 12, 11)
    assert found.positions == {"payments:0": (5, 5000, 4)}
    for part, other in zip(PARTS, found.parts, strict=True):
        assert (part.table, part.length, part.start) == (other.table, other.length, other.start)
        assert_same({"": part.columns}, {"": other.columns})
        assert (part.rows is None) == (other.rows is None)
    assert found.parts[1].rows is not None
    assert found.parts[1].rows.tolist() == [3]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(DATA) * 8 - 1))
def test_any_flipped_bit_is_noticed(bit):
    spoilt = bytearray(DATA)
    spoilt[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StoreDamagedError):
        decode(bytes(spoilt))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(DATA) - 1))
def test_a_cut_block_is_noticed(length):
    with pytest.raises(StoreDamagedError):
        decode(DATA[:length])


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (np.zeros((2, 2)), r"column 'x' of table 'w' is float64\[2-d\]"),
        (np.array(["a", "b"]), "objects that are str or None"),
        (np.array([1, "a"], object), "column 'x' of table 'w' holds more than str, or bytes, and None"),
    ],
)
def test_what_no_state_may_hold_is_refused_by_name(column, says):
    with pytest.raises(TypeError, match=says):
        encode(Block("", 1, 1, -1, {}, [Part("w", 2, {"x": column})]))
