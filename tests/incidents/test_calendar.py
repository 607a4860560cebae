"""Weekly times with a zone, over the nights in which a clock is set."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from streamgauge.clock import to_micros
from streamgauge.incidents.calendar import Weekly, parse_weekly

BERLIN = "Europe/Berlin"


def local(text: str, zone: str = BERLIN, fold: int = 0) -> int:
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold))


def utc(text: str) -> int:
    return local(text, "UTC")


def spans(text: str, zone: str, start: int, count: int) -> list[tuple[int, int]]:
    weekly, found = parse_weekly(text, zone), []
    for _ in range(count):
        start = weekly.following(start)
        span = weekly.span(start)
        assert span is not None
        assert span[0] == start
        found.append(span)
    return found


# In 2026 Berlin's clock jumps from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October.
NIGHTS = [
    ("an ordinary night", "daily 02:00-04:00", "2026-01-10T12:00", ("2026-01-11T01:00", "2026-01-11T03:00")),
    ("in summer", "daily 02:00-04:00", "2026-07-10T12:00", ("2026-07-11T00:00", "2026-07-11T02:00")),
    ("begins in the hour that is left out", "daily 02:30-04:00", "2026-03-28T12:00", ("2026-03-29T01:00", "2026-03-29T02:00")),
    ("ends in the hour that is left out", "daily 01:00-02:30", "2026-03-28T12:00", ("2026-03-29T00:00", "2026-03-29T01:00")),
    ("over the jump: an hour less", "daily 01:30-03:30", "2026-03-28T12:00", ("2026-03-29T00:30", "2026-03-29T01:30")),
    ("over the hour that comes twice: an hour more", "daily 01:30-03:30", "2026-10-24T12:00", ("2026-10-24T23:30", "2026-10-25T02:30")),
    ("within it: from its first beginning to its last end", "daily 02:15-02:45", "2026-10-24T12:00", ("2026-10-25T00:15", "2026-10-25T01:45")),
    ("over midnight", "sat 22:00-06:00", "2026-10-20T12:00", ("2026-10-24T20:00", "2026-10-25T05:00")),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "text", "after", "span"), NIGHTS, ids=[row[0] for row in NIGHTS])
def test_nights(sentence: str, text: str, after: str, span: tuple[str, str]):
    assert spans(text, BERLIN, local(after), 1) == [(utc(span[0]), utc(span[1]))]


def test_a_time_that_lies_wholly_in_the_hour_left_out_is_left_out():
    (span,) = spans("daily 02:10-02:50", BERLIN, local("2026-03-28T12:00"), 1)
    assert span == (utc("2026-03-30T00:10"), utc("2026-03-30T00:50"))


def test_every_week_of_a_year_has_one():
    found = spans("sun 02:00-05:00", BERLIN, local("2026-01-01T00:00"), 52)
    hours = [(end - begin) // 3_600_000_000 for begin, end in found]
    assert (hours.count(3), hours.count(2), hours.count(4)) == (50, 1, 1)


def test_between_two_there_is_none_and_the_end_is_outside():
    weekly = parse_weekly("mon-fri 02:00-04:00")
    assert weekly.span(utc("2026-01-05T01:59:59")) is None
    assert weekly.span(utc("2026-01-05T02:00")) == (utc("2026-01-05T02:00"), utc("2026-01-05T04:00"))
    assert weekly.span(utc("2026-01-05T04:00")) is None
    assert weekly.following(utc("2026-01-09T02:00")) == utc("2026-01-12T02:00")


WRONG = [
    ("monday 02:00-04:00", "is no day"),
    ("mon 2-4", "is no weekly time"),
    ("mon 24:00-04:00", "a time of day is written"),
    ("mon 02:00", "is no weekly time"),
]


@pytest.mark.parametrize(("text", "why"), WRONG)
def test_what_is_no_weekly_time_is_said(text: str, why: str):
    with pytest.raises(ValueError, match=why):
        parse_weekly(text)


def test_a_zone_that_is_none_is_said():
    with pytest.raises(ValueError, match="there is no time zone 'Berlin'"):
        parse_weekly("mon 02:00-04:00", "Berlin")


def test_days_may_run_over_the_end_of_the_week():
    assert parse_weekly("fri-mon,wed 02:00-04:00").days == (0, 2, 4, 5, 6)
    assert Weekly((), *_times()).span(0) is None


def _times():
    from datetime import time

    return time(1), time(2)
