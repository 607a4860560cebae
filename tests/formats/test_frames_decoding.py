"""Frames (CSV, Parquet, tables in memory) follow the same rules as messages."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.formats import csv, json, parquet
from streamgauge.formats.contract import FieldSpec
from streamgauge.formats.values import UnfitError, fit
from tests.formats.decoding import NOW, frame_piece, layout, piece_of, reasons, rows_of

TEN = datetime(2026, 11, 22, 10, tzinfo=UTC)


def decode(frame: pl.DataFrame, *fields: FieldSpec, time: str | None = None, of=parquet):
    return of.open_format(of.Config(), layout(*fields, time=time)).decode(frame_piece(frame), NOW)


def column(values, spec: FieldSpec, *, dtype=None, of=parquet):
    """The good values and the reasons of a one-column frame."""
    batch = decode(pl.DataFrame({spec.name: pl.Series(values, dtype=dtype)}), spec, of=of)
    return batch.columns[spec.name].values(), reasons(batch)


@pytest.mark.parametrize(
    ("kind", "series", "expected"),
    [
        ("int", pl.Series([1, None, -3], dtype=pl.Int8), [1, None, -3]),
        ("int", pl.Series([2**63 - 1, 0], dtype=pl.UInt64), [2**63 - 1, 0]),
        ("int", pl.Series([5.0, None]), [5, None]),
        ("float", pl.Series([1, None], dtype=pl.Int32), [1.0, None]),
        ("float", pl.Series([1.5, float("nan"), None]), [1.5, None, None]),
        ("float", pl.Series([Decimal("1.25"), None]), [1.25, None]),
        ("string", pl.Series(["a", None, ""]), ["a", None, ""]),
        ("string", pl.Series(["a", "b"], dtype=pl.Categorical), ["a", "b"]),
        ("bool", pl.Series([True, None, False]), [True, None, False]),
        ("timestamp", pl.Series([TEN, None]), [NOW, None]),
        ("timestamp", pl.Series([TEN.replace(tzinfo=None)], dtype=pl.Datetime("ns")), [NOW]),
        ("timestamp", pl.Series([TEN], dtype=pl.Datetime("ms", "Asia/Tokyo")), [NOW]),
        ("timestamp", pl.Series([date(2026, 11, 22)]), [NOW - 36_000_000_000]),
        ("timestamp", pl.Series([NOW // 1_000_000, None]), [NOW, None]),
        ("timestamp", pl.Series([NOW / 1e6]), [NOW]),
        ("timestamp", pl.Series(["2026-11-22T10:00:00Z", None]), [NOW, None]),
        ("float", pl.Series([None, None]), [None, None]),
        ("int", pl.Series([], dtype=pl.Int64), []),
    ],
)
def test_a_column_whose_type_holds_the_field(kind, series, expected):
    assert column(series, FieldSpec("x", kind)) == (expected, [])


@pytest.mark.parametrize(
    ("kind", "series", "reason"),
    [
        ("int", pl.Series([2**63], dtype=pl.UInt64), "x: expected an integer of 64 bits, got the number"),
        ("int", pl.Series([1.5]), "x: expected an integer, got the number 1.5"),
        ("int", pl.Series(["7"]), 'x: expected an integer, got the text "7"'),
        ("int", pl.Series([True]), "x: expected an integer, got true"),
        ("float", pl.Series([float("inf")]), "x: the number is infinite or beyond 1.8e308"),
        ("float", pl.Series([True]), "x: expected a number, got true"),
        ("bool", pl.Series([1]), "x: expected true or false, got the number 1"),
        ("string", pl.Series([5]), "x: expected text, got the number 5"),
        ("string", pl.Series([[1]]), "x: expected text, got a list"),
        ("timestamp", pl.Series([True]), "x: expected ISO 8601 or a number"),
    ],
)
def test_a_value_that_does_not_fit_goes_to_the_dead_letter(kind, series, reason):
    values, (said,) = column(series, FieldSpec("x", kind))
    assert values == []
    assert said.startswith(reason)


def test_limits_and_required():
    spec = FieldSpec("x", "float", min=0, max=10, required=True)
    values, said = column([0.0, -1.0, None, 10.0, 11.0, float("nan")], spec)
    assert values == [0.0, 10.0]
    assert said == [
        "x: expected at least 0, got the number -1.0",
        "x is missing, and every record must carry it",
        "x: expected at most 10, got the number 11.0",
        "x is missing, and every record must carry it",
    ]


def test_event_time_and_too_far_ahead():
    frame = pl.DataFrame({"at": [TEN, None, TEN + timedelta(hours=1)], "n": [1, 2, 3]})
    batch = decode(frame, FieldSpec("at", "timestamp"), FieldSpec("n", "int"), time="at")
    assert rows_of(batch) == [(0, NOW, NOW, 1)]
    assert [said.split(",")[0] for said in reasons(batch)] == [
        "at is missing",
        "at 2026-11-22T11:00:00.000Z lies 1h ahead of the wall clock; max_ahead allows 10m",
    ]


def test_paths_walk_into_structs_and_names_with_dots_are_taken_as_they_stand():
    frame = pl.DataFrame({"user": [{"id": "a"}, {"id": None}, None], "geo.country": ["DE", "FR", "US"]})
    fields = (FieldSpec("who", "string", path="user.id"), FieldSpec("geo.country", "string"))
    assert rows_of(decode(frame, *fields)) == [
        (0, NOW, "a", "DE"),
        (1, NOW, None, "FR"),
        (2, NOW, None, "US"),
    ]


def test_a_column_that_is_not_there_is_missing_in_every_row():
    fields = [FieldSpec("x", "int"), FieldSpec("y", "string", path="w.y"), FieldSpec("z", "bool", path="u.v")]
    assert rows_of(decode(pl.DataFrame({"x": [1, 2], "w": [3, 4]}), *fields)) == [
        (0, NOW, 1, None, None),
        (1, NOW, 2, None, None),
    ]


def test_rows_in_the_dead_letter_are_json_that_the_format_reads_back():
    frame = pl.DataFrame({"n": ["x", "7"], "at": ["2026-11-22T10:00:00Z"] * 2, "unused": [None, "u"]})
    fields = (FieldSpec("n", "int"), FieldSpec("at", "timestamp"))
    batch = decode(frame, *fields, time="at", of=csv)
    (bad,) = batch.bad
    assert bad.payload == b'{"n":"x","at":"2026-11-22T10:00:00Z","unused":null}'
    again = csv.open_format(csv.Config(), layout(*fields, time="at"))
    fixed = again.decode(piece_of([bad.payload.replace(b'"x"', b'"8"')]), NOW)
    assert rows_of(fixed) == [(0, NOW, 8, NOW)]


def test_any_value_can_be_kept_in_the_dead_letter():
    frame = pl.DataFrame({"n": ["x"], "d": [Decimal("1.5")], "t": [TEN], "b": [b"\xff"], "s": [{"a": [1]}]})
    (bad,) = decode(frame, FieldSpec("n", "int")).bad
    assert bad.payload is not None
    assert bad.payload.startswith(b'{"n":"x"')


def test_frames_reach_a_json_stream_too():
    """A replay may give a Parquet file or a frame to a stream that is JSON when live."""
    batch = decode(pl.DataFrame({"n": [1, 2]}), FieldSpec("n", "int"), of=json)
    assert batch.columns["n"].values() == [1, 2]


def test_rows_that_the_source_could_not_read():
    frame = pl.DataFrame({"n": ["1", None, "x"]})
    piece = frame_piece(frame, unreadable={1: ("3 cells", b"a,b,c")})
    batch = csv.open_format(csv.Config(), layout(FieldSpec("n", "int"))).decode(piece, NOW)
    assert rows_of(batch) == [(0, NOW, 1)]
    assert [(bad.offset, bad.reason[:12], bad.payload) for bad in batch.bad] == [
        (1, "3 cells", b"a,b,c"),
        (2, "n: expected ", b'{"n":"x"}'),
    ]


number_texts = st.one_of(
    st.none(),
    st.integers().map(str),
    st.floats().map(str),
    st.text("0123456789.eE+-_ naif,xX", max_size=6),
    st.sampled_from(
        [
            "",
            "true",
            "False",
            "1",
            "0",
            "inf",
            "-Infinity",
            "NaN",
            "1e400",
            "0x10",
            "1_0",
            "٣",
            "5.",
            ".5",
            "+5",
        ]
    ),
)


@given(st.lists(number_texts, max_size=8), st.sampled_from(["int", "float", "bool", "string"]), st.booleans())
def test_texts_mean_what_the_plain_rule_says(texts, kind, required):
    spec = FieldSpec("x", kind, min=-100 if kind in ("int", "float") else None, required=required)
    batch = decode(pl.DataFrame({"x": pl.Series(texts, dtype=pl.String)}), spec, of=csv)
    expected = {}
    for row, text in enumerate(texts):
        try:
            expected[row] = fit(spec, text, texts=True)
        except UnfitError:
            continue
    assert {row[0]: row[2] for row in rows_of(batch)} == expected
