"""Tables through the detectors of model quality: the sentences of section "labels", over history."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

from streamgauge.errors import ConfigError, StreamgaugeError
from streamgauge.evaluation.joining import Asked, evaluated
from streamgauge.statistics.quality import classification_quality, regression_quality
from tests.detectors.test_model_quality import said, told


def asked(
    kind: Any = "classification", window: timedelta | None = None, by: tuple[str, ...] = (), **more: Any
):
    return Asked(kind, "id", "p", "y", by, {"min_labels": 1, **more}, window)


def predictions(*rows: tuple[str, float], **columns: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"id": [name for name, _ in rows], "p": [p for _, p in rows], **columns})


def labels(*rows: tuple[str, Any]) -> pl.DataFrame:
    return pl.DataFrame({"id": [name for name, _ in rows], "y": [y for _, y in rows]})


JOINS = [
    ("a label meets its prediction", [("x", 0.9)], [("x", 1)], (1, 1, 0, None)),
    ("a label that comes twice counts once", [("x", 0.9)], [("x", 1), ("x", 1)], (1, 1, 0, None)),
    ("of a label that changes the last one counts", [("x", 0.9)], [("x", 1), ("x", 0)], (1, 0, 1, 1)),
    ("of a prediction that comes again the first one counts", [("x", 0.9), ("x", 0.1)], [("x", 1)], (1, 1, 0, None)),
    ("a label of an id that nobody predicted is not measured", [("x", 0.9)], [("x", 1), ("z", 0)], (1, 1, 0, None)),
    ("a prediction without a label is not measured", [("x", 0.9), ("y", 0.9)], [("x", 1)], (1, 1, 0, None)),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "given", "known", "expected"), JOINS, ids=[row[0] for row in JOINS])
def test_labels_meet_predictions(sentence: str, given: Any, known: Any, expected: tuple[Any, ...]):
    (row,) = evaluated(predictions(*given), labels(*known), asked())
    assert tuple(row.get(name) for name in ("labels", "tp", "fp", "changed_labels")) == expected


def test_no_prediction_at_all_is_said():
    none = pl.DataFrame(
        {"id": ["x"], "p": [None], "y": [None]}, schema={"id": pl.String, "p": pl.Float64, "y": pl.Int64}
    )
    with pytest.raises(ConfigError, match="there are no predictions: `p` is missing"):
        evaluated(none, None, asked())


def test_numbers_that_are_no_classes_are_refused():
    given, known = predictions(("x", 71.0), ("y", 12.0)), labels(("x", 70.5), ("y", 11.0))
    with pytest.raises(ConfigError, match=r"`y` holds 70.5; classes are 0 and 1.*--kind regression"):
        evaluated(given, known, asked())
    (row,) = evaluated(given, known, asked("regression"))
    assert row["labels"] == 2
    (row,) = evaluated(given, labels(("x", 1.0), ("y", float("nan"))), asked())
    assert row["labels"] == 1


def test_the_measures_are_those_of_the_detectors():
    draw = np.random.default_rng(1)
    scores, truth = draw.random(500), (draw.random(500) < 0.4).astype(float)
    ids = [f"{i}" for i in range(500)]
    given, known = predictions(*zip(ids, scores.tolist(), strict=True)), pl.DataFrame({"id": ids, "y": truth})
    known = known.sample(fraction=1.0, shuffle=True, seed=2)
    (row,) = evaluated(given, known, asked(threshold=0.7))
    assert {name: row[name] for name in ("precision", "roc_auc_upper", "log_loss", "fn")} == {
        name: value for name, value in classification_quality(scores, truth, 0.7).items() if name in row
        and name in ("precision", "roc_auc_upper", "log_loss", "fn")
    }  # fmt: skip
    (row,) = evaluated(given, known, asked("regression"))
    assert row["rmse"] == pytest.approx(regression_quality(scores, truth)["rmse"])


def test_windows_are_told_as_a_stream_would_tell_them_at_last():
    """The last revision of each window in a stream is what history says of it."""
    rows = [said(t, f"{t}", t % 7 / 7) for t in range(1, 29)]
    late = [said(40 + t, f"{t}", None, t % 2) for t in range(1, 29)]
    lines = told([*rows, *late, said(75, "tick", 0.0), said(120, "tock", 0.0)], label_wait="200s")
    last = {line["window_start"]: line["observed"] for line in lines if line["observed"]["labels"]}
    given = pl.DataFrame({
        "id": [row["id"] for row in rows], "p": [row["p"] for row in rows], "at": [row["at"] for row in rows],
    })  # fmt: skip
    known = labels(*((row["id"], row["y"]) for row in late))
    found = evaluated(given, known, asked(window=timedelta(seconds=10)))[1:]
    assert [row["window_start"] for row in found] == list(last)
    names = ("tp", "fp", "accuracy", "roc_auc", "log_loss_lower", "labels", "unlabelled")
    assert [[row.get(name) for name in names] for row in found] == [
        [observed.get(name) for name in names] for observed in last.values()
    ]


def test_the_order_of_labels_changes_nothing():
    given = predictions(("a", 0.9), ("b", 0.2), ("c", 0.7))
    known = [("a", True), ("b", False), ("c", False)]
    found = [evaluated(given, labels(*order), asked()) for order in itertools.permutations(known)]
    assert all(one == found[0] for one in found)


def test_each_value_of_by_for_itself():
    given = predictions(("a", 0.9), ("b", 0.9), ("c", 0.1), k=["x", "y", None])
    rows = evaluated(given, labels(("a", 1), ("b", 0), ("c", 1)), asked(by=("k",)))
    assert [(row["kind"], row["key"], row["accuracy"]) for row in rows] == [
        ("overall", None, pytest.approx(1 / 3)), ("key", "x", 1.0), ("key", "y", 0.0), ("key", "", 0.0),
    ]  # fmt: skip


def test_ids_as_numbers_and_as_texts_are_the_same():
    given = pl.DataFrame({"id": [1, 2], "p": [0.9, 0.1]})
    (row,) = evaluated(given, labels(("1", True), ("2", False)), asked())
    assert row["accuracy"] == 1.0


def test_many_ids_with_one_record_each():
    count = 20_000
    ids = [f"{i}" for i in range(count)]
    given = pl.DataFrame({"id": ids, "p": [1.0] * count, "y": [True] * count})
    (row,) = evaluated(given, None, asked())
    assert (row["labels"], row["accuracy"]) == (count, 1.0)


STATES = [
    ("fewer labels than min_labels are not enough data", {"min_labels": 3}, "not_enough_data"),
    ("a condition that holds is critical", {"when": "accuracy < 0.6"}, "critical"),
    ("one that does not is ok", {"when": "accuracy < 0.4"}, "ok"),
]


@pytest.mark.parametrize(("sentence", "more", "severity"), STATES, ids=[row[0] for row in STATES])
def test_states(sentence: str, more: dict[str, Any], severity: str):
    (row,) = evaluated(predictions(("a", 0.9), ("b", 0.9)), labels(("a", 1), ("b", 0)), asked(**more))
    assert row["severity"] == severity
    assert ("precision" in row) == (severity != "not_enough_data")


REFUSED: list[tuple[str, pl.DataFrame, pl.DataFrame | None, Asked, str]] = [
    ("a column that is not there", predictions(("a", 1.0)), labels(("a", 1)),
     Asked("classification", "id", "q", "y"), "the predictions have no column `q`"),
    ("labels without their id", predictions(("a", 1.0)), pl.DataFrame({"y": [1]}), asked(), "the labels have no"),
    ("no label anywhere", predictions(("a", 1.0)), None, asked(), "the predictions have no column `y`"),
    ("windows without moments", predictions(("a", 1.0)), labels(("a", 1)),
     asked(window=timedelta(hours=1)), "--time"),
    ("texts without what means yes", predictions(("a", 1.0)), labels(("a", "fraud")), asked(), "positive"),
    ("a condition on what is not measured", predictions(("a", 1.0)), labels(("a", 1)),
     asked(when="mae > 3"), "mae"),
    ("lists", predictions(("a", 1.0)), labels(("a", [1])), asked(), "holds List"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "given", "known", "what", "message"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_refused(sentence: str, given: pl.DataFrame, known: Any, what: Asked, message: str):
    with pytest.raises((ConfigError, StreamgaugeError), match=message):
        evaluated(given, known, what)
