"""`range` as a truth table: which numbers lie outside."""

from typing import Any

import numpy as np
import pytest

from streamgauge.batch import Column
from streamgauge.detectors.contract import Context
from streamgauge.errors import ConfigError
from streamgauge.testing import judge
from tests.detectors.feeding import built, records, severities
from tests.replaying import config, record, run

BOTH = {"min": 0, "max": 60}
ROWS = [
    ("inside says nothing", BOTH, [1.0, 30.0], []),
    ("both limits are allowed values", BOTH, [0.0, 60.0], []),
    ("below is told", BOTH, [-0.001], [0]),
    ("above is told", BOTH, [60.001], [0]),
    ("what is missing is not judged", BOTH, [None, None], []),
    ("a field that vanishes is not judged", BOTH, [1.0, None, None], []),
    ("one limit may stand alone", {"min": 0}, [1e300, -1.0], [1]),
    ("a constant series inside says nothing", BOTH, [5.0] * 4, []),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "bounds", "values", "expected"), ROWS, ids=[row[0] for row in ROWS])
def test_numbers(sentence: str, bounds: dict[str, float], values: list[Any], expected: list[int]):
    times = [float(i) for i in range(len(values))]
    found = judge("range", {"of": {"value": bounds}}, times=times, values=values)
    assert found == [f"{float(i)} critical" for i in expected]


def test_infinities_are_outside_and_nan_is_missing():
    detector = built("range", Context("m", {"v": "float"}, windowed=False), of={"v": {"max": 60}})
    column = Column("float", numbers=np.array([np.inf, -np.inf, np.nan, 60.0]))
    found = detector.step(detector.initial(), records({"v": column}, [0, 1, 2, 3]))
    assert severities(found) == [(0, "critical")]


def test_people_read_only_what_is_outside():
    detect = {"type": "range", "of": {"v": {"min": 0, "max": 60}, "n": {"max": 3}}, "by": "k"}
    rows = [record(0, "a", v=80.0, n=9), record(400, "a", v=-1.0, n=3)]
    lines = run(config({"m": {"detect": detect}}), rows, flush=False).lines
    titles = [line["title"] for line in lines if line["kind"] == "incident" and line["status"] == "firing"]
    assert titles == [
        "m of a: v = 80, n = 9; expected v 0 to 60, n at most 3",
        "m of a: v = -1; expected v 0 to 60",
    ]


REFUSED = [
    ({"w": {"min": 0}}, "`w` is a string; a range is of numbers"),
    ({"x": {"min": 0}}, "unknown field `x`"),
    ({"v": {}}, "give `min`, `max` or both"),
    ({"v": {"min": 3, "max": 1}}, "3 lies above max: 1"),
    ({}, "of"),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_cannot_be_meant_is_refused(fields: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": {"detect": {"type": "range", "of": fields}}})
