"""Auto as a truth table: what it makes of the end of a series whose first 300 values are around 10."""

from typing import Any

import numpy as np
import pytest

from streamgauge.detectors.auto import AutoState
from streamgauge.errors import ConfigError
from tests.detectors.series import DAY, judged, said, usual
from tests.replaying import config, record, run, told

MEDIUM: dict[str, Any] = {"sensitivity": "medium"}

ENDINGS: list[tuple[str, dict[str, Any], list[float | None], str]] = [
    ("what was seen before is fine", MEDIUM, [10.0, 9.0, 11.0], "..."),
    ("far from all that was seen is an alarm, and what is usual ends it", MEDIUM, [25.0, 10.0, 10.0], "!.."),
    ("also below", MEDIUM, [-5.0, 10.0], "!."),
    ("not on a side that nobody asked for", {**MEDIUM, "side": "above"}, [-5.0, 10.0], ".."),
    ("nor on the other", {**MEDIUM, "side": "below"}, [25.0, 10.0], ".."),
    ("it lasts while values stay far from all that is usual", MEDIUM, [25.0, 40.0, 60.0], "!!!"),
    ("the same value again is no news", MEDIUM, [25.0, 25.0, 25.0], "!.."),
    ("a missing value is no data and changes nothing", MEDIUM, [25.0, None, 10.0], "!?."),
    ("infinity is missing", MEDIUM, [float("inf"), 10.0], "?."),
    ("a warning where that is asked for", {**MEDIUM, "severity": "warning"}, [25.0], "w"),
    ("with a limit of 1 it never alarms", {"limit": 1.0}, [1e9], "."),
    ("until rarity is known only what is surely new alarms", {}, [12.9, 25.0], ".!"),
]


@pytest.mark.parametrize(("sentence", "how", "values", "expected"), ENDINGS, ids=[row[0] for row in ENDINGS])
def test_endings(sentence: str, how: dict[str, Any], values: list[float | None], expected: str):
    assert said("auto", [*usual(300), *values], **how)[300:] == expected


def test_a_key_is_learning_for_its_first_results_and_then_judged():
    found = said("auto", usual(160), **MEDIUM)
    assert found == "~" * 150 + "." * 10
    scores = judged("auto", usual(160), **MEDIUM).score
    assert scores is not None
    assert np.isnan(scores[:150]).all()


def test_a_value_in_a_gap_between_two_usual_levels_is_new():
    two = [value + 20 * (i % 2) for i, value in enumerate(usual(300))]
    assert said("auto", [*two, 10.0, 30.0, 20.0], **MEDIUM)[300:] == "..!"


def test_a_lasting_shift_is_accepted_after_the_stated_time():
    shifted = [value + 30 for value in usual(90, seed=1)]
    found = said("auto", [*usual(300), *shifted], accept_after="30m", **MEDIUM)[300:]
    assert found.startswith("!")
    assert "!" not in found[31:]


def test_a_night_value_at_noon_is_found_from_the_sixth_day_on():
    course = [10 + 10 * (8 <= i % 48 // 2 < 18) + value / 10 for i, value in enumerate(usual(48 * 12))]
    course[48 * 10 + 24] = course[48 * 10 + 25] = 11.0
    found = judged("auto", course, every=1800.0, **MEDIUM).row(48 * 10 + 24)
    assert (found.severity.label, found.evidence["unusual"]) == ("critical", "time of day")
    blind = judged("auto", course, every=1800.0, season=False, **MEDIUM).row(48 * 10 + 24)
    assert (blind.score or 0) < (found.score or 0)


def test_maintenance_is_judged_and_teaches_nothing():
    values = [*usual(300), *[40.0] * 5, *usual(200, seed=2), 40.0]
    assert said("auto", values, **MEDIUM)[505] == ".", "seen before"
    assert said("auto", values, apart=range(300, 305), **MEDIUM)[505] == "!"


SERIES = [
    ("a constant series is fine", [5.0] * 400, False),
    ("and any other value in it is not", [*[5.0] * 400, 5.1], True),
    ("nothing but missing values", [None] * 400, False),
    ("two values in turn", [0.1, 0.3] * 200, False),
    ("large numbers that vary little", [1e9 + i % 7 for i in range(400)], False),
    ("and one of them that is off", [*[1e9 + i % 7 for i in range(400)], 1e9 + 60], True),
]


@pytest.mark.parametrize(("sentence", "values", "alarms"), SERIES, ids=[row[0] for row in SERIES])
def test_odd_series(sentence: str, values: list[float | None], alarms: bool):
    assert ("!" in said("auto", values, **MEDIUM)) == alarms


def test_one_row_is_learning():
    assert said("auto", [5.0]) == "~"


def test_what_it_says():
    one = judged("auto", [*usual(800), 30.0]).row(800)
    assert one.severity.label == "critical"
    assert one.score is not None
    assert 0.5 < one.score < 1
    assert one.lower == pytest.approx(5, abs=3)
    assert one.upper == pytest.approx(15, abs=4)
    assert one.expected == pytest.approx(10, abs=0.2)
    assert one.evidence == {"unusual": "level", "nearest_seen": pytest.approx(max(usual(800)))}
    assert one.rarity is not None
    assert one.rarity * DAY < 1 / 7


def test_what_people_get():
    window = {"type": "tumbling", "size": "1m", "by": "k", "compute": {"mean": "avg(v)"}}
    monitor = {"window": window, "detect": {"type": "auto", "learn": 20, "sensitivity": "medium"}}
    rows = [
        record(60 * i + j, k, v=v) for i, v in enumerate([*usual(60), 30.0, 10.0]) for j, k in enumerate("ab")
    ]
    lines = run(config({"m": monitor}), rows).lines
    first, *_ = [line for line in lines if line["kind"] == "incident"]
    assert (first["key"], first["observed"]["mean"], first["status"]) == ("a", 30.0, "firing")
    assert first["evidence"]["unusual"] == "level"
    assert first["evidence"]["upper"] < 30
    assert first["expected"] == pytest.approx(10, abs=1)


ODD = (16.0, 20.0, 3.0, 24.0, -1.0, 28.0)


def test_the_same_jump_says_less_of_a_key_that_often_shows_something_new():
    calm = [*ODD, *usual(300)]  # among the first results all is new, and counts for nothing
    noisy = [*usual(300)[:60], *ODD, *usual(300)[60:]]
    before, after = (judged("auto", [*values, 60.0], **MEDIUM).row(306).score for values in (calm, noisy))
    assert before is not None
    assert after is not None
    assert after / (1 - after) < 0.97 * before / (1 - before)


def test_the_band_says_from_which_value_on_it_alarms():
    values = [*usual(300)[:60], *ODD, *usual(300)[60:]]
    upper, lower = (
        getattr(judged("auto", [*values, 10.0], **MEDIUM).row(306), side) for side in ("upper", "lower")
    )
    for bound, beyond in ((upper, 0.01), (lower, -0.01)):
        assert said("auto", [*values, bound + beyond], **MEDIUM)[-1] == "!"
        assert said("auto", [*values, bound - beyond], **MEDIUM)[-1] == "."


REFUSED = [
    ({"budget": "1 per week", "limit": 0.5}, "both say when to alarm"),
    ({"budget": "seldom"}, "does not say how often"),
    ({"value": "k"}, "a series is of numbers"),
    ({"by": "k"}, "unknown key; a series for each key comes from the window"),
]


@pytest.mark.parametrize(("detect", "message"), REFUSED, ids=[row[1] for row in REFUSED])
def test_refused(detect: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": {"detect": {"type": "auto", "value": "v", **detect}}})


def test_state_stays_small_and_a_forgotten_key_gives_its_place_back():
    state = AutoState()
    state.make_room(1_000)
    per_key = sum(a.nbytes for n, a in state.arrays.items() if state.held[n].per == "key") / len(
        state.arrays["rows"]
    )
    ring = 48 * (7 * 4 + 1 + 4 + 1) + 4
    assert per_key + ring < 3_000
    state.more_rings()
    state.arrays["used"][0] = 2
    state.arrays["ring"][[7, 9]] = 1, 2
    state.arrays["owner"][:2] = 7, 9
    state.arrays["past"][1] = 5.0
    state.drop(np.array([7], np.int32))
    assert state.arrays["used"][0] == 1
    assert (state.arrays["ring"][9], state.arrays["owner"][0]) == (1, 9)
    assert (state.arrays["past"][0] == 5.0).all()


def test_each_key_learns_by_itself():
    monitor = {"window": {"type": "tumbling", "size": "1m", "by": "k", "compute": {"n": "count(*)"}},
               "detect": {"type": "auto", "learn": 10}}  # fmt: skip
    rows = [record(60 * i + (key == "b"), key) for i in range(30) for key in ("ab" if i >= 25 else "a")]
    answers = told(run(config({"m": monitor}), rows)).verdicts()
    severities = {(key, severity) for _, severity, _, key in answers}
    assert severities == {("a", "learning"), ("a", "ok"), ("b", "learning")}
