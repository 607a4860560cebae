"""Threshold as a truth table: what a window's values make of `when` and `clear_when`."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from tests.replaying import config, record, run, told


def severities(detect: dict[str, Any], values: list[float | None]) -> list[str]:
    """One answer per window with that mean."""
    window = {"type": "tumbling", "size": "5s", "compute": {"a": "avg(v)", "n": "count(*)"}}
    monitor = {"window": window, "detect": {"type": "threshold", **detect}}
    rows = [record(5 * i + 1, v=value) for i, value in enumerate(values)]
    return [
        severity for _, severity, early, _ in told(run(config({"m": monitor}), rows)).verdicts() if not early
    ]


ANSWERS = [
    ("it fires while the condition holds, else it is clear", {"when": "a > 1"}, [2, 1, 0], "critical ok ok"),
    (
        "between the two it is neither",
        {"when": "a > 5", "clear_when": "a < 3"},
        [6, 4, 2],
        "critical neither ok",
    ),
    ("where both hold it fires", {"when": "a > 5", "clear_when": "a > 3"}, [6, 4], "critical ok"),
    ("what cannot be answered is no data", {"when": "a > 1"}, [None], "no_data"),
    ("also where only clear_when could be answered", {"when": "a > 1", "clear_when": "n > 0"}, [None], "ok"),
    ("the severity can be a warning", {"when": "a > 1", "severity": "warning"}, [2], "warning"),
    ("a part that is missing need not make it unanswerable", {"when": "a > 1 or n > 0"}, [None], "critical"),
]


@pytest.mark.parametrize(
    ("sentence", "detect", "values", "expected"), ANSWERS, ids=[row[0] for row in ANSWERS]
)
def test_answers(sentence: str, detect: dict[str, Any], values: list[float | None], expected: str):
    assert severities(detect, values) == expected.split()


def test_dividing_by_zero_is_no_data():
    window = {"type": "tumbling", "size": "5s", "compute": {"a": "sum(v)", "n": "count(n)"}}
    monitor = {"window": window, "detect": {"type": "threshold", "when": "a / n > 1"}}
    rows = [record(1, v=5.0), record(6, v=5.0, n=1)]
    assert [v[1] for v in told(run(config({"m": monitor}), rows)).verdicts()] == ["no_data", "critical"]


def test_what_was_expected_is_the_condition_turned_round():
    monitor = {"detect": {"type": "threshold", "when": "v > 3", "clear_when": "v < 1"}}
    lines = run(config({"m": monitor}), [record(1, v=5.0)]).lines
    assert lines[0]["expected"] == "v < 1"


def test_without_a_window_each_record_is_judged():
    monitor = {"detect": {"type": "threshold", "when": "v > 3"}}
    replayed = run(config({"m": monitor}), [record(1, v=5.0), record(2, v=4.0), record(3, v=1.0), record(4)])
    assert [v[:2] for v in told(replayed).verdicts()] == [
        (1, "critical"),
        (2, "critical"),
        (3, "ok"),
        (4, "no_data"),
    ]
    assert told(replayed).incidents() == [(1, "firing", None, None), (3, "resolved", "recovered", None)]
    first = next(line for line in replayed.lines if line["kind"] == "incident")
    assert (first["partition"], first["offset"], first["samples"][0]["v"]) == ("s:0", 0, 5.0)


def test_without_a_window_the_condition_holds_until_told_otherwise():
    monitor = {"detect": {"type": "threshold", "when": "v > 3"}, "for": "10s"}
    configured = config({"m": monitor})
    for size in (1, 100):
        found = told(
            run(configured, [record(1, v=5.0), record(9, v=5.0), record(20)], batch_size=size, flush=False)
        )
        assert found.incidents() == [(11, "firing", None, None)]
        assert told(run(configured, [record(1, v=5.0), record(9, v=0.0), record(30)])).incidents() == []


def test_a_condition_over_what_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="evnts"):
        config(
            {
                "m": {
                    "window": {"type": "tumbling", "size": "5s"},
                    "detect": {"type": "threshold", "when": "evnts > 1"},
                }
            }
        )
