"""How often, read and said."""

import pytest

from streamgauge.rates import how_often, parse_rate

DAY = 86_400.0

READ = [
    ("1 per week", 1 / (7 * DAY)),
    ("3 per day", 3 / DAY),
    ("1 per 2 weeks", 1 / (14 * DAY)),
    ("0.5 per hour", 0.5 / 3600),
    ("2 a month", 2 / 2_629_746),
    ("1/day", 1 / DAY),
    ("  1  PER  Week ", 1 / (7 * DAY)),
]


@pytest.mark.parametrize(("text", "expected"), READ, ids=[row[0] for row in READ])
def test_read(text: str, expected: float):
    assert parse_rate(text).per_second == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "often", "1", "0 per week", "1 per 0 weeks", "-1 per week", "1 per fortnight"]
)
def test_what_does_not_say_how_often_is_refused_with_what_to_write(text: str):
    with pytest.raises(ValueError, match="such as 1 per week or 3 per day"):
        parse_rate(text)


SAID = [
    ("nothing was ever like it", 0.0, "never before"),
    ("not known", float("nan"), "never before"),
    ("once", 1 / (7 * DAY), "once per week"),
    ("almost once in the next unit is said in that", 0.9 / (7 * DAY), "4 times per month"),
    ("twice", 2 / DAY, "twice per day"),
    ("many times", 3.4 / 3600, "3 times per hour"),
    ("less than once a year", 1 / (40 * 365.25 * DAY), "once in 40 years"),
    ("hardly ever", 1e-15, "once in more than 10,000 years"),
]


@pytest.mark.parametrize(("sentence", "rate", "expected"), SAID, ids=[row[0] for row in SAID])
def test_said(sentence: str, rate: float, expected: str):
    assert how_often(rate) == expected
