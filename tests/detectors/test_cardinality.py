"""`cardinality` as a truth table: how many different values a window holds."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from tests.detectors.windows import answers, lines, titles
from tests.replaying import config


def held(*words: str | None) -> list[dict[str, Any]]:
    return [{"w": word} for word in words]


RULE = {"type": "cardinality", "of": "w", "max": 2}
ROWS = [
    ("as many as max are fine", {}, [held("a", "b")], "ok"),
    ("one more fires", {}, [held("a", "b", "c")], "critical"),
    ("a constant series is one value", {}, [held("a", "a", "a", "a")], "ok"),
    ("missing ones do not count", {}, [held("a", "b", None)], "ok"),
    ("all missing are none", {"max": None, "min": 1}, [held(None, None)], "critical"),
    ("too few fire", {"max": None, "min": 2}, [held("a", "a")], "critical"),
    ("as many as min are fine", {"max": None, "min": 2}, [held("a", "b")], "ok"),
    ("each window counts anew", {}, [held("a", "b", "c"), held("a", "b")], "critical ok"),
    ("one row is one value", {}, [held("a")], "ok"),
]


@pytest.mark.parametrize(("sentence", "more", "windows", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_values(sentence: str, more: dict[str, Any], windows: list[Any], expected: str):
    assert answers({**RULE, **more}, windows) == expected.split()


def test_too_many_is_told_at_the_record_that_is_one_too_many():
    found = [line for line in lines(RULE, [held("a", "b", "b", "c", "d")]) if line["kind"] == "verdict"]
    assert [(line["severity"], line["early"], line["at"][17:23]) for line in found] == [
        ("critical", True, "00.003"),
        ("critical", False, "10.000"),
    ]


def test_unless_the_window_is_told_to_wait():
    found = [line for line in lines(RULE, [held("a", "b", "c")], early=False) if line["kind"] == "verdict"]
    assert [line["early"] for line in found] == [False]


def test_integers_are_categories():
    rows = [[{"n": i} for i in (1, 2, 3, 3)]]
    assert titles({**RULE, "of": "n"}, rows) == ["m: different_n = 3; expected at most 2 different n"]


def test_a_key_that_falls_to_nothing_is_told_when_empty_windows_are_results():
    rule = {"type": "cardinality", "of": "w", "min": 1}
    assert answers(rule, [held("a"), [], held("a")], include_empty=True) == ["ok", "critical", "ok"]


def test_a_field_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match=r"detect\.of: unknown field `ww`"):
        config({"m": {"window": {"type": "tumbling", "size": "5s"}, "detect": {**RULE, "of": "ww"}}})
