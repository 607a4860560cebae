"""Notices as JSON."""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.channels.payload import encode
from tests.channels.notices import UNPAIRED, firing, hostile

ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refuse(constant):
    raise AssertionError(f"not JSON: {constant}")


def test_a_notice_reads_back_as_it_was():
    assert json.loads(encode(firing())) == firing()


def test_hostile_values_stay_valid_json_on_one_line():
    body = encode(hostile())
    notice = json.loads(body, parse_constant=refuse)
    assert b"\n" not in body
    assert notice["title"] == UNPAIRED
    assert notice["observed"]["nan"] is None
    assert notice["observed"]["big"] == 10**400


def test_numpy_numbers_are_numbers():
    assert encode({"a": np.float64(1.5), "b": np.int32(2), "c": 10**30, "d": np.int8(1)}) == (
        b'{"a":1.5,"b":2,"c":1000000000000000000000000000000,"d":1}'
    )
    assert encode({"path": ValueError("x")}) == b'{"path":"x"}'


@given(ANY)
def test_whatever_comes_is_json(value):
    json.loads(encode({"value": value}), parse_constant=refuse)
