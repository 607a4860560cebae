"""`missing` as a truth table: fields that are not there."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from tests.detectors.windows import answers, titles
from tests.replaying import config

RULE = {"type": "missing", "of": ["v", "w"], "max": 40, "min_records": 2}
WHOLE, NO_V, NOTHING = {"v": 1.0, "w": "x"}, {"v": None, "w": "x"}, {"v": None, "w": None}
ROWS = [
    ("all there is clear", {}, [[WHOLE, WHOLE]], "ok"),
    ("more than max fires", {}, [[WHOLE, NO_V]], "critical"),
    ("at max it is clear", {"max": 50}, [[WHOLE, NO_V]], "ok"),
    ("a constant series is not missing", {}, [[WHOLE] * 5], "ok"),
    ("all missing fires", {}, [[NOTHING, NOTHING]], "critical"),
    ("one row is not enough", {}, [[NO_V]], "not_enough_data"),
    ("unless that was asked for", {"min_records": 1}, [[NO_V]], "critical"),
    ("a field that vanishes in mid-stream fires", {}, [[WHOLE, WHOLE], [WHOLE, NO_V], [NO_V, NO_V]],
     "ok critical critical"),
    ("by default one is too many", {"max": 0}, [[WHOLE] * 9 + [NO_V]], "critical"),
    ("a field of the record that was never declared there is missing", {}, [[{"w": "x"}, {"w": "x"}]], "critical"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "more", "windows", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_shares(sentence: str, more: dict[str, Any], windows: list[Any], expected: str):
    assert answers({**RULE, **more}, windows) == expected.split()


def test_people_read_which_field():
    assert titles(RULE, [[NO_V, NO_V]]) == [
        "m: v_missing = 100, records = 2; expected at most 40 % without v or w"
    ]


def test_a_field_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match=r"detect\.of: unknown field `vv`"):
        config({"m": {"window": {"type": "tumbling", "size": "5s"}, "detect": {**RULE, "of": ["v", "vv"]}}})
