"""`allowlist` and `blocklist` as a truth table: which values are told."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from streamgauge.testing import judge
from tests.replaying import config, record, run

ROWS = [
    ("blocklist", "a listed text is told", {"values": ["a", "b"]}, ["a", "c", "b"], [0, 2]),
    ("blocklist", "no listed text, nothing told", {"values": ["a"]}, ["c", "c"], []),
    ("blocklist", "a missing value is on no list", {"values": ["a"]}, [None, "a"], [1]),
    ("blocklist", "numbers are compared as numbers", {"values": [1, 2.5]}, [1.0, 2.5, 3.0, None], [0, 1]),
    ("blocklist", "infinity is on no list", {"values": [1]}, [float("inf"), 1.0], [1]),
    ("blocklist", "true and false are values", {"values": [False]}, [True, False], [1]),
    ("allowlist", "what is not listed is told", {"values": ["a", "b"]}, ["a", "c", "b"], [1]),
    ("allowlist", "a constant series that is listed says nothing", {"values": ["a"]}, ["a"] * 5, []),
    ("allowlist", "a missing value is passed over", {"values": ["a"]}, ["a", None], []),
    ("allowlist", "unless it must not be missing", {"values": ["a"], "missing": True}, ["a", None], [1]),
    ("allowlist", "infinity is not listed", {"values": [1]}, [1.0, float("inf")], []),
    ("allowlist", "a number that is not listed is told", {"values": [1]}, [1.0, 1.5], [1]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "sentence", "detect", "values", "expected"), ROWS, ids=[f"{row[0]}: {row[1]}" for row in ROWS]
)
def test_values(rule: str, sentence: str, detect: dict[str, Any], values: list[Any], expected: list[int]):
    found = judge(
        rule, {"of": "f", **detect}, times=[float(i) for i in range(len(values))], values={"f": values}
    )
    assert found == [f"{float(i)} critical" for i in expected]


def test_integers_as_categories():
    monitor = {"detect": {"type": "allowlist", "of": "n", "values": [200, 404], "by": "k"}}
    lines = run(config({"m": monitor}), [record(0, "a", n=200), record(1, "a", n=500)], flush=False).lines
    (fired,) = [line for line in lines if line["kind"] == "incident"]
    assert fired["title"] == "m of a: n = 500; expected n one of 200, 404"


def test_a_long_list_is_cut_in_words():
    monitor = {"detect": {"type": "blocklist", "of": "w", "values": list("abcdefgh")}}
    lines = run(config({"m": monitor}), [record(0, w="a")], flush=False).lines
    assert lines[0]["expected"] == "w none of a, b, c, d, e and 3 more"


REFUSED = [
    ({"of": "nn", "values": [1]}, "unknown field `nn`"),
    ({"of": "n", "values": ["200"]}, "'200' is not a number, and the field `n` is a int"),
    ({"of": "w", "values": [5]}, "5 is not text"),
    ({"of": "w", "values": []}, "values"),
]


@pytest.mark.parametrize(("detect", "message"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_cannot_be_meant_is_refused(detect: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": {"detect": {"type": "blocklist", **detect}}})
