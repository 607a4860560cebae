"""Exact distances of two samples are SciPy's to the twelfth digit, with ties, of any length."""

import numpy as np
import pytest
from scipy import stats

from streamgauge.statistics import gaussian, two_samples


@pytest.mark.parametrize("seed", range(25))
def test_they_are_scipys(seed):
    rng = np.random.default_rng(seed)
    digits = int(rng.integers(0, 4))
    a = rng.normal(size=rng.integers(1, 300)).round(digits)
    b = rng.normal(0.3, 1.4, size=rng.integers(1, 300)).round(2)
    assert two_samples.kolmogorov_smirnov(a, b).statistic == pytest.approx(
        stats.ks_2samp(a, b).statistic, abs=1e-12
    )
    assert two_samples.wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(a, b), abs=1e-12)
    p, q = rng.integers(0, 40, 9), rng.integers(1, 20, 9)
    found, wanted = two_samples.chi_square(p, q), stats.chi2_contingency([p, q], correction=False)
    assert found.statistic == pytest.approx(wanted.statistic, rel=1e-12, abs=1e-12)
    assert found.chance == pytest.approx(wanted.pvalue, abs=1e-12)


def test_the_chance_of_a_distance_is_kolmogorovs():
    for scaled in (0.1, 0.5, 1.0, 1.628, 3.0):
        assert two_samples.kolmogorov_tail(scaled) == pytest.approx(stats.kstwobign.sf(scaled), abs=1e-10)


def test_infinities_are_values_and_an_empty_sample_says_nothing():
    some = np.array([1.0, 2.0])
    assert two_samples.kolmogorov_smirnov(np.array([np.inf, np.inf]), some).statistic == 1
    assert two_samples.wasserstein(np.array([np.inf]), some) == np.inf
    assert np.isnan(two_samples.wasserstein(np.empty(0), some))
    assert np.isnan(two_samples.kolmogorov_smirnov(np.empty(0), some).statistic)


def test_moments_of_parts_add_up_to_those_of_all():
    values = np.random.default_rng(2).lognormal(size=500)
    whole, parts = gaussian.moments(values), gaussian.moments(values[:123]) + gaussian.moments(values[123:])
    for name in ("count", "mean", "second", "third", "fourth"):
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), rel=1e-9)
    assert gaussian.Moments(0) + whole == whole


def test_the_distance_of_normals_is_their_relative_entropy_both_ways():
    def one_way(a, s, b, t):
        return np.log(t / s) + (s**2 + (a - b) ** 2) / (2 * t**2) - 0.5

    found = gaussian.distance(np.array([1.3]), np.array([2.0]), np.array([1.0]), np.array([1.5]))[0]
    assert found == pytest.approx(one_way(1.3, 2.0, 1.0, 1.5) + one_way(1.0, 1.5, 1.3, 2.0))


def test_constants_are_the_same_or_infinitely_far():
    zero, one = np.zeros(1), np.ones(1)
    assert gaussian.distance(one, zero, one, zero)[0] == 0
    assert gaussian.distance(one, zero, zero, zero)[0] == np.inf
    assert gaussian.distance(one, one, one, zero)[0] == np.inf
    assert np.isnan(gaussian.distance(np.array([np.nan]), one, one, one)[0])
