"""Series detectors go on from a saved state, however long they have lived: seasons, pools and alarms too."""

import numpy as np
import pytest

from streamgauge.config import plugins
from streamgauge.detectors.contract import Context
from streamgauge.keys import KeySlots
from tests.detectors.series import results

HOUR = 3600.0


def month() -> list[float]:
    """A daily course with faults here and there, hour by hour."""
    rng, hours = np.random.default_rng(9), np.arange(900)
    course = 50 + 20 * np.sin(hours / 24 * 2 * np.pi) + rng.standard_t(3, 900)
    faults: list[float] = (course + 40 * (rng.random(900) < 0.01)).tolist()
    return faults


@pytest.mark.parametrize("name", ["auto", "composite", "seasonal"])
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
