"""`volume` as a truth table: records per window, by limits that are set or learned by the hour."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from streamgauge.detectors.office_hours import Bound
from streamgauge.errors import ConfigError
from streamgauge.kernels import volumes as kernels
from tests.detectors.windows import answers, titles
from tests.replaying import config

HOUR = kernels.HOUR


def counts(*many: int) -> list[list[dict[str, Any]]]:
    return [[{"v": 1.0}] * n for n in many]


FIXED = [
    ("between the limits it is clear", {"min": 2, "max": 4}, [2, 4], "ok ok"),
    ("fewer fire", {"min": 2}, [1], "critical"),
    ("more fire", {"max": 2}, [3], "critical"),
    ("one row is a volume of one", {"min": 1}, [1], "ok"),
    ("at other hours the others hold", {"bounds": [{"hours": "8-18", "min": 9}], "min": 1}, [1], "ok"),
    ("at its hours a bound holds", {"bounds": [{"hours": "0-8", "min": 9}], "min": 1}, [1], "critical"),
    ("where none holds nothing is judged", {"bounds": [{"hours": "8-18", "min": 9}]}, [1], "ok"),
    (
        "hours are those of the timezone",
        {"bounds": [{"hours": "0-1", "min": 9}], "timezone": "Asia/Tokyo"},
        [1],
        "ok",
    ),
]


@pytest.mark.parametrize(("sentence", "more", "many", "expected"), FIXED, ids=[row[0] for row in FIXED])
def test_limits_that_are_set(sentence: str, more: dict[str, Any], many: list[int], expected: str):
    assert answers({"type": "volume", **more}, counts(*many)) == expected.split()


def test_a_feed_that_stops_is_told_when_empty_windows_are_results():
    assert answers({"type": "volume", "min": 1}, counts(2, 0, 2), include_empty=True) == [
        "ok",
        "critical",
        "ok",
    ]


def test_people_read_the_limits():
    assert titles({"type": "volume", "min": 2, "max": 5}, counts(9)) == [
        "m: records = 9; expected 2 to 5 records"
    ]


def learned(values: np.ndarray, *, accept: int = 24 * HOUR, hours: int = 24, missing: Any = ()) -> np.ndarray:
    """What hourly windows of one key should hold: mean, lower, upper of each."""
    keep = np.array([i for i in range(len(values)) if i not in set(missing)])
    n = len(keep)
    out = np.full((n, 3), np.nan)
    rule = np.array([HOUR, hours, 3 * 24 * HOUR, accept, 300], np.int64)
    first, newest, since = (np.full(1, kernels.UNSEEN) for _ in range(3))
    mean, variance, count = (np.zeros(hours) for _ in range(3))
    kernels.judge(
        np.zeros(n, np.int32), keep * HOUR, values[keep].astype(float), np.ones(n, np.int8), first, newest, since,
        mean, variance, count, out, rule, 5.0,
    )  # fmt: skip
    return out


def course(days: int, seed: int = 0) -> np.ndarray:
    """Hourly counts with a daily course."""
    hour = np.arange(24 * days)
    return np.random.default_rng(seed).poisson(200 + 150 * np.sin(2 * np.pi * hour / 24))


def outside(values: np.ndarray, out: np.ndarray) -> list[int]:
    return np.nonzero((values < out[:, 1]) | (values > out[:, 2]))[0].tolist()


def test_it_learns_for_three_days():
    out = learned(course(5))
    assert np.isnan(out[:72]).all()
    assert not np.isnan(out[72:]).any()


def test_a_quiet_feed_says_nothing():
    for seed in range(5):
        values = course(60, seed)
        assert len(outside(values, learned(values))) <= 1


def test_half_of_the_usual_is_told_at_each_hour_that_has_enough_records():
    values = course(20)
    values[19 * 24 : 19 * 24 + 10] //= 3
    assert set(range(19 * 24, 19 * 24 + 10)) <= set(outside(values, learned(values)))


def test_an_outage_teaches_nothing():
    values = course(20)
    values[15 * 24 : 15 * 24 + 10] = 0
    after = learned(values)[16 * 24 : 17 * 24, 0]
    usual = learned(course(20))[16 * 24 : 17 * 24, 0]
    assert np.allclose(after, usual, rtol=0.05)


def test_a_level_that_lasts_is_accepted():
    values = course(20)
    values[10 * 24 :] *= 3
    found = outside(values, learned(values))
    assert len([i for i in found if i < 11 * 24]) >= 20
    assert [i for i in found if i > 15 * 24] == []


def test_a_constant_series_is_clear_and_has_the_spread_of_counts():
    out = learned(np.full(24 * 6, 100))
    assert out[-1, 0] == pytest.approx(100)
    assert np.sqrt(out[-1, 1:] + 0.375) == pytest.approx(
        np.sqrt(100.375) + np.array([-2.5, 2.5]) * (1 + 4 / 5)
    )


def test_windows_without_records_count_as_none_once_a_later_one_comes():
    night = [i for i in range(24 * 10) if i % 24 < 6]
    out = learned(course(10), missing=night)
    assert not np.isnan(out[-1]).any()
    day = learned(course(10))
    assert np.allclose(out[-1], day[-1])


def test_hours_of_the_week_begin_on_monday():
    monday = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp()) * 1_000_000
    assert kernels.season_of(monday, 168) == 0
    assert kernels.season_of(monday + 7 * HOUR, 24) == 7
    assert kernels.season_of(-HOUR, 24) == 23


SPANS = [
    ("a day of the span", {"days": "mon-fri", "hours": "8-18"}, (2026, 11, 23, 8), True),
    ("the end is outside", {"days": "mon-fri", "hours": "8-18"}, (2026, 11, 23, 18), False),
    ("another day", {"days": "mon-fri"}, (2026, 11, 22, 8), False),
    ("a span over the weekend", {"days": "sat-mon"}, (2026, 11, 22, 8), True),
    (
        "hours beyond midnight belong to the day before",
        {"days": "fri", "hours": "22-6"},
        (2026, 11, 28, 5),
        True,
    ),
    ("and not to their own", {"days": "fri", "hours": "22-6"}, (2026, 11, 27, 5), False),
]


@pytest.mark.parametrize(("sentence", "span", "moment", "expected"), SPANS, ids=[row[0] for row in SPANS])
def test_spans(sentence: str, span: dict[str, str], moment: tuple[int, int, int, int], expected: bool):
    assert Bound(min=1, **span).holds(datetime(*moment, 0, tzinfo=UTC)) is expected


REFUSED = [
    ({"bounds": [{"days": "mo-fr", "min": 1}]}, "`mo-fr` is not a day or span such as mon-fri"),
    ({"bounds": [{"hours": "8:00-18:00", "min": 1}]}, "is not a span of whole hours"),
    ({"bounds": [{"hours": "8-18"}]}, "give `min`, `max` or both"),
    ({"min": 1, "timezone": "Zurich"}, "unknown timezone `Zurich`"),
    ({"min": 3, "max": 1}, "3 lies above max: 1"),
]


@pytest.mark.parametrize(("detect", "message"), REFUSED, ids=[row[1] for row in REFUSED])
def test_what_cannot_be_meant_is_refused(detect: dict[str, Any], message: str):
    window = {"type": "tumbling", "size": "5s"}
    with pytest.raises(ConfigError, match=message):
        config({"m": {"window": window, "detect": {"type": "volume", **detect}}})


def test_learning_by_the_hour_needs_windows_within_it():
    with pytest.raises(ConfigError, match="take windows of an hour or less"):
        config({"m": {"window": {"type": "tumbling", "size": "2h"}, "detect": {"type": "volume"}}})
