"""`duplicates` as a truth table: records that come more than once."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from tests.detectors.windows import answers, lines, titles
from tests.replaying import config

RULE = {"type": "duplicates", "of": "w"}


def held(*words: str | None) -> list[dict[str, Any]]:
    return [{"w": word} for word in words]


ROWS = [
    ("each once is clear", {}, [held("a", "b", "c")], "ok"),
    ("one repeat is too many", {}, [held("a", "b", "b")], "critical"),
    ("a share up to max is fine", {"max": 50}, [held("a", "a")], "ok"),
    ("a constant series is all repeats but one", {"max": 74}, [held("a", "a", "a", "a")], "critical"),
    ("missing ones repeat nothing", {}, [held("a", None, None)], "ok"),
    ("all missing is no data", {}, [held(None, None)], "no_data"),
    ("one row is no repeat", {}, [held("a")], "ok"),
    ("too few are not enough", {"min_records": 3}, [held("a", "a")], "not_enough_data"),
    ("a repeat in a later window is not seen", {}, [held("a"), held("a")], "ok ok"),
]


@pytest.mark.parametrize(("sentence", "more", "windows", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_repeats(sentence: str, more: dict[str, Any], windows: list[Any], expected: str):
    assert answers({**RULE, **more}, windows) == expected.split()


def test_integers_are_categories_and_people_read_how_many():
    rows = [[{"n": 1}, {"n": 2}, {"n": 2}, {"n": 2}]]
    assert titles({**RULE, "of": "n"}, rows) == [
        "m: repeated_percent = 50, repeated = 2, records = 4; expected at most 0 % with an n that came before"
    ]


def test_what_is_estimated_is_told_only_where_it_is_sure():
    """12,000 different values are an estimate: that some of them look like repeats is not told; half of them is."""
    once = [{"n": i} for i in range(12_000)]
    assert answers({**RULE, "of": "n"}, [once], size="100s") == ["ok"]
    (said,) = [
        line
        for line in lines({**RULE, "of": "n"}, [once + once[:6_000]], size="100s")
        if line["kind"] == "verdict"
    ]
    assert said["severity"] == "critical"
    assert 25 < said["observed"]["repeated_percent"] <= 100 / 3


def test_what_the_window_keeps_for_it_is_shown_to_nobody():
    once = [{"n": i} for i in range(12_000)]
    (window,) = [line for line in lines({**RULE, "of": "n"}, [once], size="100s") if line["kind"] == "window"]
    assert window["values"] == {"count": 12_000}


def test_a_field_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match=r"detect\.of: unknown field `ww`"):
        config({"m": {"window": {"type": "tumbling", "size": "5s"}, "detect": {**RULE, "of": "ww"}}})
