"""`change` as a truth table: what is another value than the one before."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from streamgauge.testing import judge
from tests.replaying import config, record, run, told

ROWS = [
    ("the first value is learned silently", [0], ["a"], {}, []),
    ("a constant series says nothing", [0, 1, 2, 3], ["a"] * 4, {}, []),
    ("another value is told at its record", [0, 1], ["a", "b"], {}, [1]),
    ("so is the way back", [0, 1, 2], ["a", "b", "a"], {}, [1, 2]),
    ("a missing value is passed over", [0, 1, 2], ["a", None, "a"], {}, []),
    ("and what follows is compared with the last that was there", [0, 1, 2], ["a", None, "b"], {}, [2]),
    ("a field that vanishes changes nothing", [0, 1, 2], ["a", None, None], {}, []),
    ("all missing says nothing", [0, 1, 2], [None, None, None], {}, []),
    ("an older record says nothing about now", [0, 5, 3], ["a", "a", "b"], {}, []),
    ("one of the same moment does", [0, 5, 5], ["a", "a", "b"], {}, [5]),
    ("within: a value that is older than that is no measure", [0, 20], ["a", "b"], {"within": "10s"}, []),
    ("within: but one as old as that is", [0, 10], ["a", "b"], {"within": "10s"}, [10]),
    ("within: what was learned late is compared with later", [0, 20, 25], ["a", "b", "a"], {"within": "10s"}, [25]),
    ("integers are categories", [0, 1, 2], [3.0, 3.0, 4.0], {}, [2]),
    ("an infinite value is missing as any number that is none", [0, 1], [3.0, float("nan")], {}, []),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "times", "values", "detect", "expected"), ROWS, ids=[row[0] for row in ROWS]
)
def test_changes(
    sentence: str, times: list[float], values: list[Any], detect: dict[str, Any], expected: list[float]
):
    found = judge("change", {"of": "f", **detect}, times=times, values={"f": values}, lateness="10s")
    assert [line for line in found if "critical" in line] == [f"{float(at)} critical" for at in expected]


def test_several_fields_are_taken_together():
    rows = [record(0, "a", w="x", n=1), record(1, "a", w="x", n=2), record(2, "a", w="x", n=2)]
    monitor = {"detect": {"type": "change", "of": ["w", "n"], "by": "k"}}
    lines = run(config({"m": monitor}), rows, flush=False).lines
    (fired,) = [line for line in lines if line["kind"] == "incident"]
    assert fired["title"] == "m of a: w = x, n = 2, was = x · 1; expected w and n unchanged"


def test_each_key_has_its_value_and_a_forgotten_one_begins_anew():
    rows = [record(0, "a", w="x"), record(1, "b", w="y"), record(2, "a", w="x"), record(3, "b", w="x")]
    monitor = {"detect": {"type": "change", "of": "w", "by": "k"}}
    assert told(run(config({"m": monitor}), rows, flush=False)).incidents() == [(3, "firing", None, "b")]
    day = 90_000
    late = [*rows[:2], record(2 * day, "c", w="z"), record(2 * day + 1, "a", w="changed long ago")]
    assert told(run(config({"m": monitor}), late, flush=False)).incidents() == []


def test_with_order_time_the_records_of_all_partitions_are_sorted():
    monitor = {"order": "time", "detect": {"type": "change", "of": "w", "by": "k"}}
    parts = {
        0: [record(0, "a", w="x"), record(10, "a", w="y")],
        1: [record(5, "a", w="x"), record(30, "b", w="q")],
    }
    assert told(run(config({"m": monitor}, lateness="10s"), parts)).incidents()[:1] == [
        (10, "firing", None, "a")
    ]


def test_an_unknown_field_is_refused():
    with pytest.raises(ConfigError, match="of: unknown field `ww`"):
        config({"m": {"detect": {"type": "change", "of": "ww"}}})
