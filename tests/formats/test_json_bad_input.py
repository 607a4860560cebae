"""A truth table of bad input: one row per kind, with the reason people read; the records around it stay."""

import json
from dataclasses import replace

import pytest

from streamgauge.formats.contract import FieldSpec
from streamgauge.formats.json import Config, open_format
from streamgauge.formats.reasons import PAYLOAD
from tests.formats.decoding import HERE, NOW, decode, layout, piece_of, reasons, rows_of

FIELDS = (
    FieldSpec("id", "string"),
    FieldSpec("amount", "float", min=0),
    FieldSpec("count", "int"),
    FieldSpec("ok", "bool"),
    FieldSpec("at", "timestamp"),
    FieldSpec("country", "string", path="user.country"),
)
GOOD = b'{"id":"a","amount":1.5,"count":2,"ok":true,"at":1795341600,"user":{"country":"DE"}}'
MICROS_AT = 1_795_341_600_000_000


def with_field(name: str, raw: str) -> bytes:
    """A record that is good but for one field, written as raw JSON."""
    fields = {"id": '"a"', "at": "1795341600", name: raw}
    return ("{" + ",".join(f'"{key}":{value}' for key, value in fields.items()) + "}").encode()


BAD = {
    "empty message": (b"", "an empty message; expected a JSON object"),
    "only white space": (b" \n", "an empty message; expected a JSON object"),
    "tombstone": (None, "a message without a value (a tombstone); expected a JSON object"),
    "truncated": (b'{"id":"a","amo', "not JSON: Unterminated string starting at at character 10"),
    "first half of an object": (GOOD[:30], "not JSON"),
    "second half of an object": (GOOD[30:], "not JSON"),
    "two objects": (b'{"at":1} {"at":2}', "not JSON: Extra data at character 9"),
    "a list": (b"[1]", "expected a JSON object, got a list"),
    "a number": (b"5", "expected a JSON object, got the number 5"),
    "null": (b"null", "expected a JSON object, got null"),
    "not UTF-8": (with_field("id", '"a"').replace(b'"a"', b'"\xff"'), "not UTF-8: byte 0xff at position 7"),
    "lists without end": (b'{"at":1,"x":' + b"[" * 10_000, "nested too deeply"),
    "objects without end": (b'{"at":' * 10_000, "nested too deeply"),
    "deep and well formed": (b'{"x":' + b"[" * 10_000 + b"]" * 10_000 + b"}", "nested too deeply"),
    "Infinity": (with_field("amount", "Infinity"), "amount: the number is infinite or beyond 1.8e308"),
    "-Infinity": (with_field("amount", "-Infinity"), "amount: the number is infinite or beyond 1.8e308"),
    "1e400": (with_field("amount", "1e400"), "amount: the number is infinite or beyond 1.8e308"),
    "401 digits": (with_field("amount", "9" * 401), "amount: the number is infinite or beyond 1.8e308"),
    "5000 digits": (with_field("count", "-" + "9" * 5000), "count: expected an integer, got the number -inf"),
    "beyond int64": (
        with_field("count", "9223372036854775808"),
        "count: expected an integer of 64 bits, got the number 9223372036854775808",
    ),
    "far beyond int64": (with_field("count", "9" * 100), "count: expected an integer of 64 bits"),
    "below its min": (with_field("amount", "-0.5"), "amount: expected at least 0, got the number -0.5"),
    "text for a float": (with_field("amount", '"12"'), 'amount: expected a number, got the text "12"'),
    "text for an int": (with_field("count", '"12"'), 'count: expected an integer, got the text "12"'),
    "bool for an int": (with_field("count", "true"), "count: expected an integer, got true"),
    "bool for a float": (with_field("amount", "false"), "amount: expected a number, got false"),
    "fraction for an int": (with_field("count", "1.5"), "count: expected an integer, got the number 1.5"),
    "inexact for an int": (with_field("count", "1e300"), "count: expected an integer"),
    "int for a bool": (with_field("ok", "1"), "ok: expected true or false, got the number 1"),
    "number for text": (with_field("id", "5"), "id: expected text, got the number 5"),
    "object for text": (with_field("id", "{}"), "id: expected text, got an object"),
    "half a surrogate pair": (with_field("id", r'"\ud800"'), "id: half of a surrogate pair"),
    "text on the way": (with_field("user", '"x"'), "user: expected an object that holds country"),
    "no event time": (b'{"id":"a"}', "at is missing, and every record must carry it"),
    "null event time": (with_field("at", "null"), "at is missing, and every record must carry it"),
    "NaN event time": (with_field("at", "NaN"), "at is missing, and every record must carry it"),
    "nonsense event time": (with_field("at", '"soon"'), "at: expected ISO 8601 or a number"),
    "list as event time": (with_field("at", "[]"), "at: expected ISO 8601 or a number of s, ms, us or ns"),
    "bool as event time": (with_field("at", "true"), "at: expected ISO 8601 or a number"),
    "year 0": (with_field("at", '"0000-01-01T00:00:00Z"'), "at: expected ISO 8601"),
    "year 10000 in seconds": (with_field("at", "99999999999999999999999"), "outside the years 1 to 9999"),
    "30 February": (with_field("at", '"2026-02-30T00:00:00Z"'), "at: expected ISO 8601"),
    "a year ahead": (with_field("at", '"2027-11-22T10:00:00Z"'), "lies 365d ahead of the wall clock"),
    "control characters": (with_field("amount", r'"\u001b[31m\n"'), r'got the text "\x1b[31m\n"'),
}


@pytest.mark.parametrize(("payload", "reason"), BAD.values(), ids=BAD)
def test_a_bad_record_costs_only_itself(payload, reason):
    batch = decode([GOOD, payload, GOOD], *FIELDS, time="at")
    good = ("a", 1.5, 2, True, MICROS_AT, "DE")
    assert rows_of(batch) == [(0, MICROS_AT, *good), (2, MICROS_AT, *good)]
    assert batch.next_offset == 3
    (bad,) = batch.bad
    assert (bad.partition, bad.offset, bad.at, bad.payload, bad.truncated) == (HERE, 1, NOW, payload, False)
    assert reason in bad.reason
    assert len(bad.reason) < 400
    assert bad.reason.isprintable()


@pytest.mark.parametrize(("payload", "reason"), BAD.values(), ids=BAD)
def test_a_slice_of_nothing_but_bad_records_is_an_empty_batch(payload, reason):
    batch = decode([payload] * 3, *FIELDS, time="at")
    assert rows_of(batch) == []
    assert [bad.offset for bad in batch.bad] == [0, 1, 2]
    assert batch.next_offset == 3


def test_halves_of_one_object_in_two_messages_never_make_a_row():
    batch = decode([GOOD[:30], GOOD[30:]], *FIELDS, time="at")
    assert len(batch) == 0
    assert len(batch.bad) == 2


def test_halves_that_would_join_into_valid_json_by_a_comma_stay_bad():
    batch = decode([b'{"at":1},{"at":2', b"}"], *FIELDS, time="at")
    assert len(batch) == 0
    assert len(batch.bad) == 2


def test_nan_is_missing_and_never_zero():
    batch = decode([with_field("amount", "NaN"), with_field("count", "NaN")], *FIELDS, time="at")
    assert batch.columns["amount"].values() == [None, None]
    assert batch.columns["count"].values() == [None, None]
    assert not batch.bad


def test_nan_infinity_and_huge_numbers_do_not_matter_in_fields_that_nobody_uses():
    unused = [with_field("other", raw) for raw in ("NaN", "Infinity", "1e400", "9" * 5000)]
    batch = decode(unused, *FIELDS, time="at")
    assert len(batch) == 4
    assert not batch.bad


def test_of_a_key_that_occurs_twice_the_last_counts():
    twice = [b'{"at":1,"id":"x","id":"y"}', b'{"at":1,"id":5,"id":"z"}', b'{"at":1,"id":"x","id":null}']
    assert decode(twice, *FIELDS, time="at").columns["id"].values() == ["y", "z", None]
    assert reasons(decode([b'{"at":1,"id":"x","id":5}'], *FIELDS, time="at")) == [
        "id: expected text, got the number 5"
    ]


def test_integers_beyond_2_to_the_53_stay_exact():
    exact = [2**53 + 1, 2**63 - 1, -(2**63)]
    batch = decode([with_field("count", str(n)) for n in exact], *FIELDS, time="at")
    assert batch.columns["count"].values() == exact


def test_whole_numbers_written_as_floats_are_integers():
    batch = decode([with_field("count", raw) for raw in ("5.0", "1e3", "-0.0")], *FIELDS, time="at")
    assert batch.columns["count"].values() == [5, 1000, 0]


def test_five_megabytes_are_read_when_valid_and_cut_when_not():
    padding = "x" * 5_000_000
    valid = json.dumps({"at": 1, "id": "a", "padding": padding}).encode()
    batch = decode([valid, valid[:-1]], *FIELDS, time="at")
    assert len(batch) == 1
    (bad,) = batch.bad
    assert bad.payload == valid[:PAYLOAD]
    assert bad.truncated
    assert f"(kept: the first {PAYLOAD} of {len(valid) - 1} bytes)" in bad.reason


def test_a_reason_shows_no_more_than_the_start_of_a_long_value():
    (reason,) = reasons(decode([with_field("amount", '"' + "y" * 1000 + '"')], *FIELDS, time="at"))
    assert reason == f'amount: expected a number, got the text "{"y" * 60}…"'


def test_a_required_field_must_be_there():
    fields = (FieldSpec("id", "string", required=True), FieldSpec("n", "int", path="a.b", required=True))
    payloads = [b'{"id":"x","a":{"b":1}}', b'{"a":{"b":1}}', b'{"id":null,"a":{"b":1}}', b'{"id":"x"}']
    batch = decode([*payloads, b'{"id":"x","a":null}', b'{"id":"x","a":{"b":NaN}}'], *fields)
    assert batch.offsets.tolist() == [0]
    assert [reason.split(",")[0] for reason in reasons(batch)] == [
        "id is missing",
        "id is missing",
        "n is missing",
        "n is missing",
        "n is missing",
    ]


class TestTooFarAhead:
    """Event times may lie up to ten minutes ahead of the broker's stamp, or of the wall clock."""

    HOUR = 3_600_000_000

    def decode(self, at: int, *, stamp: int, trusted: bool, now: int = NOW):
        decoder = open_format(Config(), layout(FieldSpec("at", "timestamp"), time="at"))
        piece = replace(piece_of([b'{"at":%d}' % at], stamp=stamp), trusted=trusted)
        return decoder.decode(piece, now)

    def test_just_within_and_just_beyond(self):
        assert len(self.decode(NOW + 600_000_000, stamp=0, trusted=False)) == 1
        beyond = self.decode(NOW + 600_000_001, stamp=0, trusted=False)
        assert len(beyond) == 0
        assert reasons(beyond) == [
            "at 2026-11-22T10:10:00.000Z lies 10m ahead of the wall clock; max_ahead allows 10m"
        ]

    def test_a_trusted_stamp_is_the_measure(self):
        stamp = NOW - self.HOUR
        assert reasons(self.decode(NOW, stamp=stamp, trusted=True)) == [
            "at 2026-11-22T10:00:00.000Z lies 1h ahead of the broker's clock; max_ahead allows 10m"
        ]
        assert len(self.decode(NOW, stamp=stamp, trusted=False)) == 1

    def test_without_a_time_field_the_stamp_is_the_event_time_and_measured_too(self):
        decoder = open_format(Config(), layout(FieldSpec("n", "int")))
        batch = decoder.decode(piece_of([b"{}", b"{}"], stamp=NOW + self.HOUR), NOW)
        assert len(batch) == 0
        assert "the record's timestamp 2026-11-22T11:00:00.000Z lies 1h ahead" in reasons(batch)[0]


def test_what_the_source_could_not_cut_out_goes_to_the_dead_letter_with_its_reason():
    piece = piece_of([GOOD, b"xx", GOOD, b"{"], unreadable={1: ("too long", b"xx")})
    batch = open_format(Config(), layout(*FIELDS, time="at")).decode(piece, NOW)
    assert batch.offsets.tolist() == [0, 2]
    assert [(bad.offset, bad.reason[:8], bad.payload) for bad in batch.bad] == [
        (1, "too long", b"xx"),
        (3, "not JSON", b"{"),
    ]
