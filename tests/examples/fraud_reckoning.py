"""Every `fraud_*` value of the story, worked out a second time from the payments alone: none of Streamgauge's code is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from examples.fraud.story.training import DRIFTING, MODEL, THRESHOLD
from examples.fraud.story.transactions import FEATURES, Transaction
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
LEAST_SHARE = 1e-4
"""What a share of zero counts as, in both distributions: as the page of `psi` states it."""


def inputs(payments: Sequence[Transaction]) -> Numbers:
    return np.array([one.features for one in payments])


def probabilities(folder: Path, payments: Sequence[Transaction]) -> Numbers:
    """What scikit-learn itself says of them."""
    import skops.io

    forest: Any = skops.io.load(folder / MODEL, trusted=["sklearn.tree._tree.Tree"])
    said: Numbers = forest.predict_proba(inputs(payments))[:, 1]
    return said


def transactions_total(folder: Path, payments: Sequence[Transaction]) -> dict[str, int]:
    """By result."""
    anomalies = int((probabilities(folder, payments) >= THRESHOLD).sum())
    return {"anomaly": anomalies, "normal": len(payments) - anomalies}


def of_window(payments: Sequence[Transaction], begin: datetime, length: timedelta) -> list[Transaction]:
    start, end = begin.timestamp() * 1000, (begin + length).timestamp() * 1000
    return [one for one in payments if start <= one.at < end]


def psi(before: Numbers, now: Numbers) -> float:
    """By the textbook: deciles of the training, and how much lies between them then and now."""
    edges = np.quantile(before, np.linspace(0.1, 0.9, 9))
    shares = []
    for numbers in (before, now):
        bins = np.searchsorted(edges, numbers, "left")
        shares.append(np.maximum(np.bincount(bins, minlength=10) / len(numbers), LEAST_SHARE))
    then, here = shares
    return float(np.sum((here - then) * np.log(here / then)))


def drift(training: Sequence[Transaction], window: Sequence[Transaction]) -> dict[str, float]:
    """By feature; the empty one is the worst."""
    before, now = inputs(training), inputs(window)
    values = {name: psi(before[:, k], now[:, k]) for k, name in enumerate(FEATURES) if name in DRIFTING}
    return {**values, "": max(values.values())}


def quality(folder: Path, payments: Sequence[Transaction]) -> Mapping[str, float]:
    """By scikit-learn, rounded as the gauges are."""
    from sklearn.metrics import accuracy_score, precision_score, recall_score

    truth = [one.fraud for one in payments]
    said = probabilities(folder, payments) >= THRESHOLD
    measures = {"precision": precision_score, "recall": recall_score, "accuracy": accuracy_score}
    return {name: round(float(measure(truth, said)), 3) for name, measure in measures.items()}
