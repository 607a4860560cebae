"""When a job is due, as a truth table: one sentence per row."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from streamgauge.clock import iso, to_micros
from streamgauge.config.schedule import JobConfig
from streamgauge.schedule.moments import following, shape

MOMENTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("multiples of a duration", {"every": "20m"}, "2026-03-01T10:05:00Z", "2026-03-01T10:20:00.000Z"),
    ("at a moment itself, the one after it", {"every": "20m"}, "2026-03-01T10:20:00Z", "2026-03-01T10:40:00.000Z"),
    ("a day begins at midnight UTC", {"every": "1d"}, "2026-03-01T10:20:00Z", "2026-03-02T00:00:00.000Z"),
    ("a time of day, today", {"at": "02:00"}, "2026-03-01T01:00:00Z", "2026-03-01T02:00:00.000Z"),
    ("a time of day, tomorrow", {"at": "02:00"}, "2026-03-01T02:00:00Z", "2026-03-02T02:00:00.000Z"),
    ("a time of day in its zone", {"at": "02:00", "zone": "Asia/Kolkata"}, "2026-03-01T00:00:00Z", "2026-03-01T20:30:00.000Z"),
    ("the nearest of several", {"at": ["18:00", "06:00"]}, "2026-03-01T07:00:00Z", "2026-03-01T18:00:00.000Z"),
    ("on some days only", {"at": "mon-fri 02:00"}, "2026-03-06T03:00:00Z", "2026-03-09T02:00:00.000Z"),
    ("a time that the clock jumps over is the jump", {"at": "02:30", "zone": "Europe/Berlin"},
     "2026-03-28T12:00:00Z", "2026-03-29T01:00:00.000Z"),
    ("a time that comes twice counts the first time", {"at": "02:30", "zone": "Europe/Berlin"},
     "2026-10-24T12:00:00Z", "2026-10-25T00:30:00.000Z"),
    ("and not the second", {"at": "02:30", "zone": "Europe/Berlin"},
     "2026-10-25T00:30:00Z", "2026-10-26T01:30:00.000Z"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "when", "now", "due"), MOMENTS, ids=[row[0] for row in MOMENTS])
def test_due(sentence: str, when: dict[str, Any], now: str, due: str):
    job = JobConfig.model_validate({"run": "doctor c.yaml", **when})
    assert iso(following(job, to_micros(datetime.fromisoformat(now)))) == due


def test_other_times_are_another_shape():
    one, other = (JobConfig(run="doctor c.yaml", at=(at,)) for at in ("02:00", "03:00"))
    assert shape(one) != shape(other)
    assert shape(one) == shape(JobConfig(run="drift a b", at=("02:00",)))
