"""Moments and durations."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.clock import SystemClock, format_duration, iso, parse_duration, to_datetime, to_micros

GOOD = [
    ("5s", 5), ("250ms", 0.25), ("2m", 120), ("1h30m", 5400), ("1d", 86_400), ("1w", 604_800), ("0s", 0),
    ("1.5s", 1.5), (" 5S ", 5), ("10us", 0.00001),
]  # fmt: skip


@pytest.mark.parametrize(("text", "seconds"), GOOD, ids=[row[0] for row in GOOD])
def test_durations(text: str, seconds: float):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "5", "s", "5 s", "-5s", "5s and more", "5x", "1h 30m", "1e3s", "five seconds"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match="write a number and a unit, such as 5s"):
        parse_duration(text)


@given(st.timedeltas(timedelta(0), timedelta(days=4000)))
def test_a_duration_reads_back(duration: timedelta):
    assert parse_duration(format_duration(duration)) == duration


@given(st.integers(-(10**15), 4 * 10**15))
def test_a_moment_reads_back(micros: int):
    assert to_micros(to_datetime(micros)) == micros


def test_moments_are_utc_whatever_zone_they_come_in():
    seoul = timezone(timedelta(hours=9))
    assert to_micros(datetime(1970, 1, 1, 9, tzinfo=seoul)) == 0
    assert to_datetime(0) == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("micros", "text"),
    [(None, None), (0, "1970-01-01T00:00:00.000Z"), (-1_000, "1969-12-31T23:59:59.999Z"),
     (1_700_000_000_123_999, "2023-11-14T22:13:20.123Z")],
)  # fmt: skip
def test_moments_as_outputs_write_them(micros: int | None, text: str | None):
    assert iso(micros) == text


def test_the_machines_clocks():
    clock = SystemClock()
    first, then = clock.monotonic(), clock.now()
    assert clock.monotonic() >= first
    assert abs(then - to_micros(datetime.now(UTC))) < 10_000_000
