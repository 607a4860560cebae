"""`pattern` as a truth table: what follows what, how soon, and what ends it."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from tests.replaying import config, record, run, told

AB = ["w = 'a'", "w = 'b'"]
ABC = [*AB, "w = 'c'"]
THRICE = [{"when": "w = 'a'", "times": 3}, "w = 'b'"]

ROWS = [
    ("the first step alone is nothing", [0, 1], "aa", {}, []),
    ("the last step alone is nothing", [0, 1], "bb", {}, []),
    ("the steps in their order are a match, told at the last", [0, 1], "ab", {}, [1]),
    ("in the other order they are none", [0, 1], "ba", {}, []),
    ("other records may come between", [0, 1, 2, 3], "axyb", {}, [3]),
    ("as long as within is in time", [0, 10], "ab", {}, [10]),
    ("a moment longer is too late", [0, 10.001], "ab", {}, []),
    ("a later first step is in time where an earlier one is not", [0, 8, 12], "aab", {}, [12]),
    ("of three steps the first counts for the time, not the one before",
     [0, 6, 12], "abc", {"steps": ABC}, []),
    ("of three steps an older sequence may be overtaken by one that is in time",
     [0, 5, 6, 7, 12], "aabbc", {"steps": ABC}, [12]),
    ("a step that comes too early does not count", [0, 1, 2, 3], "bacb", {"steps": ABC}, []),
    ("a match uses up what was begun", [0, 1, 2, 3], "aabb", {}, [2]),
    ("and the next sequence begins after it", [0, 1, 2, 3], "abab", {}, [1, 3]),
    ("one record is one step, though it fulfils both", [0, 1], "aa", {"steps": ["w = 'a'", "w in ('a', 'b')"]}, [1]),
    ("a single record that fulfils both is no sequence", [0], "a", {"steps": ["w = 'a'", "w in ('a', 'b')"]}, []),
    ("a step may take several records", [0, 1, 2, 3], "aaab", {"steps": THRICE}, [3]),
    ("fewer are not enough", [0, 1, 2], "aab", {"steps": THRICE}, []),
    ("of more the last ones count for the time", [0, 5, 6, 7, 12], "aaaab", {"steps": THRICE}, [12]),
    ("one step of several records is a sequence", [0, 1, 2, 3], "aaaa", {"steps": THRICE[:1]}, [2]),
    ("until ends what was begun", [0, 1, 2], "axb", {"until": "w = 'x'"}, []),
    ("what begins after it goes on", [0, 1, 2, 3], "axab", {"until": "w = 'x'"}, [3]),
    ("a record that ends may begin anew", [0, 1, 2], "aab", {"until": "w = 'a'"}, [2]),
    ("a record that ends completes nothing", [0, 1], "ab", {"until": "w = 'b'"}, []),
    ("a missing value is no step and no end", [0, 1, 2], ["a", None, "b"], {"until": "w = 'x'"}, [2]),
    ("all missing says nothing", [0, 1, 2], [None] * 3, {}, []),
    ("a field that vanishes changes nothing", [0, 1, 2], ["a", None, None], {}, []),
    ("a constant series is no sequence", [0, 1, 2, 3], "xxxx", {}, []),
    ("one row is no sequence", [0], "a", {}, []),
    ("an older record comes after nothing", [0, 5, 3], "axb", {}, []),
    ("one of the same moment comes after", [5, 5], "ab", {}, [5]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "times", "words", "detect", "expected"), ROWS, ids=[row[0] for row in ROWS]
)
def test_sequences(
    sentence: str, times: list[float], words: Any, detect: dict[str, Any], expected: list[float]
):
    asked = {"detect": {"type": "pattern", "steps": AB, "within": "10s", **detect}}
    rows = [record(at, w=word) for at, word in zip(times, words, strict=True)]
    found = told(run(config({"m": asked}, lateness="10s"), rows, flush=False)).verdicts()
    assert [at for at, severity, *_ in found if severity == "critical"] == expected


def monitor(**more: Any) -> dict[str, Any]:
    return {"detect": {"type": "pattern", "steps": ["v < 5", "v > 500"], "within": "10m", "by": "k", **more}}


def test_each_key_has_its_own_sequences():
    rows = [
        record(0, "a", v=1.0),
        record(1, "b", v=900.0),
        record(2, "b", v=1.0),
        record(3, "a", v=900.0),
        record(4, None, v=900.0),
    ]
    assert told(run(config({"m": monitor()}), rows, flush=False)).incidents() == [(3, "firing", None, "a")]


def test_an_incident_says_what_was_seen_and_ends_when_no_more_comes():
    rows = [record(0, "a", v=1.0), record(125, "a", v=900.0), record(1000, "b", v=50.0)]
    lines = run(config({"m": monitor(resolve_after="2m")}), rows, flush=False).lines
    fired, over = [line for line in lines if line["kind"] == "incident"]
    assert fired["title"] == (
        "m of a: v = 900, began = 1970-01-01T00:00:00.000Z, took = 2m5s; "
        "expected not within 10m: v < 5, then v > 500"
    )
    assert (over["status"], over["at"]) == ("resolved", "1970-01-01T00:04:05.000Z")


def test_records_of_several_partitions_are_sorted_where_that_is_asked_for():
    parts = {0: [record(0, "a", v=1.0), record(20, "a", v=2.0)], 1: [record(10, "a", v=900.0)]}
    ordered = {"order": "time", **monitor()}
    found = told(run(config({"m": ordered}, lateness="30s"), parts))
    assert found.incidents()[:1] == [(10, "firing", None, "a")]


def test_a_sequence_may_take_almost_as_long_as_a_key_is_known():
    asked = monitor(within="59m", resolve_after="1m")
    rows = [record(0, "a", v=1.0), record(3500, "a", v=900.0), record(40_000, "b", v=1.0)]
    found = told(run(config({"m": asked}, limits={"forget": "1h"}), rows))
    assert found.incidents() == [(3500, "firing", None, "a"), (3560, "resolved", "recovered", "a")]


def test_many_keys_with_one_record_each():
    rows = [record(i / 100, f"k{i}", v=float(i % 2) * 900) for i in range(2000)]
    assert told(run(config({"m": monitor()}), rows, flush=False)).incidents() == []


def test_what_is_masked_is_not_shown():
    fields = {"k": "string", "v": {"type": "float", "mask": True}, "at": {"type": "timestamp", "unit": "us"}}
    rows = [record(0, "a", v=1.0), record(1, "a", v=900.0)]
    lines = run(config({"m": monitor()}, fields=fields), rows, flush=False).lines
    (fired,) = [line for line in lines if line["kind"] == "verdict"]
    assert set(fired["observed"]) == {"began", "took"}


REFUSED = [
    ("one step of one record", {"steps": ["v > 1"]}, "one step of one record is no sequence"),
    ("no step at all", {"steps": []}, "must not be empty"),
    ("more records than there may be", {"steps": [{"when": "v > 1", "times": 60}] * 2}, "they take 120 records"),
    ("a condition on what is not there", {"steps": ["v > 1", "vv > 2"]}, "vv"),
    ("a step that is no condition", {"steps": ["v > 1", "v + 2"]}, "a condition is true or false"),
    ("a time after which keys are forgotten", {"within": "2d"}, "within: 2d must be shorter than the stream's limits.forget"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "detect", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(sentence: str, detect: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": monitor(**detect)})


def test_a_mistake_in_a_step_is_told_at_that_step():
    with pytest.raises(ConfigError, match=r"\$\.monitors\.m\.detect\.steps\[1\]: "):
        config({"m": monitor(steps=["v > 1", "vv > 2"])})


def test_windows_are_refused():
    window = {"type": "tumbling", "size": "5s"}
    with pytest.raises(ConfigError, match="pattern judges single records; leave out `window:`"):
        config({"m": {"window": window, **monitor()}})
