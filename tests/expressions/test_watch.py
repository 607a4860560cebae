"""Which conditions can be told before the window closes, and at which limits."""

import math

import pytest

from streamgauge.batch import FieldKind
from streamgauge.expressions import parse_condition, watches
from streamgauge.windows.contract import Watch

KINDS: dict[str, FieldKind] = {
    "events": "int",
    "spent": "float",
    "average": "float",
    "account": "string",
    "ok": "bool",
    "latest": "timestamp",
}
RISING = frozenset({"events", "spent", "latest"})


def just_below(limit: float) -> float:
    return math.nextafter(limit, -math.inf)


WATCHED = [
    ("a rising column above a limit", "events > 100", [("events", 100)]),
    ("at or above is just below", "events >= 100", [("events", just_below(100))]),
    ("mirrored", "100 < events", [("events", 100)]),
    ("mirrored, at or above", "100 <= events", [("events", just_below(100))]),
    ("at or above zero", "events >= 0", [("events", just_below(0))]),
    ("a limit below zero", "events > -1.5", [("events", -1.5)]),
    ("a limit that is computed", "events > 2 * 50 + 10 / 4", [("events", 102.5)]),
    ("a limit in parentheses", "(events) > (-(-100))", [("events", 100)]),
    ("and: each limit", "events > 5 and spent >= 10.5", [("events", 5), ("spent", just_below(10.5))]),
    ("or: each limit", "spent > 10 or events > 5", [("events", 5), ("spent", 10)]),
    ("each limit once, sorted", "events > 9 or (events > 5 and events > 9)", [("events", 5), ("events", 9)]),
    ("not turned inwards", "not (events <= 100)", [("events", 100)]),
    ("not of or", "not (events <= 5 or spent < 10)", [("events", 5), ("spent", just_below(10))]),
    ("not not", "not not events > 5", [("events", 5)]),
    ("not, mirrored", "not 100 >= events", [("events", 100)]),
    ("a moment", "latest > '1970-01-01T00:00:01Z'", [("latest", 1_000_000)]),
]

NOT_WATCHED = [
    ("it may fall", "average > 5"),
    ("it becomes false", "events < 100"),
    ("below, mirrored", "100 > events"),
    ("at most", "events <= 100"),
    ("not above", "not events > 100"),
    ("equal is passed over", "events = 100"),
    ("not equal may be true, false and true again", "events != 100"),
    ("not of equal", "not events = 100"),
    ("between becomes false", "events between 5 and 10"),
    ("one part falls", "events > 5 and average > 3"),
    ("one alternative falls", "events > 5 or events < 2"),
    ("no constant", "events > spent"),
    ("the column is calculated with", "events * 2 > 100"),
    ("a limit that is missing", "events > 1 / 0"),
    ("a limit that float64 would round", "events > 9007199254740993"),
    ("a list", "events in (5, 6)"),
    ("missing", "events is not null"),
    ("a flag", "ok"),
    ("a string", "account > 'a'"),
    ("a constant", "1 < 2"),
    ("a case", "case when events > 5 then true end"),
    ("is true", "(events > 5) is true"),
]


@pytest.mark.parametrize(("sentence", "text", "expected"), WATCHED, ids=[row[0] for row in WATCHED])
def test_watched(sentence, text, expected):
    found = watches(parse_condition(text, KINDS), RISING)
    assert found == tuple(Watch(column, limit) for column, limit in expected)


@pytest.mark.parametrize(("sentence", "text"), NOT_WATCHED, ids=[row[0] for row in NOT_WATCHED])
def test_not_watched(sentence, text):
    assert watches(parse_condition(text, KINDS), RISING) is None


def test_a_column_that_is_not_rising_is_not_watched():
    assert watches(parse_condition("events > 5", KINDS), frozenset()) is None
