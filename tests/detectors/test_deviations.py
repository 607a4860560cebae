"""``zscore``, ``ewma`` and ``mad`` as truth tables: what they make of the end of a series whose first 300 values are around 10."""

from typing import Any

import numpy as np
import pytest

from streamgauge.errors import ConfigError
from tests.detectors.series import judged, said, usual
from tests.replaying import config, record, run

FOUR: dict[str, Any] = {"deviations": 4}
DAY = 86_400.0
THREE = ("zscore", "ewma", "mad")

ENDINGS: list[tuple[str, str, dict[str, Any], list[float | None], str]] = [
    ("within its deviations all is well", "zscore", FOUR, [12.0, 8.0, 10.0], "..."),
    ("beyond them is an alarm that ends with it", "zscore", FOUR, [14.5, 10.0], "!."),
    ("also below", "zscore", FOUR, [5.0, 10.0], "!."),
    ("not on a side that nobody asked for", "zscore", {**FOUR, "side": "above"}, [5.0], "."),
    ("nor on the other", "zscore", {**FOUR, "side": "below"}, [15.0], "."),
    ("with a fixed limit each such value alarms, again and again", "zscore", FOUR, [15.0, 10.0, 15.0], "!.!"),
    ("without one only a new high counts", "zscore", {"limit": 0.4}, [17.0, 10.0, 16.0], "!.."),
    ("it ends below 0.7 of its limit", "zscore", FOUR, [15.0, 13.4, 12.4], "!!."),
    ("a warning where that is asked for", "zscore", {**FOUR, "severity": "warning"}, [15.0], "w"),
    ("the least deviation makes small moves small", "zscore", {**FOUR, "least": 3}, [15.0], "."),
    ("missing and infinite values are no data", "zscore", FOUR, [None, float("inf"), 15.0], "??!"),
    ("no value is unusual, their mean is", "ewma", FOUR, [11.8] * 30, "!"),
    ("which single values do not move", "ewma", FOUR, [14.0, 10.0, 10.0], "..."),
    ("and on the side asked for only", "ewma", {**FOUR, "side": "below"}, [11.8] * 30, ""),
    ("far from the median is an alarm that ends with it", "mad", FOUR, [16.0, 10.0], "!."),
    ("also below", "mad", FOUR, [4.0, 10.0], "!."),
    ("not on a side that nobody asked for", "mad", {**FOUR, "side": "above"}, [4.0], "."),
    ("nor on the other", "mad", {**FOUR, "side": "below"}, [16.0], "."),
    ("what it learned from in error does not hide the next", "mad", {"deviations": 20}, [25.0, 26.0, 40.0], "..!"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "name", "how", "values", "expected"), ENDINGS, ids=[f"{row[1]}: {row[0]}" for row in ENDINGS]
)
def test_endings(sentence: str, name: str, how: dict[str, Any], values: list[float | None], expected: str):
    found = said(name, [*usual(300), *values], **how)[300:]
    assert ("!" in found) == bool(expected) if name == "ewma" and len(values) > 3 else found == expected


SERIES: list[tuple[str, list[float | None], str]] = [
    ("a constant series is fine, and anything else in it is not", [*[5.0] * 200, 5.1, 5.0], "." * 50 + "!"),
    ("nothing but missing values is no data", [None] * 5, "?????"),
    ("one row is learning", [3.0], "~"),
    ("a key is learning for its first results", [*usual(152)], "~" * 150 + ".."),
    ("values as large as there are do no harm", [*usual(160), 1e308, 10.0, 10.0], "." * 10 + "!"),
]


@pytest.mark.parametrize("name", THREE)
@pytest.mark.parametrize(("sentence", "values", "expected"), SERIES, ids=[row[0] for row in SERIES])
def test_odd_series(name: str, sentence: str, values: list[float | None], expected: str):
    found = said(name, values, **FOUR)
    assert expected in found if len(values) > 5 else found == expected


@pytest.mark.parametrize("name", THREE)
def test_a_lasting_step_teaches_nothing_and_is_accepted_after_the_stated_time(name: str):
    stepped = [*usual(300), *[value + 8 for value in usual(120, seed=1)], 24.0]
    found = said(name, stepped, accept_after="30m", **FOUR)[300:]
    assert set(found[5:30]) == {"!"}
    assert "!" not in found[36:120]
    assert name == "ewma" or found[-1] == "!", "six deviations above the level that was accepted"


@pytest.mark.parametrize("name", THREE)
def test_maintenance_teaches_nothing(name: str):
    spoiled = [*usual(200), *[60.0, -40.0] * 30, *usual(30, seed=2), *[16.0] * 10]
    assert said(name, spoiled, apart=range(200, 260), deviations=4, side="above")[-1] == "!"


def test_two_values_in_the_window_that_are_seldom_keep_a_flat_series_from_crying():
    flat = [10.0 + 3 * (i % 12 == 5) for i in range(300)]
    assert "!" not in said("mad", flat, deviations=8)
    assert said("mad", [*flat, 16.0], deviations=8)[-1] == "!"
    assert "!" in said("mad", flat, deviations=8, floor=0.1), "the floor did it"


def test_the_median_and_the_mad_are_those_of_numpy():
    rng = np.random.default_rng(2)
    values = rng.integers(0, 30, 160).astype(float)
    for length in (7, 10):
        found = judged(
            "mad", values.tolist(), newest=length, learn=3, floor=0.0, limit=1.0, accept_after="1d"
        )
        for i in range(150, 160):
            newest = values[i - length : i]
            middle = np.median(newest)
            mad = 1.4826 * np.median(np.abs(newest - middle))
            assert found.expected[i] == middle
            assert found.severities[i] == 0
            told = found.row(i).evidence.get("deviations")
            assert told is None or (told == pytest.approx(abs(values[i] - middle) / mad))


def test_a_zscore_is_that_of_all_values_before():
    values = usual(200)
    found = judged("zscore", [*values, 20.0], **FOUR).row(200)
    mean, deviation = np.mean(values), np.std(values)
    assert found.expected == pytest.approx(mean)
    assert found.lower == pytest.approx(mean - 4 * deviation)
    assert found.upper == pytest.approx(mean + 4 * deviation)
    assert found.evidence["deviations"] == pytest.approx((20 - mean) / deviation)
    assert found.score == pytest.approx(1 / (1 + (6 / found.evidence["deviations"]) ** 2))


def test_the_smoothed_value_is_what_is_told_of_ewma():
    found = judged("ewma", [*usual(300), *[13.0] * 6], **FOUR).row(305)
    assert found.evidence["smoothed"] == pytest.approx(13 - 3 * 0.9**6, abs=0.3)
    assert found.upper < found.evidence["smoothed"]


def test_a_budget_is_kept_on_a_quiet_series():
    weeks = 12
    begun = judged("zscore", usual(2016 * weeks, seed=4)[:6000], every=300.0, budget="1 per day").severities
    alarms = int(((begun[1:] == 2) & (begun[:-1] != 2)).sum())
    assert 0.4 <= alarms / (6000 * 300 / DAY) <= 2


def test_what_people_get():
    window = {"type": "tumbling", "size": "1m", "by": "k", "compute": {"mean": "avg(v)"}}
    monitors = {
        name: {"window": window, "detect": {"type": name, "learn": 40, "deviations": 5}} for name in THREE
    }
    rows = [
        record(60 * i + j, k, v=v + 9 * (k == "a" and i >= 60))
        for i, v in enumerate(usual(66))
        for j, k in enumerate("ab")
    ]
    lines = run(config(monitors), rows).lines
    firing = [line for line in lines if line["kind"] == "incident" and line["status"] == "firing"]
    assert {(line["monitor"], line["key"]) for line in firing} == {(name, "a") for name in THREE}
    assert firing[0]["expected"] == pytest.approx(10, abs=1)


@pytest.mark.parametrize("name", THREE)
def test_what_is_usual_again_ends_the_incident_though_open_ones_teach_nothing(name: str):
    values = [*usual(200), *[value + 7 for value in usual(30, seed=1)], *usual(60, seed=2)]
    monitor = {"detect": {"type": name, "value": "v", "accept_after": "1d", **FOUR}, "clear_after": "5m"}
    lines = run(config({"m": monitor}), [record(60 * i, v=v) for i, v in enumerate(values)]).lines
    told = [(line["status"], line["at"]) for line in lines if line["kind"] == "incident"]
    assert [status for status, _ in told] == ["firing", "resolved"]
    assert told[1][1] < "1970-01-01T04:20"


def test_one_limit_and_no_more():
    for one in ({"budget": "1 per week"}, {"limit": 0.5}, {"sensitivity": "low"}):
        with pytest.raises(ConfigError, match="both say when to alarm"):
            config({"m": {"detect": {"type": "zscore", "value": "v", **FOUR, **one}}})
