"""Measures of model quality against other ways of computing them."""

import math

import numpy as np
import pytest

from streamgauge.statistics.quality import (
    CLASSIFICATION,
    calibration_error,
    classification_quality,
    regression_quality,
    roc_auc,
    share,
)

WILSON = [(0, 10, 0.0, 0.278), (10, 10, 0.722, 1.0), (81, 263, 0.255, 0.366), (1, 29, 0.006, 0.172)]
"""The last two from R. G. Newcombe, Statistics in Medicine 17 (1998), and by the formula."""


@pytest.mark.parametrize(("hits", "of", "lower", "upper"), WILSON)
def test_wilson(hits, of, lower, upper):
    assert share(hits, of) == pytest.approx((hits / of, lower, upper), abs=6e-4)


def test_nothing_to_count_is_missing():
    assert all(math.isnan(part) for part in share(0, 0))
    found = classification_quality(np.array([]), np.array([]), 0.5)
    assert all(math.isnan(found[name]) for name in ("precision", "recall", "accuracy", "f1", "roc_auc"))
    assert all(math.isnan(value) for value in regression_quality(np.array([]), np.array([])).values())


def test_roc_auc_is_the_share_of_pairs():
    draw = np.random.default_rng(1)
    scores, true = draw.integers(0, 20, 300).astype(float), draw.random(300) < 0.3
    pairs = scores[true][:, None] - scores[~true][None, :]
    area, lower, upper = roc_auc(scores, true)
    assert area == pytest.approx((pairs > 0).mean() + 0.5 * (pairs == 0).mean(), abs=1e-12)
    assert lower < area < upper


def test_one_class_alone_has_no_roc_auc():
    assert math.isnan(roc_auc(np.array([0.1, 0.9]), np.array([True, True]))[0])


def test_bounds_cover_the_truth():
    """In 95 of 100 samples the bounds hold what they estimate; here within what chance allows."""
    draw = np.random.default_rng(4)
    hits = dict.fromkeys(("precision", "f1", "roc_auc", "log_loss"), 0)

    def sample(n):
        true = draw.random(n) < 0.4
        return np.clip(draw.normal(np.where(true, 0.6, 0.4), 0.15), 0.01, 0.99), true.astype(float)

    def measured(n):
        scores, labels = sample(n)
        return classification_quality(scores, labels, 0.5)

    truth = measured(400_000)
    for _ in range(300):
        found = measured(300)
        for name in hits:
            hits[name] += found[f"{name}_lower"] <= truth[name] <= found[f"{name}_upper"]
    assert all(0.91 * 300 <= count <= 300 for count in hits.values()), hits


def test_scores_that_are_no_probabilities_have_no_log_loss():
    found = classification_quality(np.array([3.0, -1.0]), np.array([1.0, 0.0]), 0.5)
    assert "log_loss" not in found
    assert found["accuracy"] == 1.0


def test_a_calibrated_model_has_a_small_error():
    draw = np.random.default_rng(2)
    scores = draw.random(20_000)
    labels = (draw.random(20_000) < scores).astype(float)
    assert calibration_error(scores, labels) < 0.02
    assert calibration_error(np.minimum(scores * 0.5, 1.0), labels) > 0.2


def test_a_sure_mistake_costs_much_but_not_everything():
    assert classification_quality(np.array([1.0]), np.array([0.0]), 0.5)["log_loss"] == pytest.approx(
        34.5, abs=0.1
    )


def test_the_names_are_those_that_are_given():
    assert {"precision", "precision_lower", "roc_auc_upper", "log_loss", "calibration_error", "tp"} <= set(
        CLASSIFICATION
    )
