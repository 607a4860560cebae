"""`spike` as a truth table: a window against an earlier one."""

from typing import Any

import pytest

from streamgauge.conformance import check_detector
from streamgauge.detectors import spike
from streamgauge.errors import ConfigError
from tests.detectors.windows import answers, lines, titles
from tests.replaying import config, record, run

RULE = {"type": "spike", "ratio": 3, "min_reference": 2}


def counts(*many: int) -> list[list[dict[str, Any]]]:
    return [[{"v": 1.0}] * n for n in many]


ROWS = [
    ("the first window is learning", {}, [5], "learning"),
    ("a constant series is clear", {}, [5, 5, 5], "learning ok ok"),
    ("ratio times as much fires", {}, [2, 6], "learning critical"),
    ("a little less does not", {}, [2, 5], "learning ok"),
    ("a lasting jump against the window before is told once", {}, [2, 6, 6], "learning critical ok"),
    ("a fall is none when only up was asked for", {}, [6, 2], "learning ok"),
    ("down: a fall to a ratioth fires", {"direction": "down"}, [6, 2], "learning critical"),
    ("down: a rise does not", {"direction": "down"}, [2, 6], "learning ok"),
    ("both: either does", {"direction": "both"}, [2, 6, 2], "learning critical critical"),
    ("too small a reference is not enough", {}, [1, 9], "learning not_enough_data"),
    ("too small a window is not enough", {"min_current": 10}, [2, 9], "learning not_enough_data"),
    ("a window without records counts as none", {"min_reference": 0}, [2, 0, 1], "learning critical"),
    (
        "from nothing to nothing is no spike",
        {"min_reference": 0, "direction": "both"},
        [0, 5, 5],
        "learning ok",
    ),
]


@pytest.mark.parametrize(("sentence", "more", "many", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_windows(sentence: str, more: dict[str, Any], many: list[int], expected: str):
    assert answers({**RULE, **more}, counts(*many)) == expected.split()


def test_a_mean_without_values_is_no_data_and_nothing_to_compare_with():
    rows: list[Any] = [[{"v": 2.0}], [{"v": None}], [{"v": 9.0}], [{"v": 9.0}]]
    rule = {"type": "spike", "value": "a", "min_reference": 0}
    assert answers(rule, rows, compute={"a": "avg(v)"}) == ["learning", "no_data", "not_enough_data", "ok"]


def test_a_key_that_falls_to_nothing_is_told_when_empty_windows_are_results():
    rule = {**RULE, "direction": "down"}
    assert answers(rule, counts(6, 0, 6), include_empty=True) == ["learning", "critical", "not_enough_data"]


def test_without_that_an_empty_window_is_no_data_of_an_open_incident():
    assert answers({**RULE, "direction": "both"}, counts(2, 6, 0, 6)) == [
        "learning", "critical", "no_data", "not_enough_data",
    ]  # fmt: skip


def test_against_yesterday_the_same_hour_counts():
    hours = [2, 20, 4] + [4] * 21 + [2, 20, 40]
    rows = [record(3_600 * h + i / 100) for h, n in enumerate(hours) for i in range(n)]
    monitor = {"window": {"type": "tumbling", "size": "1h"}, "detect": {**RULE, "against": "yesterday"}}
    found = run(config({"m": monitor}), [*rows, record(3_600 * len(hours))], flush=False).lines
    severities = [line["severity"] for line in found if line["kind"] == "verdict"]
    assert severities == ["learning"] * 24 + ["ok", "ok", "critical"]


def test_people_read_what_it_was_and_where():
    assert titles(RULE, counts(2, 8)) == [
        "m: count = 8, window_before = 2; expected at most 6 (2 in the window before)"
    ]
    last = [line for line in lines({**RULE, "direction": "both"}, counts(3, 9)) if line["kind"] == "verdict"][
        -1
    ]
    assert (last["lower"], last["upper"], last["expected"]) == (1.0, 9.0, "1 to 9 (3 in the window before)")


def test_the_contract_holds_also_where_empty_windows_are_results():
    example: dict[str, Any] = spike.EXAMPLE
    window = {**example["window"], "include_empty": True}
    check_detector("spike", {**example, "window": window}, compiled=False)


REFUSED = [
    ({"type": "session", "gap": "5s"}, {}, "compares windows of one length"),
    ({"type": "hopping", "size": "5s", "advance": "2s"}, {}, "of which `size` is a multiple"),
    ({"type": "tumbling", "size": "7s"}, {"against": "yesterday"}, "begin at the same times each day"),
    ({"type": "tumbling", "size": "1s"}, {"against": "last_week"}, "would keep 604,800 windows of each key"),
    (
        {"type": "tumbling", "size": "5s", "compute": {"a": "sum(v)", "b": "avg(v)"}},
        {},
        "say which number to judge",
    ),
]


@pytest.mark.parametrize(("window", "more", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_what_cannot_be_meant_is_refused(window: dict[str, Any], more: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": {"window": window, "detect": {**RULE, **more}}})
