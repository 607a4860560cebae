"""``page_hinkley``, ``change_point`` and ``adwin`` as truth tables: a change of level is told once, with when it began."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from streamgauge.errors import ConfigError
from streamgauge.verdict import Verdicts
from tests.detectors.series import judged, said, usual
from tests.replaying import config, record, run

TEXTBOOK: dict[str, dict[str, Any]] = {
    "page_hinkley": {"threshold": 10},
    "change_point": {"deviations": 6},
    "adwin": {"confidence": 0.002},
}
"""The fixed limits of the papers."""


def scores_of(found: Verdicts) -> np.ndarray:
    assert found.score is not None
    return found.score


def up(by: float, count: int = 60) -> list[float | None]:
    return [value + by for value in usual(count, seed=1)]


ENDINGS: list[tuple[str, dict[str, Any], list[float | None], bool]] = [
    ("a quiet level is no change", {}, up(0), False),
    ("a step of two deviations is one", {}, up(2), True),
    ("also downwards", {}, up(-2), True),
    ("not on a side that nobody asked for", {"side": "above"}, up(-2), False),
    ("nor on the other", {"side": "below"}, up(2), False),
    ("one spike is no change", {}, [25.0, *up(0)], False),
    ("nor are two in both directions", {}, [25.0, -5.0, *up(0)], False),
    ("missing and infinite values are passed over", {}, [None, float("inf"), *up(0)], False),
    ("a series that hardly moves has a least deviation", {"least": 20}, up(2), False),
]


@pytest.mark.parametrize("name", TEXTBOOK)
@pytest.mark.parametrize(("sentence", "how", "values", "told"), ENDINGS, ids=[row[0] for row in ENDINGS])
def test_endings(name: str, sentence: str, how: dict[str, Any], values: list[float | None], told: bool):
    found = said(name, [*usual(300), *values], **TEXTBOOK[name], **how)[300:]
    assert ("!" in found) == told


SERIES: list[tuple[str, list[float | None], bool]] = [
    ("a constant series is fine", [5.0] * 300, False),
    ("one other value in it too", [*[5.0] * 200, 5.1, *[5.0] * 40], False),
    ("another constant is a change", [*[5.0] * 200, *[5.1] * 40], True),
    ("nothing but missing values", [None] * 20, False),
    ("one row", [3.0], False),
    ("values as large as there are do no harm", [*usual(160), 1e308, -1e308, *usual(20)], False),
]


@pytest.mark.parametrize("name", TEXTBOOK)
@pytest.mark.parametrize(("sentence", "values", "told"), SERIES, ids=[row[0] for row in SERIES])
def test_odd_series(name: str, sentence: str, values: list[float | None], told: bool):
    assert ("!" in said(name, values, **TEXTBOOK[name])) == told


@pytest.mark.parametrize("name", TEXTBOOK)
def test_a_change_is_told_once_and_then_the_new_level_is_usual(name: str):
    found = said(name, [*usual(300), *up(3, 300)], accept_after="30m", **TEXTBOOK[name])
    assert found.strip("~.").count("!") == 30
    assert found.strip("~.") == "!" * 30, "in one piece"


@pytest.mark.parametrize("name", TEXTBOOK)
def test_a_level_that_comes_back_ends_it_and_is_no_second_change(name: str):
    found = said(name, [*usual(300), *up(-4, 60), *usual(300, seed=3)], accept_after="1d", **TEXTBOOK[name])[
        300:
    ]
    assert set(found[12:60]) == {"!"}
    assert "!" not in found[100:]


@pytest.mark.parametrize("name", TEXTBOOK)
def test_it_says_when_it_began_and_how_large_it_is(name: str):
    found = judged(name, [*usual(300), *up(3)], **TEXTBOOK[name])
    first = int(np.flatnonzero(found.severities == 2)[0])
    one, last = found.row(first), found.row(first + 1)
    began = datetime.fromisoformat(one.evidence["began"])
    assert abs((began - datetime.fromtimestamp(300 * 60, UTC)).total_seconds()) <= 5 * 60
    assert one.evidence["level_before"] == pytest.approx(10, abs=0.3)
    assert one.evidence["level_since"] == pytest.approx(13, abs=0.7)
    assert one.evidence["found_after_results"] == pytest.approx(first - 300 + 1, abs=5)
    assert one.expected == pytest.approx(10, abs=0.3)
    assert one.score == pytest.approx(0.55, abs=0.06)
    assert last.evidence == one.evidence, "while it is open"
    assert "began" not in found.row(first - 1).evidence


def test_the_delay_of_change_point_falls_with_the_square_of_the_step():
    def delay(step: float) -> float:
        firsts = [
            said("change_point", [*usual(300, seed=s), *[v + step for v in usual(90, seed=s + 50)]], deviations=6)
            .index("!") - 299
            for s in range(5)
        ]  # fmt: skip
        return float(np.mean(firsts))

    assert 25 <= delay(1.0) <= 50
    assert 7 <= delay(2.0) <= 13
    assert 4 <= delay(9.0) <= 5, "never sooner than `rows`, of which one may lie before"


def test_page_hinkley_adds_up_what_lies_beyond_delta():
    values = [*[9.0, 11.0] * 100, *[12.0] * 6]  # mean 10, deviation 1: each of the last adds 2 - 0.5
    found = judged("page_hinkley", values, delta=0.5, limit=1.0)
    sums = [10 * score / (1 - score) for score in scores_of(found)[200:]]
    assert sums[0] == pytest.approx(0.5 + 1.5, abs=0.05), "the last 11 stands in it"
    assert np.diff(sums) == pytest.approx([1.5] * 5, abs=0.15), "and a little less as the mean learns"


def test_change_point_finds_the_strongest_of_all_beginnings():
    """Against the definition: every moment from ``rows`` results ago, by brute force."""
    rng = np.random.default_rng(5)
    values = [*usual(200), *(10 + 0.4 * rng.standard_normal(60).cumsum()).tolist()]
    found = judged("change_point", values, learn=200, hold=1, limit=1.0, rows=1, reach=1000, memory=10**9)
    mean, squares, walk = np.mean(values[:200]), np.var(values[:200]), []
    for i, value in enumerate(values[200:]):
        z = np.clip((value - mean) / np.sqrt(squares), -4, 4)
        walk.append(z)
        sums = np.cumsum(walk[::-1])
        strength = float(np.max(sums**2 / np.arange(1, len(sums) + 1))) / 36
        now = scores_of(found)[200 + i]
        assert now == 0 or now == pytest.approx(strength / (1 + strength), rel=0.02)
        off = np.clip(value - mean, -4 * np.sqrt(squares), 4 * np.sqrt(squares))
        share = 1 / (201 + i)
        mean, squares = mean + share * off, (1 - share) * (squares + share * off * off)


def test_adwin_is_the_test_of_the_paper_on_its_window():
    """By hand: 160 results in buckets, the newest four are single ones; the best cut is among all of them."""
    values = [*[9.0, 11.0] * 75, *[12.0] * 10]
    found = judged("adwin", values, hold=1, limit=1.0, rows=10)
    window, best = np.array(values), 0.0
    bound = np.log(2 * np.log(160) / 0.002)
    for cut in range(10, 151):
        older, newer = window[:cut], window[cut:]
        inverse = 1 / len(older) + 1 / len(newer)
        allowed = np.sqrt(2 * inverse * bound) + 2 / 3 * inverse * bound
        best = max(best, abs(newer.mean() - older.mean()) / window.std() / allowed)
    strength = scores_of(found)[-1] / (1 - scores_of(found)[-1])
    assert strength <= best + 1e-12
    assert strength == pytest.approx(best, rel=0.1)


@pytest.mark.parametrize("name", TEXTBOOK)
def test_maintenance_is_no_change(name: str):
    values = [*usual(300), *up(5, 40), *usual(60, seed=2)]
    assert "!" in said(name, values, **TEXTBOOK[name])
    assert "!" not in said(name, values, apart=range(300, 340), **TEXTBOOK[name])


@pytest.mark.parametrize("name", TEXTBOOK)
def test_what_people_get(name: str):
    window = {"type": "tumbling", "size": "1m", "by": "k", "compute": {"mean": "avg(v)"}}
    detect = {"type": name, "learn": 40, "accept_after": "20m", **TEXTBOOK[name]}
    rows = [
        record(60 * i + j, k, v=v + 4 * (k == "a" and i >= 80))
        for i, v in enumerate(usual(140))
        for j, k in enumerate("ab")
    ]
    lines = run(config({"m": {"window": window, "detect": detect}}), rows).lines
    incidents = [line for line in lines if line["kind"] == "incident"]
    assert [(line["key"], line["status"]) for line in incidents] == [("a", "firing"), ("a", "resolved")]
    assert "1970-01-01T01:1" < incidents[0]["evidence"]["began"] < "1970-01-01T01:24"


@pytest.mark.parametrize("name", TEXTBOOK)
def test_a_level_that_comes_back_ends_the_incident_though_open_ones_teach_nothing(name: str):
    detect = {"type": name, "value": "v", "accept_after": "1d", **TEXTBOOK[name]}
    values = [*usual(200), *[value + 4 for value in usual(30, seed=1)], *usual(90, seed=2)]
    monitor = {"detect": detect, "clear_after": "5m"}
    lines = run(config({"m": monitor}), [record(60 * i, v=v) for i, v in enumerate(values)]).lines
    told = [(line["status"], line["at"]) for line in lines if line["kind"] == "incident"]
    assert [status for status, _ in told] == ["firing", "resolved"]
    assert told[1][1] < "1970-01-01T04:50", "an hour after the level was back"


REFUSED = [
    ("page_hinkley", {"threshold": 10, "budget": "1 per week"}, "both say when to alarm"),
    ("adwin", {"confidence": 0.1, "limit": 0.3}, "both say when to alarm"),
    ("change_point", {"rows": 50, "reach": 20}, "no change fits"),
    ("adwin", {"confidence": 1.5}, "must be below 1"),
]


@pytest.mark.parametrize(("name", "how", "message"), REFUSED)
def test_what_is_refused(name: str, how: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": {"detect": {"type": name, "value": "v", **how}}})
