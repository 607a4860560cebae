"""Tails against SciPy's generalised Pareto, and what a pool of quiet strengths says of a strong one."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import genpareto

from streamgauge.kernels import rarity
from streamgauge.statistics import tails

SHAPES = [0.0, 0.1, 0.3, 0.5]
WEEK = 7 * 86_400.0


@pytest.mark.parametrize("shape", SHAPES)
def test_survival_is_scipys(shape: float):
    x = np.array([0.0, 0.1, 1.0, 7.0, 300.0])
    ours = [tails.survival(value, 2.0, shape) for value in x]
    assert np.allclose(ours, genpareto.sf(x, shape, scale=2.0), rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_beyond_is_its_inverse(shape: float):
    shares = np.array([0.9, 0.5, 0.01, 1e-9])
    ours = [tails.beyond(share, 2.0, shape) for share in shares]
    assert np.allclose(ours, genpareto.isf(shares, shape, scale=2.0), rtol=1e-9)


@pytest.mark.parametrize("shape", SHAPES[:3])
def test_the_fit_finds_what_was_drawn(shape: float):
    drawn = np.sort(genpareto.rvs(shape, scale=2.0, size=20_000, random_state=7))
    scale, found = tails.fit(drawn, np.ones(len(drawn)))
    assert scale == pytest.approx(2.0, rel=0.05)
    assert found == pytest.approx(shape, abs=0.04)


def test_few_excesses_are_drawn_towards_the_usual_shape_and_none_give_no_scale():
    assert tails.fit(np.array([1.0, 50.0]), np.ones(2))[1] == pytest.approx(0.1, abs=0.08)
    assert tails.fit(np.empty(0), np.empty(0)) == (0.0, tails.USUAL_SHAPE)


def test_a_value_seen_often_weighs_as_if_it_stood_there_so_often():
    many, once = np.array([1.0, 1.0, 2.0, 5.0]), np.array([1.0, 2.0, 5.0])
    assert tails.fit(many, np.ones(4)) == pytest.approx(tails.fit(once, np.array([2.0, 1.0, 1.0])))


def pooled(strengths: np.ndarray, budget: float = 1 / WEEK, every: float = 60.0) -> rarity.Pool:
    pool = rarity.new_pool()
    times = np.arange(len(strengths), dtype=np.int64) * round(every * 1e6)
    rarity.note_all(strengths, times, pool, budget)
    return pool


def rarities(pool: rarity.Pool, strengths: list[float]) -> list[float]:
    out = np.empty(len(strengths))
    rarity.rarities(np.array(strengths), pool, out)
    return out.tolist()


def test_before_enough_is_known_nothing_is_rare():
    assert np.isnan(rarities(pooled(np.ones(100)), [3.0])).all()


def test_what_is_stronger_is_always_rarer():
    pool = pooled(np.random.default_rng(1).exponential(0.1, 5_000))
    found = rarities(pool, [0.01, 0.1, 0.3, 0.6, 1.0, 2.0, 4.0, 8.0, 16.0])
    assert all(a > b > 0 for a, b in pairwise(found))


def test_below_the_tail_the_rank_says_it():
    """Of results each minute, a tenth is stronger than the 90th percentile: once in ten minutes."""
    drawn = np.random.default_rng(2).exponential(0.1, 50_000)
    pool = pooled(drawn)
    pool.facts[rarity.EASE] = 0.0  # without what missing alarms have taught
    (found,) = rarities(pool, [float(np.quantile(drawn, 0.9))])
    assert found * 600 == pytest.approx(1.0, rel=0.2)


def test_beyond_all_that_was_seen_the_tail_says_it():
    """An exponential law: a strength of ln(N) scales is reached once in N results."""
    pool = pooled(np.random.default_rng(3).exponential(0.1, 20_000))
    pool.facts[rarity.EASE] = 0.0
    (found,) = rarities(pool, [0.1 * float(np.log(1e6))])
    assert 0.2 < found * 60 * 1e6 < 5


def test_the_limit_is_the_strength_that_is_as_rare_as_the_budget():
    pool = pooled(np.random.default_rng(4).exponential(0.1, 20_000))
    rarity.refit(pool, 1 / WEEK)
    (found,) = rarities(pool, [float(pool.facts[rarity.LIMIT])])
    assert found * WEEK == pytest.approx(1.0)


def test_an_alarm_makes_the_next_one_dearer_and_time_without_one_cheaper():
    pool = pooled(np.random.default_rng(5).exponential(0.1, 5_000))
    before = float(pool.facts[rarity.LIMIT])
    rarity.alarmed(pool, 1 / WEEK)
    dearer = float(pool.facts[rarity.LIMIT])
    assert dearer > before
    rarity.note_all(np.zeros(1), np.array([round(6 * WEEK * 1e6)]), pool, 1 / WEEK)
    rarity.refit(pool, 1 / WEEK)
    assert float(pool.facts[rarity.LIMIT]) < before


def test_where_nothing_ever_stands_out_what_does_is_rare():
    pool = pooled(np.zeros(1_000))
    rare, rarer = rarities(pool, [0.5, 5.0])
    assert rare > rarer > 0
