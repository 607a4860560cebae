"""Trains the model and keeps what it was trained on: ``python -m examples.fraud.story.training --out FOLDER``.

``fraud.skops`` is a scikit-learn forest as the detector ``model`` reads it, ``training.reference`` says how the features were
distributed, which is what drift is measured against. The last fifth of the days is held out: how good the model is on it is
what it should stay.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from examples.fraud.story.transactions import BEGIN, FEATURES, Transaction, hours
from numpy.typing import NDArray

MODEL, REFERENCE = "fraud.skops", "training.reference"
THRESHOLD = 0.5
"""From this probability on a payment is held back."""
DRIFTING = FEATURES[:3]
"""What is compared with the training: the hour of the day repeats itself, and is no feature that drifts."""


@dataclass(frozen=True, slots=True)
class Trained:
    """How good the model is on the days that it has not seen."""

    trained_on: int
    held_out: int
    precision: float
    recall: float
    accuracy: float


def past(days: int, per_hour: int, seed: int) -> list[Transaction]:
    """The labelled payments of the days before :data:`~examples.fraud.story.transactions.BEGIN`."""
    begin = BEGIN - timedelta(days=days)
    return [one for _, made in hours(begin, days * 24, per_hour=per_hour, seed=seed) for one in made]


def train(folder: Path, *, days: int = 10, per_hour: int = 100, seed: int = 1) -> Trained:
    """Write the model and the reference into ``folder``."""
    import skops.io
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.metrics import accuracy_score, precision_score, recall_score

    payments = past(days, per_hour, seed)
    inputs = np.array([one.features for one in payments])
    truth = np.array([one.fraud for one in payments])
    split = len(payments) * 4 // 5
    forest = RandomForestClassifier(20, max_depth=8, min_samples_leaf=10, random_state=seed)
    forest.fit(inputs[:split], truth[:split])
    said = forest.predict_proba(inputs[split:])[:, 1] >= THRESHOLD
    skops.io.dump(forest, folder / MODEL)
    _write_reference(folder / REFERENCE, inputs[:split])
    known = truth[split:]
    return Trained(
        split,
        len(payments) - split,
        round(float(precision_score(known, said)), 3),
        round(float(recall_score(known, said)), 3),
        round(float(accuracy_score(known, said)), 3),
    )


def _write_reference(path: Path, inputs: NDArray[np.float64]) -> None:
    """What ``streamgauge reference build --from training.csv --features amount,distance,minutes`` writes."""
    from streamgauge.statistics.columns import reference_of
    from streamgauge.statistics.reference_file import encoded

    columns: dict[str, Any] = {name: inputs[:, FEATURES.index(name)] for name in DRIFTING}
    path.write_bytes(encoded(reference_of(columns)))


def main() -> None:
    """Read the arguments, train, tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    print(json.dumps(asdict(train(asked.out, days=asked.days, seed=asked.seed))))  # noqa: T201  a script's answer


if __name__ == "__main__":
    main()
