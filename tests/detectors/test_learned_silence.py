"""`silence` with `after: learned` as a truth table: whose gaps are told, and whose are their own way."""

from typing import Any

import numpy as np
import pytest

from streamgauge.errors import ConfigError
from streamgauge.kernels import jit
from tests.replaying import config, record, run, text, told

HOUR = 3600.0
DAY = 24 * HOUR


def heard(times: Any, *, end: float, batch_size: int = 20_000, **detect: Any) -> Any:
    """A key that speaks at ``times`` (seconds), beside one that speaks each minute until ``end``."""
    clock = [(float(t), "clock") for t in np.arange(0, end, 300)]
    rows = sorted([*((float(t), "a") for t in times), *clock])
    monitor = {"detect": {"type": "silence", "by": "k", "after": "learned", "min_after": "30s", **detect}}
    return run(config({"m": monitor}), [record(t, k) for t, k in rows], flush=False, batch_size=batch_size)


def gaps(times: Any, *, end: float, **detect: Any) -> list[tuple[Any, ...]]:
    return [line for line in told(heard(times, end=end, **detect)).incidents() if line[3] == "a"]


def every(seconds: float, start: float, end: float) -> np.ndarray:
    return np.arange(start, end, seconds)


def nights(days: int, per_hour: float, seed: int = 1) -> np.ndarray:
    """Records at random moments, none from 22:00 to 6:00."""
    rng = np.random.default_rng(seed)
    drawn = np.sort(rng.uniform(0, days * DAY, rng.poisson(days * 24 * per_hour)))
    hour = drawn % DAY // HOUR
    return drawn[(hour >= 6) & (hour < 22)]


def test_a_steady_key_is_told_after_a_few_times_its_usual_gap():
    beat = every(120, 0, 2 * DAY)
    found = gaps(beat, end=2 * DAY + HOUR)
    assert [line[1] for line in found] == ["firing"]
    waited = found[0][0] - beat[-1]
    assert 3 * 120 <= waited <= 6 * 120


def test_and_heard_again_at_its_next_record():
    beat = np.concatenate([every(120, 0, 2 * DAY), every(120, 2 * DAY + HOUR, 2 * DAY + 2 * HOUR)])
    found = gaps(beat, end=2 * DAY + 2 * HOUR)
    assert [line[1:3] for line in found] == [("firing", None), ("resolved", "recovered")]
    assert found[1][0] == 2 * DAY + HOUR


def test_while_it_learns_nothing_is_told():
    assert gaps(every(120, 0, DAY / 2), end=DAY) == []


def test_one_record_is_no_gap():
    assert gaps([5.0], end=DAY / 2) == []


def test_a_key_that_was_never_heard_often_is_told_nothing():
    assert gaps(every(5 * HOUR, 0, 3 * DAY), end=3 * DAY, forget="20h") == []


def test_quiet_hours_do_not_page():
    for seed in range(2):
        assert gaps(nights(12, 20, seed), end=12 * DAY) == []


def test_an_outage_by_day_is_told_once_three_times_the_longest_usual_gap_has_passed():
    usual = nights(8, 20)
    noon = 7 * DAY + 12 * HOUR
    found = gaps(usual[(usual < noon) | (usual > noon + 3 * HOUR)], end=8 * DAY)
    assert [line[1] for line in found[:2]] == ["firing", "resolved"]
    assert noon < found[0][0] < noon + 1.5 * HOUR
    assert len(found) == 2


def test_a_quiet_that_comes_back_each_night_is_known_after_a_few():
    rng = np.random.default_rng(4)
    all_day = np.sort(rng.uniform(0, 16 * DAY, 16 * 24 * 20))
    quiet = all_day[(all_day < 4 * DAY) | (all_day % DAY // HOUR >= 3)]
    told_on = [int(line[0] // DAY) for line in gaps(quiet, end=16 * DAY) if line[1] == "firing"]
    assert told_on[0] == 4
    assert max(told_on) <= 10


def test_never_below_min_after():
    beat = every(5, 0, DAY + 2 * HOUR)
    (first, *_) = gaps(beat, end=DAY + 3 * HOUR, min_after="10m")
    assert first[0] - beat[-1] == 600


def test_a_key_is_forgotten_and_begins_anew():
    found = gaps(every(120, 0, 2 * DAY), end=5 * DAY)
    assert [line[1:3] for line in found] == [("firing", None), ("resolved", "forgotten")]


def test_what_people_read():
    lines = heard(every(120, 0, 2 * DAY), end=2 * DAY + HOUR).lines
    (fired,) = [line for line in lines if line["kind"] == "incident"]
    assert fired["expected"].startswith("a record within ")
    assert fired["observed"]["last_seen"] == "1970-01-02T23:58:00.000Z"
    assert fired["title"].startswith("m of a: silent_seconds = ")


def test_batches_and_compiled_kernels_make_no_difference():
    usual = nights(4, 10)
    times = usual[(usual < 3.5 * DAY) | (usual > 3.6 * DAY)]
    whole = text(heard(times, end=4 * DAY))
    assert text(heard(times, end=4 * DAY, batch_size=1)) == whole
    assert text(heard(times, end=4 * DAY, batch_size=7)) == whole
    with jit.running(compiled=True):
        assert text(heard(times, end=4 * DAY)) == whole


def test_forgotten_before_it_can_be_told_is_refused():
    with pytest.raises(ConfigError, match="1m must be shorter than forget: 30s"):
        config({"m": {"detect": {"type": "silence", "by": "k", "after": "learned", "forget": "30s"}}})
