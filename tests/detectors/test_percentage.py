"""`percentage` as a truth table: the share of records that match."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from tests.detectors.windows import answers, titles
from tests.replaying import config, record, run, told

BAD, GOOD, NONE = {"n": 500}, {"n": 200}, {"n": None}
RULE = {"type": "percentage", "of": "n >= 500", "max": 25, "min_records": 2}
ROWS = [
    ("a share above max fires", {}, [[BAD, GOOD]], "critical"),
    ("at max it is clear", {}, [[BAD, GOOD, GOOD, GOOD]], "ok"),
    ("none is clear", {}, [[GOOD, GOOD]], "ok"),
    ("what is missing is no match, and counts among all", {}, [[BAD, NONE, NONE, NONE]], "ok"),
    ("all missing is a share of nothing", {}, [[NONE, NONE]], "ok"),
    ("too few records are not enough", {}, [[BAD]], "not_enough_data"),
    ("one row is enough where that was asked for", {"min_records": 1}, [[BAD]], "critical"),
    ("a share below min fires", {"max": None, "min": 50}, [[BAD, GOOD, GOOD]], "critical"),
    ("at min it is clear", {"max": None, "min": 50}, [[BAD, GOOD]], "ok"),
    ("a constant series has one share", {"min": 100, "max": 100}, [[BAD, BAD], [BAD, BAD]], "ok ok"),
    ("the severity can be a warning", {"severity": "warning"}, [[BAD, BAD]], "warning"),
]


@pytest.mark.parametrize(("sentence", "more", "windows", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_shares(sentence: str, more: dict[str, Any], windows: list[Any], expected: str):
    assert answers({**RULE, **more}, windows) == expected.split()


def test_people_read_the_share_and_the_limit():
    assert titles(RULE, [[BAD, GOOD]]) == [
        "m: percentage = 50, matching = 1, records = 2; expected at most 25 % with n >= 500"
    ]


def test_an_incident_ends_when_there_has_not_been_enough_for_long():
    rows = [record(0, n=500), record(1, n=500), *[record(10 * i, n=200) for i in range(1, 6)]]
    window = {"type": "tumbling", "size": "10s"}
    found = told(
        run(config({"m": {"window": window, "detect": RULE, "no_data_after": 3}}), rows, flush=False)
    )
    assert found.incidents() == [(10, "firing", None, None), (40, "resolved", "no data", None)]


REFUSED = [
    ({"of": "n > 1", "max": 5}, {}, "percentage judges windows; add `window:`"),
    ({"of": "n > 1"}, {"window": {"type": "tumbling", "size": "5s"}}, "give `max`, `min` or both"),
    (
        {"of": "nn > 1", "max": 5},
        {"window": {"type": "tumbling", "size": "5s"}},
        r"detect\.of: there is no column 'nn'",
    ),
    (
        {"of": "n > 1", "min": 9, "max": 5},
        {"window": {"type": "tumbling", "size": "5s"}},
        "9 lies above max: 5",
    ),
]


@pytest.mark.parametrize(("detect", "more", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_cannot_be_meant_is_refused(detect: dict[str, Any], more: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": {"detect": {"type": "percentage", **detect}, **more}})
