"""Series detectors go on from a saved state, however long they have lived: seasons, pools and alarms too."""

import re
from dataclasses import replace

import numpy as np
import pytest

from streamgauge.config import plugins
from streamgauge.detectors.contract import Context
from streamgauge.keys import KeySlots
from streamgauge.verdict import Severity
from tests.detectors.series import SERIES, results

HOUR = 3600.0


def month() -> list[float]:
    """A daily course with faults here and there, hour by hour."""
    rng, hours = np.random.default_rng(9), np.arange(900)
    course = 50 + 20 * np.sin(hours / 24 * 2 * np.pi) + rng.standard_t(3, 900)
    faults: list[float] = (course + 40 * (rng.random(900) < 0.01)).tolist()
    return faults


@pytest.mark.parametrize("name", SERIES)
def test_saved_anywhere_and_restored_it_says_the_same(name: str):
    module = plugins.module("detectors", name)
    detector = module.build(
        module.Config(budget="3 per week", hold=20), Context("m", {"value": "float"}, windowed=False)
    )
    values, keys = month(), KeySlots()
    whole = detector.step(detector.initial(), results(values, HOUR, 0, (), keys))
    state, start = detector.initial(), 0
    for stop in (1, 149, 151, 480, 611, 900):
        part = detector.step(state, results(values[start:stop], HOUR, start, (), keys))
        for column in ("severities", "score", "rarity", "expected", "lower", "upper"):
            expected = getattr(whole, column)[start:stop]
            assert np.array_equal(getattr(part, column), expected, equal_nan=True), (column, start, stop)
        saved = {
            table: {c: np.array(v) for c, v in columns.items()} for table, columns in state.tables().items()
        }
        state, start = detector.initial(), stop
        state.restore(saved)
    assert (whole.severities == 2).any()
    assert np.isfinite(whole.rarity).any()


@pytest.mark.parametrize("name", [name for name in SERIES if name not in ("auto", "seasonal")])
def test_a_key_with_one_record_costs_what_the_lesson_says(name: str):
    module = plugins.module("detectors", name)
    detector = module.build(module.Config(), Context("m", {"value": "float"}, windowed=False))
    keys, state, count = KeySlots(), detector.initial(), 2_000
    seen = replace(
        results([10.0] * count, 60.0, 0, (), keys), slots=keys.slots([f"k{i}" for i in range(count)])
    )
    assert set(detector.step(state, seen).severities.tolist()) == {Severity.LEARNING}
    held = [array for table in state.tables().values() for array in table.values() if len(array) % count == 0]
    stated = re.search(r"State: ([0-9.]+) kB per key", module.__doc__ or "")
    assert stated is not None
    assert sum(array.nbytes for array in held) / count <= 1_000 * float(stated[1]) + 50


@pytest.mark.parametrize("name", SERIES)
def test_a_key_that_is_forgotten_begins_anew(name: str):
    module = plugins.module("detectors", name)
    detector = module.build(module.Config(learn=20), Context("m", {"value": "float"}, windowed=False))
    keys, state = KeySlots(), detector.initial()
    first = detector.step(state, results(month()[:60], HOUR, 0, (), keys))
    detector.drop(state, np.array([0], np.int32))
    again = detector.step(state, results(month()[:60], HOUR, 60, (), keys))
    assert again.severities[:20].tolist() == first.severities[:20].tolist() == [Severity.LEARNING] * 20
