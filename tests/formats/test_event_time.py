"""Moments: the rule value by value as a table, and the fast ways held against the rule."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.clock import to_micros
from streamgauge.formats.contract import TimeUnit
from streamgauge.formats.event_time import FIRST, LAST, Moments, moment, moments

TEN = to_micros(datetime(2026, 11, 22, 10, tzinfo=UTC))

ACCEPTED = [
    ("2026-11-22T10:00:00Z", None, TEN),
    ("2026-11-22 10:00:00Z", None, TEN),
    ("2026-11-22T10:00:00", None, TEN),
    ("2026-11-22T11:00:00+01:00", None, TEN),
    ("2026-11-22T04:30:00-0530", None, TEN),
    ("2026-11-22", None, TEN - 36_000_000_000),
    ("2026-11-22T10:00", None, TEN),
    ("2026-11-22T10:00:00.25Z", None, TEN + 250_000),
    ("2026-11-22T10:00:00.123456789Z", None, TEN + 123_456),
    ("20261122T100000Z", None, TEN),
    (1795341600, None, TEN),
    (1795341600_000, None, TEN),
    (1795341600_000_000, None, TEN),
    (1795341600_000_000_000, None, TEN),
    (1795341600_000_000_999, None, TEN),
    (1795341600.25, None, TEN + 250_000),
    (1795341600_000.25, None, TEN + 250),
    ("1795341600", None, TEN),
    ("1795341600.25", None, TEN + 250_000),
    ("1795341600000", None, TEN),
    (0, None, 0),
    (-1, None, -1_000_000),
    ("-1.5", None, -1_500_000),
    ("1969-12-31T23:59:59Z", None, -1_000_000),
    ("0001-01-01T00:00:00Z", None, FIRST),
    ("9999-12-31T23:59:59.999999Z", None, LAST),
    (5_000, "ms", 5_000_000),
    (5_000_000_000_000, "s", None),
    (1_000, "ns", 1),
    (-1, "ns", -1),
    ("7", "us", 7),
    (20261122, None, 20261122_000_000),
    ("20261122", None, 20261122_000_000),
]

REFUSED = [
    "",
    "soon",
    "10:00",
    "2026-13-01",
    "2026-02-30T00:00:00Z",
    "2026-11-22T25:00:00Z",
    "2026-11-22T23:59:60Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+23:00",
    "9999-12-31T23:59:59-01:00",
    "99999999999999999999999999",
    "1e9",
    "１７９５３４１６００",
    10**30,
    -(10**30),
    1e30,
    math.inf,
    True,
    [],
    {},
    b"x",
]


@pytest.mark.parametrize(("value", "unit", "micros"), ACCEPTED)
def test_what_is_a_moment(value, unit, micros):
    if micros is None:
        with pytest.raises(ValueError, match="outside the years 1 to 9999"):
            moment(value, unit)
    else:
        assert moment(value, unit) == micros


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_what_is_none(value):
    with pytest.raises(ValueError, match=r"expected ISO 8601|outside the years"):
        moment(value)


def one_by_one(values: list[Any], unit: TimeUnit | None) -> list[Any]:
    """The rule applied to each value: micros, or None for missing, or the reason."""
    out: list[Any] = []
    for value in values:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            out.append(None)
            continue
        try:
            out.append(moment(value, unit))
        except ValueError as error:
            out.append(str(error))
    return out


def as_column(column: Moments):
    """What :func:`moments` says, in the same shape."""
    return [column.problems.get(row, value) for row, value in enumerate(column.column().values())]


zones = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))
dates = st.datetimes(timezones=st.one_of(st.none(), st.just(UTC), zones))
texts = st.one_of(
    dates.map(datetime.isoformat),
    dates.map(lambda at: at.isoformat(" ", "seconds")),
    dates.map(lambda at: at.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"),
    st.text("0123456789-:+TZ. ", max_size=30),
    st.integers(-(10**20), 10**20).map(str),
)
integers = st.one_of(st.integers(-(10**20), 10**20), st.integers(1, 2 * 10**9), st.integers(10**15, 10**16))
floats = st.one_of(st.floats(), st.floats(0, 1e18), st.floats(1.7e9, 1.8e9))
units = st.sampled_from([None, "s", "ms", "us", "ns"])


@given(
    st.one_of(
        st.lists(texts),
        st.lists(dates.map(datetime.isoformat)),
        st.lists(integers),
        st.lists(floats),
        st.lists(st.one_of(texts, integers, floats, st.none(), st.booleans())),
    ),
    units,
)
def test_a_column_says_what_each_value_says(values, unit):
    assert as_column(moments(values, unit)) == one_by_one(values, unit)


@given(st.lists(st.integers(1_000_000_000, 1_900_000_000), min_size=1), st.sampled_from([0, 3, 6, 9]))
def test_every_unit_is_guessed(seconds, power):
    assert moments([at * 10**power for at in seconds]).micros.tolist() == [at * 1_000_000 for at in seconds]


def test_an_empty_column_and_one_of_nulls():
    assert moments([]).column().values() == []
    assert moments([None, None]).column().values() == [None, None]


def test_empty_text_is_missing_only_where_asked():
    assert moments(["", "0"], empty_is_missing=True).column().values() == [None, 0]
    assert list(moments(["", "0"]).problems) == [0]


def test_moments_far_from_now_stay_exact_in_columns():
    values = [FIRST, FIRST + 1, LAST - 1, LAST]
    assert moments(values, "us").column().values() == values
