"""Fields that lie in a message's key, and names in any case."""

import struct
from typing import Any

import numpy as np
import pytest

from streamgauge.batch import Batch, Partition
from streamgauge.formats.contract import FieldSpec, Layout
from streamgauge.formats.json import Config, open_format
from streamgauge.formats.message_keys import open_keyed
from streamgauge.sources.contract import Slice

P = Partition("t", 0)


def slice_of(keys: list[bytes | None], payloads: list[bytes]) -> Slice:
    offsets = np.arange(len(keys), dtype=np.int64) + 7
    return Slice(P, offsets, offsets * 0, int(offsets[-1]) + 1, payloads, keys=keys)


def decoded(kind: Any, keys: list[bytes | None], payloads: list[bytes] | None = None, **more: Any) -> Batch:
    fields = {"id": FieldSpec("id", kind, from_key=True, **more), "v": FieldSpec("v", "float")}
    decoder = open_keyed(Layout("s", fields), lambda layout: open_format(Config(), layout))
    return decoder.decode(slice_of(keys, payloads or [b'{"id": 99, "v": 1.5}'] * len(keys)), 0)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [
        ("int", b"42", 42),
        ("int", struct.pack(">q", -7), -7),
        ("int", struct.pack(">i", 70_000), 70_000),
        ("float", b"1.5", 1.5),
        ("float", struct.pack(">d", 2.25), 2.25),
        ("string", "Zürich".encode(), "Zürich"),
        ("string", b'"quoted"', "quoted"),
        ("bool", b"true", True),
        ("timestamp", b"1000", 1_000_000),
    ],
)
def test_a_key_is_read_as_its_kind(kind: str, key: bytes, value: object):
    assert decoded(kind, [key]).columns["id"].values() == [value]


def test_a_message_without_key_has_no_value_and_a_required_one_is_bad():
    assert decoded("int", [None, b"1"]).columns["id"].values() == [None, 1]
    (bad,) = decoded("int", [None, b"1"], required=True).bad
    assert (bad.offset, bad.reason) == (7, "id is missing: the message has no key")


def test_a_key_that_cannot_be_read_costs_its_record_only():
    batch = decoded("int", [b"1", b"one", b"3"])
    assert batch.offsets.tolist() == [7, 9]
    assert batch.columns["v"].values() == [1.5, 1.5]
    (bad,) = batch.bad
    assert bad.reason == "id: the message's key b'one' is no int"
    assert bad.payload == b'{"id": 99, "v": 1.5}'


def test_a_bad_value_and_a_bad_key_are_told_in_order():
    batch = decoded("int", [b"x", b"2", b"3"], [b"{}", b"{broken", b"{}"])
    assert [bad.offset for bad in batch.bad] == [7, 8]
    assert batch.columns["id"].values() == [3]


def any_case(fields: dict[str, FieldSpec], *payloads: bytes, time: str | None = None) -> Batch:
    layout = Layout("s", fields, time, 2**60)
    return open_format(Config(any_case=True), layout).decode(
        slice_of([None] * len(payloads), list(payloads)), 0
    )


def test_names_are_found_as_declared_in_upper_and_in_lower_case():
    fields = {
        "userId": FieldSpec("userId", "int"),
        "v": FieldSpec("v", "float"),
        "a": FieldSpec("a", "string", "b.c"),
    }
    batch = any_case(
        fields,
        b'{"userId": 1, "v": 1, "b": {"c": "x"}}',
        b'{"USERID": 2, "V": 2, "B": {"C": "y"}}',
        b'{"userid": 3, "v": null}',
        b'{"UserID": 4}',
    )
    assert batch.columns["userId"].values() == [1, 2, 3, None]
    assert batch.columns["v"].values() == [1.0, 2.0, None, None]
    assert batch.columns["a"].values() == ["x", "y", None, None]


def test_what_each_record_must_carry_may_have_any_spelling():
    fields = {"at": FieldSpec("at", "timestamp", unit="ms"), "n": FieldSpec("n", "float", required=True)}
    batch = any_case(
        fields, b'{"AT": 5, "N": 1}', b'{"N": 1}', b'{"at": 6}', b'{"at": 7, "n": NaN}', time="at"
    )
    assert batch.times.tolist() == [5_000]
    assert [bad.reason.partition(" is missing")[0] for bad in batch.bad] == ["at", "n", "n"]


def test_two_names_that_differ_in_case_only_stay_two():
    fields = {"a": FieldSpec("a", "int"), "A": FieldSpec("A", "int")}
    batch = any_case(fields, b'{"a": 1, "A": 2}')
    assert [batch.columns[name].values() for name in "aA"] == [[1], [2]]
