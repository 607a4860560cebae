"""Casts and patterns of time: what each value becomes, and that every letter is known or refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgauge.batch import Column, FieldKind
from streamgauge.clock import to_micros
from streamgauge.expressions import parse_value
from streamgauge.expressions.moment_patterns import translated

NOON = to_micros(datetime(2026, 7, 5, 12, 3, 9, 123_456, tzinfo=UTC))


def cast(kind: FieldKind, values: list[Any], to: str) -> list[Any]:
    expression = parse_value(f"cast(x as {to})", {"x": kind})
    return expression.evaluate({"x": Column(kind, values=values)}, len(values)).values()


@pytest.mark.parametrize(
    ("kind", "values", "to", "expected"),
    [
        ("float", [1.9, -1.9, None, 1e300], "int", [1, -1, None, None]),
        ("string", ["7", " 7 ", "7.5", "x", "", None], "bigint", [7, 7, None, None, None, None]),
        ("timestamp", [NOON, -1, None], "bigint", [NOON // 1_000, -1, None]),
        ("int", [2**53 + 1, None], "double", [float(2**53), None]),
        ("string", ["1e3", "nan", "inf", "x", None], "double", [1_000.0, None, None, None, None]),
        ("int", [2**53 + 1, -1, None], "string", ["9007199254740993", "-1", None]),
        ("float", [1.0, 0.1, None], "varchar", ["1.0", "0.1", None]),
        ("bool", [True, False, None], "string", ["true", "false", None]),
        ("timestamp", [NOON, None], "string", ["2026-07-05T12:03:09.123", None]),
        ("string", ["TRUE", "true ", "yes", None], "boolean", [True, True, False, None]),
        ("int", [NOON // 1_000, 2**62, None], "timestamp", [NOON // 1_000 * 1_000, None, None]),
        ("string", ["2026-07-05T12:03:09.123456Z", "no", None], "timestamp", [NOON, None, None]),
        ("string", [None, None], "timestamp", [None, None]),
    ],
)
def test_each_kind_becomes_each_other(kind: FieldKind, values, to, expected):
    assert cast(kind, values, to) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("yyyy-MM-dd HH:mm:ss.SSS", "2026-07-05 12:03:09.123"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSSSSX", "2026-07-05T12:03:09.123456Z"),
        ("d.M.yy h:m:s a", "5.7.26 12:3:9 PM"),
        ("EEE EEEE MMM MMMM DDD", "Sun Sunday Jul July 186"),
        ("HH'h'mm '' % Z", "12h03 ' % +0000"),
    ],
)
def test_moments_are_written(pattern, expected):
    written = pattern.replace("'", "''")
    expression = parse_value(f"timestamptostring(x, '{written}')", {"x": "timestamp"})
    assert expression.evaluate({"x": Column("timestamp", values=[NOON])}, 1).at(0) == expected


def test_a_local_time_that_does_not_exist_is_missing_and_one_that_comes_twice_is_the_first():
    text = "stringtotimestamp(x, 'yyyy-MM-dd HH:mm', 'Europe/Zurich')"
    texts = ["2026-03-29 02:30", "2026-10-25 02:30", "2026-07-05 12:00"]
    found = parse_value(text, {"x": "string"}).evaluate({"x": Column("string", values=texts)}, 3).values()
    hours = [None, datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 7, 5, 10, tzinfo=UTC)]
    assert found == [None if hour is None else to_micros(hour) for hour in hours]


def test_an_offset_in_the_text_wins_over_the_zone():
    text = "stringtotimestamp(x, 'yyyy-MM-dd HH:mm XXX', 'Asia/Tokyo')"
    column = Column("string", values=["2026-07-05 12:00 +02:00", "2026-07-05 12:00 Z"])
    found = parse_value(text, {"x": "string"}).evaluate({"x": column}, 2).values()
    assert found == [to_micros(datetime(2026, 7, 5, hour, tzinfo=UTC)) for hour in (10, 12)]


@given(st.text("yuYMLdDEeHhkKmsSnAaZzXxVOwcG[]'#{}%-: T", max_size=12), st.booleans())
@settings(max_examples=300, deadline=None)
def test_any_pattern_is_translated_or_refused(pattern: str, reading: bool):
    try:
        told = translated(pattern, reading=reading, zone=None)
    except ValueError as error:
        told = str(error)
    assert told
