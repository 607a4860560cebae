"""Seasonal as a truth table: what it makes of hours, days and weeks."""

from typing import Any

import pytest

from streamgauge.errors import ConfigError
from tests.detectors.series import judged, said, usual
from tests.replaying import config

HOURS: dict[str, Any] = {"every": 3600.0, "slot": "1h", "sensitivity": "medium"}


def weeks(count: int, *, sundays: bool = False) -> list[float]:
    """One value per hour: 30 by day, 10 by night; on the third day of each week 10 all day if ``sundays``."""
    noise = usual(24 * 7 * count)
    return [
        noise[h] + 20.0 * (8 <= h % 24 < 18 and not (sundays and h // 24 % 7 == 2)) for h in range(len(noise))
    ]


def test_what_is_usual_by_day_is_an_alarm_by_night():
    values = weeks(2)
    values[24 * 12 + 3] = 30.0
    assert said("seasonal", values, **HOURS)[24 * 12 :][:6] == "...!.."
    assert said("composite", values, every=3600.0, sensitivity="medium")[24 * 12 + 3] == ".", (
        "its mean cannot know"
    )


def test_a_quiet_day_of_the_week_is_known_after_some_weeks():
    values = weeks(6, sundays=True)
    quiet = [24 * (7 * w + 2) + 12 for w in range(6)]
    found = judged("seasonal", values, **HOURS)
    assert found.expected[quiet[5]] == pytest.approx(10, abs=2)
    values[quiet[5]] = 30.0
    assert said("seasonal", values, **HOURS)[quiet[5]] == "!"


def test_without_a_course_the_running_mean_foretells():
    values = [*usual(24 * 14), 25.0]
    found = judged("seasonal", values, **HOURS)
    assert found.row(24 * 14).severity.label == "critical"
    assert found.row(24 * 14).evidence["unusual"] == "running mean"


def test_an_hour_that_has_not_come_three_times_is_learning():
    day_shift = [h for h in range(24 * 20) if 8 <= h % 24 < 18]
    values: list[float | None] = [10.0 + h % 3 if h in day_shift else None for h in range(24 * 20)]
    values[24 * 19 + 2] = 50.0
    assert said("seasonal", values, **HOURS)[24 * 19 + 2] == "~"


def test_today_does_not_teach_today():
    values = weeks(2)
    for i in range(6):
        values[24 * 12 + i] = 30.0
    found = said("seasonal", values, accept_after="1d", **HOURS)[24 * 12 :][:7]
    assert found == "!!!!!!."


@pytest.mark.parametrize("slot", ["7h", "1m", "25h"])
def test_a_day_must_be_whole_slots(slot: str):
    with pytest.raises(ConfigError, match="go into a day without rest"):
        config({"m": {"detect": {"type": "seasonal", "value": "v", "slot": slot}}})
