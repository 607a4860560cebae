"""The loops of series are long-lived: compiled and plain must agree to the last bit beyond what short streams reach."""

import numpy as np
import pytest

from streamgauge.kernels import jit
from tests.detectors.series import SERIES, judged

pytestmark = pytest.mark.conformance


@pytest.mark.parametrize("name", SERIES)
def test_compiled_and_plain_agree_over_weeks(name: str):
    rng = np.random.default_rng(9)
    hours = np.arange(1_500)
    values = (
        50
        + 20 * np.sin(hours / 24 * 2 * np.pi)
        + rng.standard_t(3, len(hours))
        + 40 * (rng.random(1_500) < 0.01)
    )
    found = []
    for compiled in (False, True):
        with jit.running(compiled=compiled):
            found.append(judged(name, values.tolist(), every=3600.0, budget="3 per week"))
    for column in ("score", "rarity", "expected", "lower", "upper", "severities"):
        plain, fast = (getattr(one, column) for one in found)
        assert np.array_equal(plain, fast, equal_nan=True), column
    assert (found[0].severities == 2).any()
