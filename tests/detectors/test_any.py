"""`any` as a truth table; how the incidents of all event rules begin, go on and end."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from streamgauge.testing import judge
from tests.replaying import config, record, run, told

ROWS = [
    ("a match is told at its record", [0, 1], [0, 9], "0s", ["1.0 critical"]),
    ("what does not match says nothing", [0, 1], [0, 1], "0s", []),
    ("what is missing is no match", [0, 1], [None, None], "0s", []),
    ("it ends when no match came for so long", [0, 5, 9, 10], [9, 0, 0, 0], "0s", ["0.0 critical", "10.0 ok"]),
    ("a further match keeps it open", [0, 6, 12], [9, 9, 0], "0s", ["0.0 critical", "6.0 critical"]),
    ("and its end counts from the last one", [0, 6, 16], [9, 9, 0], "0s",
     ["0.0 critical", "6.0 critical", "16.0 ok"]),
    ("a match beyond the pause is another incident", [0, 11], [9, 9], "0s",
     ["0.0 critical", "10.0 ok", "11.0 critical"]),
    ("one at its very end is still the same", [0, 10], [9, 9], "0s", ["0.0 critical", "10.0 critical"]),
    ("an older match does not bring the end nearer", [0, 8, 4, 15], [9, 9, 9, 0], "20s",
     ["0.0 critical", "8.0 critical", "4.0 critical"]),
    ("one that comes when it is long over begins and ends at once", [0, 50, 20], [0, 0, 9], "0s",
     ["20.0 critical", "30.0 ok"]),
    ("one row is enough", [0], [9], "0s", ["0.0 critical"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "times", "values", "lateness", "expected"), ROWS, ids=[row[0] for row in ROWS]
)
def test_matches(sentence: str, times: list[float], values: list[Any], lateness: str, expected: list[str]):
    rule = {"when": "value > 5", "resolve_after": "10s"}
    found = judge("any", rule, times=times, values=values, lateness=lateness)
    assert sorted(found) == sorted(expected)


def any_(rows: list[Any], **detect: Any) -> Any:
    monitor = {"detect": {"type": "any", "resolve_after": "10s", **detect}}
    return run(config({"m": monitor}), rows, flush=False)


def test_without_a_condition_each_record_that_where_lets_through_matches():
    monitor = {"where": "w = 'x'", "detect": {"type": "any", "by": "k", "resolve_after": "10s"}}
    found = told(run(config({"m": monitor}), [record(1, "a", w="x"), record(2, "b", w="y")], flush=False))
    assert found.incidents() == [(1, "firing", None, "a")]


def test_each_key_has_incidents_of_its_own_and_time_ends_them_all():
    rows = [record(0, "a", v=9.0), record(1, "b", v=9.0), record(12, "c", v=0.0)]
    assert told(any_(rows, when="v > 5", by="k")).incidents() == [
        (0, "firing", None, "a"),
        (1, "firing", None, "b"),
        (10, "resolved", "recovered", "a"),
        (11, "resolved", "recovered", "b"),
    ]


def test_what_people_read():
    rows = [record(0, "a", v=9.0), record(2, "a", v=8.0), record(30, "a", v=0.0)]
    first, last = (line for line in any_(rows, when="v > 5", by="k").lines if line["kind"] == "incident")
    assert first["title"] == "m of a: v = 9; expected no record with v > 5"
    assert [sample["v"] for sample in first["samples"]] == [9.0]
    assert last["observed"]["matches"] == 2
    assert last["evidence"]["on_resolve"] == {"matches": 2, "none_for": "10s"}


def test_what_is_masked_is_not_shown():
    fields = {"k": "string", "v": {"type": "float", "mask": True}, "at": {"type": "timestamp", "unit": "us"}}
    monitor = {"detect": {"type": "any", "when": "v > 5", "by": "k"}}
    lines = run(config({"m": monitor}, fields=fields), [record(0, "a", v=9.0)]).lines
    assert "9" not in str([line["observed"] for line in lines if line["kind"] == "verdict"])
    assert next(line for line in lines if line["kind"] == "incident")["title"] == (
        "m of a: fired; expected no record with v > 5"
    )


REFUSED = [
    ({}, {"window": {"type": "tumbling", "size": "5s"}}, "leave out `window:`"),
    ({"resolve_after": "24h"}, {}, "must be shorter than the stream's limits.forget"),
    ({"when": "vv > 1"}, {}, "there is no column 'vv'"),
]


@pytest.mark.parametrize(("detect", "more", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_cannot_be_meant_is_refused(detect: dict[str, Any], more: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": {"detect": {"type": "any", **detect}, **more}})
