"""What is expected of predictions, held against labels drawn with their probabilities."""

from collections.abc import Callable

import numpy as np
import pytest

from streamgauge.statistics.expected_quality import MEASURES, STEPS, Sums, expected_quality, probability_cells
from streamgauge.statistics.quality import classification_quality

THRESHOLD = 0.4


def expected(p: np.ndarray, deviations: float = 3.0) -> dict[str, float]:
    above = p >= THRESHOLD
    sums = [
        len(p),
        above.sum(),
        p[above].sum(),
        (p[above] ** 2).sum(),
        p[~above].sum(),
        (p[~above] ** 2).sum(),
    ]
    counts = np.bincount(probability_cells().codes(p), minlength=STEPS)[None, :STEPS]
    found = expected_quality(Sums(*(np.array([float(x)]) for x in sums)), counts, deviations)
    return {name: float(values[0]) for name, values in found.items()}


SHAPES: dict[str, Callable[[np.random.Generator], np.ndarray]] = {
    "sure": lambda draw: draw.beta(0.3, 0.5, 600),
    "unsure": lambda draw: draw.beta(3, 3, 600),
    "rare": lambda draw: draw.beta(0.15, 4, 2000),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_realised_measures_lie_within_the_band_and_around_the_estimate(shape: str):
    draw = np.random.default_rng(5)
    p = SHAPES[shape](draw)
    found, wide = expected(p, 1.96), expected(p, 4.5)
    realised = [
        classification_quality(p, (draw.random(len(p)) < p).astype(float), THRESHOLD) for _ in range(150)
    ]
    for name in MEASURES:
        drawn = np.array([one[name] for one in realised])
        within = (found[f"{name}_lower"] <= drawn) & (drawn <= found[f"{name}_upper"])
        assert within.mean() >= 0.88, name
        assert abs(drawn.mean() - found[name]) < 0.35 * drawn.std() + 0.003, name
        assert ((wide[f"{name}_lower"] <= drawn) & (drawn <= wide[f"{name}_upper"])).all(), name


def test_the_expected_area_is_that_of_all_pairs():
    p = np.random.default_rng(2).beta(0.8, 1.5, 300)
    pairs = p[:, None] * (1 - p[None, :])
    np.fill_diagonal(pairs, 0)
    ranked = (p[:, None] > p[None, :]) + 0.5 * (p[:, None] == p[None, :])
    assert expected(p)["roc_auc"] == pytest.approx((pairs * ranked).sum() / pairs.sum(), abs=0.002)


UNKNOWN = [
    ("nothing predicted positive has no precision", [0.1, 0.2], {"precision"}),
    ("no record has nothing", [], set(MEASURES)),
    ("sure noes have neither precision nor recall", [0.0, 0.0], {"precision", "recall", "f1"}),
    ("one record has no area", [0.7], {"roc_auc"}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "p", "unknown"), UNKNOWN, ids=[row[0] for row in UNKNOWN])
def test_what_cannot_be_said_is_missing(sentence: str, p: list[float], unknown: set[str]):
    found = expected(np.array(p))
    assert {name for name in MEASURES if np.isnan(found[name])} == unknown


def test_a_sure_model_is_expected_to_be_right_without_doubt():
    found = expected(np.array([0.0, 1.0, 1.0]))
    assert (found["accuracy_lower"], found["accuracy"], found["accuracy_upper"]) == (1.0, 1.0, 1.0)
