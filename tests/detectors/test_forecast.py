"""Forecast as a truth table: what is foretold, when it alarms, and what it learns from."""

import random
from typing import Any

import numpy as np
import pytest

from streamgauge.config import plugins
from streamgauge.conformance.driving import Given, Way, drive, planned
from streamgauge.detectors.contract import Context
from streamgauge.errors import ConfigError
from streamgauge.testing import judge
from tests.replaying import FIELDS, config, run

HOUR = 3600.0
DAYS = 12


def usual(hours: int = 24 * DAYS, seed: int = 1) -> list[Any]:
    """Ten at night, thirty by day, give or take one."""
    draw = random.Random(seed).gauss
    return [(30.0 if 8 <= hour % 24 < 18 else 10.0) + draw(0, 1) for hour in range(hours)]


def told(values: list[Any], **more: Any) -> list[str]:
    said = judge("forecast", more, times=[HOUR * hour for hour in range(len(values))], values=values)
    return [line.split()[1] for line in said]


LAST = [
    ("what is usual at that hour is fine", [10.0, 10.0, 10.0], {}, "ok"),
    ("what is usual at another hour is not, three times in a row", [30.0, 30.0, 30.0], {}, "critical"),
    ("twice is not enough", [10.0, 30.0, 30.0], {}, "ok"),
    ("twice is enough where that is asked", [10.0, 30.0, 30.0], {"rows": 2}, "critical"),
    ("too little is told as well", [-30.0, -30.0, -30.0], {}, "critical"),
    ("but not where only more counts", [-30.0, -30.0, -30.0], {"side": "above"}, "ok"),
    ("nor too much where only less counts", [90.0, 90.0, 90.0], {"side": "below"}, "ok"),
    ("it is as bad as is said", [90.0, 90.0, 90.0], {"severity": "warning"}, "warning"),
    ("a missing value is no data", [90.0, 90.0, None], {}, "no_data"),
    ("a missing value does not end a run", [90.0, 90.0, None, 90.0], {}, "critical"),
    ("within again, but not for long enough, says nothing", [90.0, 90.0, 90.0, 10.0, 10.0], {}, "neither"),
    ("within for as many it is over", [90.0, 90.0, 90.0, 10.0, 10.0, 10.0], {}, "ok"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "last", "asked", "severity"), LAST, ids=[row[0] for row in LAST])
def test_the_last_value(sentence: str, last: list[Any], asked: dict[str, Any], severity: str):
    assert told([*usual(), *last], **asked)[-1] == severity


def test_it_learns_first():
    said = told(usual())
    assert set(said[:100]) == {"learning"}
    assert said[101] == "ok"


def test_one_row_and_all_missing():
    assert told([1.0]) == ["learning"]
    assert set(told([None] * 20)) == {"no_data"}


def test_a_series_that_never_changes_is_fine_until_it_does():
    said = told([5.0] * 150 + [6.0] * 3)
    assert set(said[101:152]) == {"ok"}
    assert said[-1] == "critical"


def test_a_new_level_is_accepted_after_a_while():
    said = told(
        [*[10.0 + i % 3 for i in range(200)], *[50.0 + i % 3 for i in range(150)]], accept_after="12h"
    )
    assert said[203] == "critical"
    assert said[-1] == "ok"


def test_quiet_data_rarely_alarms():
    draw = np.random.default_rng(7)
    values = (20 + 5 * np.sin(np.arange(3000) / 24 * 2 * np.pi) + draw.normal(size=3000)).tolist()
    assert told(values).count("critical") <= 3


def lines(rows: list[dict[str, Any]], **detect: Any) -> list[Any]:
    monitor = {"detect": {"type": "forecast", "value": "v", **detect}}
    return [
        line
        for line in run(config({"m": monitor}, fields=FIELDS), rows, flush=False).lines
        if line["kind"] == "verdict"
    ]


def at_hours(values: list[Any], k: str = "a") -> list[dict[str, Any]]:
    return [{"at": int(HOUR * 1e6) * hour, "k": k, "v": value} for hour, value in enumerate(values)]


def test_it_says_what_it_expected_and_why():
    line = lines(at_hours(usual()))[-1]
    assert line["lower"] < line["expected"] < line["upper"]
    assert line["expected"] == pytest.approx(10, abs=1)
    assert line["evidence"] == {"foretold_by": "time of day"}


def test_weeks_are_learned_where_days_differ():
    weekly = [value * (0.2 if hour // 24 % 7 >= 5 else 1.0) for hour, value in enumerate(usual(24 * 7 * 6))]
    said = lines(at_hours(weekly))
    ways = [line["evidence"]["foretold_by"] for line in said[-24 * 7 :]]
    assert ways.count("time of week") > 0.8 * len(ways)
    assert {line["severity"] for line in said[-24 * 7 :]} == {"ok"}


def test_each_key_has_a_course_of_its_own():
    rows = [
        row
        for pair in zip(at_hours(usual(), "a"), at_hours([v * 100 for v in usual()], "b"), strict=True)
        for row in pair
    ]
    last = {line["key"]: line["expected"] for line in lines(rows, by="k")[-2:]}
    assert last["b"] > 50 * last["a"]


def test_many_keys_with_one_value_hold_no_ring():
    module = plugins.module("detectors", "forecast")
    state = module.ForecastState(24)
    state.make_room(100_000)
    assert sum(column.nbytes for column in (*state.course, *state.past)) / 100_000 < 150


def test_a_gap_of_many_days_empties_the_slots():
    values = [*usual(), *[None] * 24 * 20, *usual(24 * 3, seed=2)]
    said = [line for line in lines(at_hours(values)) if line["severity"] != "no_data"]
    assert said[-30]["evidence"] == {"foretold_by": "running mean"}


@pytest.mark.parametrize("aligned", [True, False])
def test_days_do_not_depend_on_how_the_stream_is_driven(aligned: bool):
    draw = random.Random(4)
    given = [
        Given("ab".index(key), int(HOUR * 1e6) * hour, {"key": key, "value": draw.gauss(hour % 24, 1), "number": 0, "word": "x"})
        for hour in range(24 * 9) for key in "ab"
    ]  # fmt: skip
    plan = planned(
        {"detect": {"type": "forecast", "value": "value", "by": "key", "rows": 1}}, aligned=aligned
    )
    whole = drive(plan, given, Way())
    cuts = frozenset({1, 100, 333, 400, 401})
    for way in (Way(cuts), Way(cuts, restored=True), Way(cuts, compiled=True)):
        assert drive(plan, given, way) == whole


def test_a_forgotten_key_begins_anew_and_its_ring_is_used_again():
    module = plugins.module("detectors", "forecast")
    state = module.ForecastState(24)
    state.make_room(2)
    state.give_ring(0)
    state.course.tried[0, 0] = 9
    state.past.missed[0] = 5
    state.drop(np.array([0], np.int32))
    assert state.course.tried[0, 0] == 0
    assert state.past.missed[0] == 0
    state.give_ring(1)
    assert state.course.ring[1] == 1


COLUMNS: dict[str, Any] = {"v": "float", "k": "string"}
REFUSED = [
    ("a slot that goes not into a day", {"slot": "7h"}, False, "slot: 7h must be at least 5m"),
    ("its own grouping behind a window", {"by": "k"}, True, "windows are grouped by"),
    ("a text", {"value": "k"}, False, "`k` is string"),
]


@pytest.mark.parametrize(
    ("sentence", "asked", "windowed", "message"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_refused(sentence: str, asked: dict[str, Any], windowed: bool, message: str):
    module = plugins.module("detectors", "forecast")
    with pytest.raises(ConfigError, match=message):
        module.build(module.Config.model_validate(asked), Context("m", COLUMNS, windowed=windowed))
