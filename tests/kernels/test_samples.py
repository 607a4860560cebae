"""Distances of samples, compiled and plain, are SciPy's: with ties, of any lengths, however the values lie."""

import numpy as np
import pytest
from scipy import stats

from streamgauge.kernels import jit, samples
from streamgauge.statistics import two_samples

RNG = np.random.default_rng(3)
EQUAL = RNG.normal(size=60), RNG.normal(0.3, 2, 60)
CASES = {
    "as many": EQUAL,
    "more of one": (RNG.normal(size=97), RNG.normal(size=31)),
    "ties": (RNG.integers(0, 4, 50).astype(float), RNG.integers(1, 6, 30).astype(float)),
    "one value far off": (np.append(RNG.normal(size=70), 1e12), RNG.normal(size=40)),
    "all the same": (np.full(9, 3.0), np.full(4, 3.0)),
    "apart": (np.arange(5.0), np.arange(7.0) + 100),
    "one each": (np.array([1.0]), np.array([-2.0])),
    "numbers that hardly differ": (1e15 + np.arange(6.0), 1e15 + np.arange(4.0)),
}


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_they_are_scipys(case, compiled):
    a, b = CASES[case]
    with jit.running(compiled=compiled):
        found = samples.wasserstein(a, b), samples.kolmogorov_smirnov(a, b)
    wanted = stats.wasserstein_distance(a, b)
    assert found[0] == pytest.approx(wanted, rel=1e-12, abs=1e-12 * max(1, np.abs(a).max()))
    assert found[1].statistic == pytest.approx(stats.ks_2samp(a, b).statistic, abs=1e-12)
    assert found[1].chance == pytest.approx(two_samples.kolmogorov_smirnov(a, b).chance, abs=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_the_plain_loops_say_the_same_to_the_last_bit(case):
    plain, fast = ([_by_kernels(*CASES[case], compiled=compiled)] for compiled in (False, True))
    assert plain == fast


def _by_kernels(a, b, *, compiled):
    with jit.running(compiled=compiled):
        low, high = samples.in_order(a), samples.in_order(b)
        assert low.tolist() == sorted(a.tolist())
        return samples.area(low, high), samples.furthest(low, high)


def test_infinities_are_values_for_the_one_and_infinitely_far_for_the_other():
    a, b = np.array([np.inf, 1.0, np.inf]), np.array([1.0, 2.0])
    with jit.running(compiled=True):
        assert samples.wasserstein(a, b) == np.inf
        assert samples.kolmogorov_smirnov(a, b).statistic == pytest.approx(2 / 3)
        assert np.isnan(samples.wasserstein(a, np.empty(0)))
