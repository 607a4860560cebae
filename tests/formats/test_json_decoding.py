"""Good JSON: every type comes back as it was written, and where a slice ends changes nothing."""

import json
import math
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.errors import ConfigError
from streamgauge.formats.contract import FieldSpec
from streamgauge.formats.json import Config, open_format
from streamgauge.formats.values import UnfitError, find, fit
from tests.formats.decoding import NOW, decode, layout, piece_of, reasons, rows_of

FIELDS = (
    FieldSpec("id", "string"),
    FieldSpec("amount", "float", min=-1e6, max=1e6),
    FieldSpec("count", "int", min=-5.5),
    FieldSpec("ok", "bool"),
    FieldSpec("at", "timestamp"),
    FieldSpec("who", "string", path="user.name"),
    FieldSpec("age", "int", path="user.info.age"),
    FieldSpec("weight", "float", path="user.info.weight"),
)

words = st.one_of(st.none(), st.text(max_size=5))
numbers = st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(-(10**6), 10**6))
wholes = st.one_of(st.none(), st.integers(-5, 2**63 - 1))
info = st.fixed_dictionaries(
    {}, optional={"age": wholes.filter(lambda n: n is None or n > 0), "weight": numbers}
)
user = st.fixed_dictionaries({}, optional={"name": words, "info": st.one_of(st.none(), info)})
records = st.fixed_dictionaries(
    {"at": st.integers(0, NOW // 1_000_000)},
    optional={
        "id": words,
        "amount": numbers,
        "count": wholes,
        "ok": st.one_of(st.none(), st.booleans()),
        "user": st.one_of(st.none(), user),
        "unused": st.recursive(st.none() | st.text(max_size=3), st.lists, max_leaves=5),
    },
)
strange = st.one_of(
    st.none(),
    st.binary(max_size=8),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["at", "id", "user", "name", "info", "count", "amount", "ok"]),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)
messages = st.lists(st.one_of(records.map(lambda record: json.dumps(record).encode()), strange), max_size=12)


@given(st.lists(records, max_size=8))
def test_every_type_round_trips(written):
    batch = decode([msgspec.json.encode(record) for record in written], *FIELDS, time="at")
    assert not batch.bad
    assert batch.times.tolist() == [record["at"] * 1_000_000 for record in written]
    for spec in FIELDS:
        expected = [find(record, spec) for record in written]
        if spec.kind == "timestamp":
            expected = batch.times.tolist()
        assert batch.columns[spec.name].values() == expected


def judged(payload: bytes | None, *, texts: bool) -> tuple[Any, ...] | None:
    """What the plain rules say of one message: its values, or None when it is bad."""
    try:
        assert payload is not None
        record = json.loads(payload.decode())
        assert isinstance(record, dict)
        values: tuple[Any, ...] = tuple(fit(spec, find(record, spec), texts=texts) for spec in FIELDS)
    except (AssertionError, ValueError, RecursionError, UnfitError):
        return None
    at = values[4]
    return None if at is None or at > NOW + 600_000_000 else values


@given(messages, st.booleans())
def test_the_fast_way_and_the_plain_rules_agree(payloads, texts):
    batch = decode(payloads, *FIELDS, time="at", numbers_as_strings=texts)
    expected = {}
    for offset, payload in enumerate(payloads):
        values = judged(payload, texts=texts)
        if values is not None:
            expected[offset] = (values[4], *values)
    assert {row[0]: row[1:] for row in rows_of(batch)} == expected
    assert [bad.offset for bad in batch.bad] == [at for at in range(len(payloads)) if at not in expected]


@given(messages, st.data())
def test_where_a_slice_ends_changes_nothing(payloads, data):
    decoder = open_format(Config(), layout(*FIELDS, time="at"))
    whole = decoder.decode(piece_of(payloads), NOW)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(payloads)))) | {0, len(payloads)})
    parts = [
        decoder.decode(piece_of(payloads[start:stop], first=start), NOW) for start, stop in pairwise(cuts)
    ]
    assert [row for part in parts for row in rows_of(part)] == rows_of(whole)
    assert [bad for part in parts for bad in part.bad] == list(whole.bad)
    assert [part.next_offset for part in parts] == cuts[1:]


def test_columns_of_floats_are_numbers_with_nan_where_missing():
    batch = decode([b'{"amount":1}', b"{}", b'{"amount":null}', b'{"amount":-0.0}'], *FIELDS)
    np.testing.assert_array_equal(batch.columns["amount"].numbers(), [1.0, math.nan, math.nan, -0.0])
    assert math.copysign(1, batch.columns["amount"].values()[3]) == -1


def test_without_a_time_field_the_source_says_when():
    batch = decode([b"{}", b"{}"], FieldSpec("id", "string"))
    assert batch.times.tolist() == [NOW, NOW]


def test_without_any_field_records_are_still_counted_and_checked():
    batch = decode([b"{}", b"[]", b'{"a":1}'])
    assert batch.offsets.tolist() == [0, 2]


def test_an_empty_slice():
    batch = decode([], *FIELDS, time="at")
    assert len(batch) == 0
    assert batch.next_offset == 0
    assert batch.columns["id"].values() == []


@pytest.mark.parametrize("key", ["class", "amount-eur", "__init__", "f1", "", "ключ"])
def test_any_key_can_be_a_field(key):
    batch = decode([json.dumps({key: 5}).encode()], FieldSpec(key, "int"), FieldSpec("f0", "int"))
    assert batch.columns[key].values() == [5]


def test_times_of_all_kinds_in_one_batch():
    written = [
        "2026-11-22T10:00:00Z",
        1795341600,
        1795341600.0,
        1795341600000,
        "1795341600000000",
        "2026-11-22T10:00:00",
    ]
    batch = decode(
        [json.dumps({"at": at}).encode() for at in written], FieldSpec("at", "timestamp"), time="at"
    )
    assert batch.times.tolist() == [NOW] * 6


def test_a_second_time_field_may_be_missing_and_lies_where_it_likes():
    fields = (FieldSpec("at", "timestamp"), FieldSpec("born", "timestamp", unit="ms"))
    batch = decode(
        [b'{"at":1}', b'{"at":2,"born":-5000}', b'{"at":3,"born":9000000000000}'], *fields, time="at"
    )
    assert batch.columns["born"].values() == [None, -5_000_000, 9_000_000_000_000_000]
    assert reasons(decode([b'{"at":1,"born":"x"}'], *fields, time="at"))[0].startswith(
        "born: expected ISO 8601"
    )


class TestNumbersAsStrings:
    """``{type: json, numbers_as_strings: true}``."""

    def decode(self, *raw: str, kind="float", **more):
        payloads = [f'{{"n":{value}}}'.encode() for value in raw]
        return decode(payloads, FieldSpec("n", kind, **more), numbers_as_strings=True)

    def test_numbers_in_quotes_are_numbers(self):
        assert self.decode('"12.5"', '"-1e3"', "7", '"8"').columns["n"].values() == [12.5, -1000.0, 7.0, 8.0]
        exact = self.decode('"9007199254740993"', '"5.0"', '"007"', "3", kind="int")
        assert exact.columns["n"].values() == [9007199254740993, 5, 7, 3]

    def test_empty_text_nan_and_null_in_quotes_are_missing(self):
        for limits in ({}, {"min": 0}):
            batch = self.decode('""', '"NaN"', '"nan"', '"null"', "NaN", **limits)
            assert batch.columns["n"].values() == [None] * 5

    @pytest.mark.parametrize("raw", ['"inf"', '"-Infinity"', '"1e400"', "Infinity"])
    def test_infinite_numbers_stay_bad(self, raw):
        assert "n: the number is infinite" in reasons(self.decode(raw))[0]

    @pytest.mark.parametrize("raw", ['"12,5"', '"1_000"', '" 5"', '"x"', "true", "[]"])
    def test_other_text_stays_bad(self, raw):
        assert "n: expected a number" in reasons(self.decode(raw))[0]

    def test_limits_hold_for_numbers_in_quotes(self):
        assert reasons(self.decode('"-1"', min=0)) == ["n: expected at least 0, got the number -1.0"]
        assert reasons(self.decode('"9223372036854775808"', kind="int"))[0].startswith(
            "n: expected an integer of 64"
        )

    def test_text_stays_text(self):
        assert self.decode('"null"', '"5"', '""', kind="string").columns["n"].values() == ["null", "5", ""]


@pytest.mark.parametrize(
    "fields",
    [
        (FieldSpec("user", "string"), FieldSpec("id", "string", path="user.id")),
        (FieldSpec("id", "string", path="user.id"), FieldSpec("user", "string")),
        (FieldSpec("a", "string", path="x"), FieldSpec("b", "int", path="x")),
    ],
)
def test_fields_that_need_one_place_are_refused(fields):
    with pytest.raises(ConfigError, match="both need"):
        open_format(Config(), layout(*fields))


def test_a_key_that_msgspec_cannot_look_for_is_refused():
    with pytest.raises(ConfigError, match="cannot be looked for"):
        open_format(Config(), layout(FieldSpec('a"b', "int")))
