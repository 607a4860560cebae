"""`freshness` as a truth table: how far the newest data lies behind the stream's time."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from tests.replaying import FIELDS, S, config, record, run, told

FIELDS_HERE = {**FIELDS, "made": {"type": "timestamp", "unit": "us"}}
ROWS = [
    ("data as new as its records is fresh", [(0, 0), (20, 20), (40, 40)], []),
    ("a constant newest value grows old", [(0, 0), (20, 0), (31, 0)], [(30, "firing")]),
    ("exactly after is not too old", [(0, 0), (30, 0)], []),
    ("newer data ends it", [(0, 0), (31, 0), (40, 35)], [(30, "firing"), (40, "resolved")]),
    ("newer that is still too old does not", [(0, 0), (31, 0), (60, 20)], [(30, "firing")]),
    ("older data changes nothing", [(0, 0), (20, -50), (29, -9)], []),
    ("what is missing brings nothing new", [(0, 0), (20, None), (31, None)], [(30, "firing")]),
    ("all missing is never judged", [(0, None), (99, None)], []),
    ("a field that vanishes grows old", [(0, 0), (10, 10), (20, None), (41, None)], [(40, "firing")]),
    ("old data is told at the record that brings it", [(0, None), (100, 3), (101, 4)], [(100, "firing")]),
    ("a value ahead of its record counts as the record's time", [(0, 900), (31, 0)], [(30, "firing")]),
    ("one row is fresh", [(5, 5)], []),
    ("a gap without records is one too", [(0, 0), (50, 50)], [(30, "firing"), (50, "resolved")]),
]


def fresh(rows: list[tuple[float, float | None]], **more: Any) -> Any:
    detect = {"type": "freshness", "of": "made", "by": "k", "after": "30s", **more}
    records = [record(at, "a", made=None if made is None else round(made * S)) for at, made in rows]
    return run(config({"m": {"detect": detect}}, fields=FIELDS_HERE), records, flush=False)


@pytest.mark.parametrize(("sentence", "rows", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_ages(sentence: str, rows: list[tuple[float, float | None]], expected: list[tuple[float, str]]):
    assert [line[:2] for line in told(fresh(rows)).incidents()] == expected


def test_the_backlog_is_read_first():
    detect = {"type": "freshness", "by": "k", "after": "30s"}
    rows = [record(t, k) for t in range(0, 600, 10) for k in ("a", "b")]
    assert told(run(config({"m": {"detect": detect}}), rows, flush=False)).incidents() == []


def test_a_key_that_never_comes_back_is_forgotten_which_is_no_recovery():
    detect = {"type": "freshness", "by": "k", "after": "30s", "forget": "60s"}
    rows = [record(0, "a"), *[record(t, "b") for t in range(0, 200, 10)]]
    assert told(run(config({"m": {"detect": detect}}), rows, flush=False)).incidents() == [
        (30, "firing", None, "a"),
        (60, "resolved", "forgotten", "a"),
    ]


def test_what_people_read():
    lines = fresh([(0, 0), (31, 0)]).lines
    (fired,) = [line for line in lines if line["kind"] == "incident"]
    assert fired["title"] == (
        "m of a: age_seconds = 30, newest = 1970-01-01T00:00:00.000Z; expected made no older than 30s"
    )


REFUSED = [
    ({"of": "v"}, "`v` is a float; declare it as timestamp"),
    ({"of": "mode"}, "unknown field `mode`"),
    ({"forget": "10s"}, "10s must be longer than after: 30s"),
]


@pytest.mark.parametrize(("more", "message"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_cannot_be_meant_is_refused(more: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        fresh([], **more)
