"""The four divergences against what their definitions and SciPy say, and how large they get by chance."""

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon

from streamgauge.statistics import chance, chi_squared
from streamgauge.statistics.binning import cells, counts_of
from streamgauge.statistics.divergences import CHI_SQUARE, HELLINGER, JENSEN_SHANNON, PSI

RNG = np.random.default_rng(3)
EACH = [PSI, JENSEN_SHANNON, HELLINGER, CHI_SQUARE]


FEATURE_ENGINES = (
    0.06344783693665355, 0.02458962738918348, 0.11981618699185803, 0.15131729760562537, 0.23015369515119552,
    0.3154247764560557, 0.3903456068616993, 0.41579828337595826,
)  # fmt: skip
"""What DropHighPSIFeatures of feature-engine 1.9.4 says with strategy equal_frequency, by benchmarks/detectors/psi_job.py."""


@pytest.mark.parametrize("seed", range(len(FEATURE_ENGINES)))
def test_psi_of_continuous_data_is_that_of_feature_engine(seed):
    rng = np.random.default_rng(seed)
    before = rng.normal(size=3_000 + 500 * seed)
    after = rng.normal(0.1 * seed, 1 + 0.1 * seed, 200 + 150 * seed)
    bins = cells(before)
    found = PSI.of(counts_of(bins.codes(after), bins.labels), counts_of(bins.codes(before), bins.labels))
    assert found == pytest.approx(FEATURE_ENGINES[seed], abs=1e-9)


def test_a_share_of_zero_counts_as_a_ten_thousandth():
    assert PSI.of(np.array([10, 0]), np.array([5, 5])) == pytest.approx(
        0.5 * np.log(2) + 0.4999 * np.log(5_000)
    )


def test_jensen_shannon_is_scipys():
    p, q = RNG.integers(0, 50, 12), RNG.integers(0, 50, 12)
    assert JENSEN_SHANNON.of(q, p) == pytest.approx(
        jensenshannon(p / p.sum(), q / q.sum(), base=2), abs=1e-12
    )


def test_hellinger_lies_between_the_same_and_nothing_in_common():
    assert HELLINGER.of(np.array([3, 7]), np.array([30, 70])) == pytest.approx(0, abs=1e-8)
    assert HELLINGER.of(np.array([9, 0]), np.array([0, 4])) == pytest.approx(1)


def test_chi_squares_effect_gives_scipys_statistic():
    p, q = RNG.integers(1, 50, 8), RNG.integers(1, 50, 8)
    n, m = p.sum(), q.sum()
    statistic = stats.chi2_contingency([p, q], correction=False).statistic
    assert CHI_SQUARE.of(q, p) ** 2 * n * m / (n + m) == pytest.approx(statistic, rel=1e-12)


@pytest.mark.parametrize("freedom", [0.2, 1, 2.5, 9, 80, 3_000])
def test_the_chi_squared_law_is_scipys(freedom):
    x = np.array([0, 1e-3, 0.5, freedom / 2, freedom, 2 * freedom + 10, 5_000])
    assert chi_squared.upper_tail(x, freedom) == pytest.approx(stats.chi2.sf(x, freedom), abs=1e-12)
    tails = np.array([0.5, 0.01, 1e-5])
    assert chi_squared.limit(tails, freedom) == pytest.approx(stats.chi2.isf(tails, freedom), rel=1e-8)


@pytest.mark.parametrize("divergence", EACH, ids=lambda each: each.name)
@pytest.mark.parametrize(("n", "m"), [(100_000, 100), (5_000, 300), (5_000, 1_000)])
@pytest.mark.parametrize("shares", ["even", "skewed"])
def test_without_drift_the_floor_is_passed_in_at_most_one_check_in_a_hundred(divergence, n, m, shares):
    rng = np.random.default_rng(11)
    weights = np.ones(10) if shares == "even" else 1 / np.arange(1, 21) ** 1.5
    starts, passed = np.zeros(1, np.int64), 0
    for _ in range(8):
        reference = rng.multinomial(n, weights / weights.sum())
        found = divergence.total(rng.multinomial(m, weights / weights.sum(), size=4_000), reference, starts)
        passed += int((found >= chance.floors(divergence, reference, starts, m)[0]).sum())
    assert passed / 32_000 <= 0.01


def test_with_full_bins_the_floor_is_the_chi_squared_limit():
    reference, starts = np.full(10, 10_000), np.zeros(1, np.int64)
    floor = chance.floors(PSI, reference, starts, 10_000, alpha=0.01)[0, 0]
    assert floor == pytest.approx(stats.chi2.isf(0.01, 9) * (1 / 10_000 + 1 / 100_000), rel=0.01)


def test_of_many_features_the_first_must_pass_more_than_the_last():
    limits = np.array([[5.0, 5, 5, 5], [4, 4, 4, 4], [3, 3, 3, 3]])  # for 1, 2 and 4 that stand out
    values = np.array(
        [[4.5, 0, 0, 0], [4.5, 4.5, 0, 0], [3.5, 3.5, 3.5, 3.5], [6, 3.5, 0, 0], [np.nan, 6, 0, 0]]
    )
    assert (values >= chance.cutoffs(values, limits)).sum(axis=1).tolist() == [0, 2, 4, 1, 1]


def test_adjusted_chances_are_scipys():
    chances = RNG.random(30) ** 3
    assert chance.adjusted(chances.tolist()) == pytest.approx(
        stats.false_discovery_control(chances), abs=1e-12
    )
