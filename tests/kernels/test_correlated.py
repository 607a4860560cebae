"""How far apart a record lies, beside NumPy's own inverse."""

import numpy as np
import pytest

from streamgauge.kernels import correlated


def learned(values: np.ndarray) -> correlated.Together:
    features = values.shape[1]
    together = correlated.Together(np.zeros((features, features)), np.zeros((features, features)))
    for i, row in enumerate(values):
        correlated.learn_products(together, row, 1.0 / (i + 1))
    correlated.make_root(together)
    return together


def values_that_go_together() -> np.ndarray:
    draw = np.random.default_rng(1)
    one = draw.normal(size=300)
    return np.column_stack([one, one + 0.1 * draw.normal(size=300), draw.normal(size=300)])


def test_it_is_the_distance_that_the_inverse_gives():
    values = values_that_go_together()
    inverse = np.linalg.inv(values.T @ values / len(values) + correlated.RIDGE * np.eye(3))
    z = np.array([1.0, -1.0, 0.5])
    far = correlated.apart_together(learned(values), z, np.empty(3))
    assert far == pytest.approx(np.log(correlated.FLOOR + np.sqrt(z @ inverse @ z / 3)), rel=1e-9)


@pytest.mark.parametrize(
    ("sentence", "near", "far"),
    [
        ("two that agree are nearer than two that do not", [2.0, 2.0, 0.0], [1.0, -1.0, 0.0]),
        ("what is missing counts as average", [np.nan, 0.0, 0.0], [np.nan, 2.0, 0.0]),
        ("nothing but missing numbers lie nowhere", [np.nan] * 3, [0.5, 0.5, 0.5]),
    ],
)
def test_which_of_two_lies_further(sentence: str, near: list[float], far: list[float]):
    together = learned(values_that_go_together())
    distances = [correlated.apart_together(together, np.array(z), np.empty(3)) for z in (near, far)]
    assert distances[0] < distances[1]


def test_numbers_that_are_always_the_same_number_divide_by_nothing():
    one = np.random.default_rng(2).normal(size=100)
    together = learned(np.column_stack([one, one, np.zeros(100)]))
    assert np.isfinite(correlated.apart_together(together, np.array([1.0, -1.0, 3.0]), np.empty(3)))
