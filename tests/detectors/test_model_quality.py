"""Classification and regression as truth tables: how labels meet predictions, and what is told of it when."""

import random
from typing import Any

import numpy as np
import pytest

from streamgauge.config import plugins
from streamgauge.detectors.contract import Context
from streamgauge.errors import ConfigError
from tests.replaying import config, run

SIZE, WAIT = "10s", "30s"
FIELDS: dict[str, Any] = {
    "id": "string", "k": "string", "p": "float", "y": "float", "at": {"type": "timestamp", "unit": "us"},
}  # fmt: skip


def said(
    at: float, name: str, p: float | None = None, y: float | None = None, k: str = "a"
) -> dict[str, Any]:
    """One record: a prediction, a label, or both."""
    return {"at": round(at * 1e6), "id": name, "p": p, "y": y, "k": k}


def told(rows: list[dict[str, Any]], detector: str = "classification", **more: Any) -> list[dict[str, Any]]:
    """What is said of each window, in order."""
    asked = {"type": detector, "id": "id", "prediction": "p", "label": "y", "size": SIZE, "label_wait": WAIT,
             "min_labels": 1, **more}  # fmt: skip
    lines = run(config({"m": {"detect": asked}}, fields=FIELDS), rows, flush=False).lines
    return [both(line) for line in lines if line["kind"] == "verdict"]


def both(line: dict[str, Any]) -> dict[str, Any]:
    """A line with all that was measured as observed."""
    return {**line, "observed": {**line["evidence"], **line["observed"]}}


def seen(rows: list[dict[str, Any]], *names: str, **more: Any) -> list[tuple[Any, ...]]:
    return [tuple(line["observed"].get(name) for name in names) for line in told(rows, **more)]


TICK = [said(t, "tick", 0.0) for t in (11, 21, 31)]
"""Records of another id that let time pass."""

JOINS = [
    ("a label after its prediction", [said(1, "x", 0.9), said(2, "x", None, 1)], (1, 1, 0)),
    ("a label before its prediction", [said(1, "x", None, 1), said(2, "x", 0.9)], (1, 1, 0)),
    ("both in one record", [said(1, "x", 0.9, 1)], (1, 1, 0)),
    ("a label that comes twice counts once",
     [said(1, "x", 0.9), said(2, "x", None, 1), said(3, "x", None, 1)], (1, 1, 0)),
    ("of a label that changes the last one counts",
     [said(1, "x", 0.9), said(2, "x", None, 1), said(3, "x", None, 0)], (1, 0, 1)),
    ("of a prediction that comes again the first one counts",
     [said(1, "x", 0.9), said(2, "x", 0.1), said(3, "x", None, 1)], (1, 1, 0)),
    ("a prediction without a label is not measured", [said(1, "x", 0.9, 1), said(2, "y", 0.9)], (1, 1, 0)),
    ("a label of an id that nobody predicted is not measured",
     [said(1, "x", 0.9, 1), said(2, "y", None, 0)], (1, 1, 0)),
    ("a record without an id is passed over",
     [said(1, "x", 0.9, 1), {**said(2, "y", 0.9, 0), "id": None}], (1, 1, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "rows", "expected"), JOINS, ids=[row[0] for row in JOINS])
def test_labels_meet_predictions(sentence: str, rows: list[dict[str, Any]], expected: tuple[int, ...]):
    assert seen([*rows, *TICK[:1]], "labels", "tp", "fp") == [expected]


def test_what_came_twice_or_changed_is_counted():
    rows = [said(1, "x", 0.9), said(2, "x", 0.8), said(3, "x", None, 1), said(4, "x", None, 0), *TICK[:1]]
    assert seen(rows, "changed_labels", "repeated_predictions", "unlabelled") == [(1, 1, 0)]


def test_a_late_label_revises_the_window_of_its_prediction():
    rows = [said(1, "x", 0.9), said(2, "y", 0.9, 1), *TICK[:1], said(12, "x", None, 0), *TICK[1:]]
    lines = told(rows)
    first = [line for line in lines if line["window_start"].endswith("00.000Z")]
    assert [(line["at"][-7:], line["observed"]["revision"], line["observed"]["precision"]) for line in first] == [
        ("10.000Z", 0, 1.0), ("20.000Z", 1, 0.5),
    ]  # fmt: skip


def test_a_window_of_which_nothing_is_new_is_not_told_again():
    assert seen([said(1, "x", 0.9, 1), *[said(t, f"t{t}") for t in range(11, 100, 10)]], "revision") == [(0,)]


def test_many_late_labels_are_one_revision():
    rows = [said(1, f"{i}", 0.9) for i in range(20)]
    rows += [said(11, "tick"), *[said(12, f"{i}", None, 1) for i in range(20)], said(21, "tick")]
    assert seen(rows, "revision", "labels") == [(0, 0), (1, 20)]


def test_a_label_after_label_wait_is_nothing_to_a_window():
    rows = [said(1, "x", 0.9), said(50, "t", 0.1), said(51, "x", None, 1), said(200, "t")]
    observed = [line["observed"] for line in told(rows) if line["window_start"].endswith("00.000Z")]
    assert [(one["labels"], one["unlabelled"]) for one in observed] == [(0, 1)]


def test_labels_that_waited_in_vain_are_counted():
    rows = [said(1, "lost", None, 1), said(100, "x", 0.9, 1), said(200, "t")]
    assert seen(rows, "labels_without_prediction") == [(1,)]


def test_a_prediction_that_comes_when_its_window_is_over_for_good_is_left_alone():
    rows = [said(100, "t"), said(1, "old", 0.9, 1), said(111, "t")]
    assert seen(rows, "labels") == []


def test_beyond_max_waiting_new_predictions_are_left_out_and_counted():
    rows = [*[said(1, f"{i}", 0.9, 1) for i in range(5)], said(11, "t")]
    assert seen(rows, "predictions", "left_out", max_waiting=3) == [(3, 2)]


def test_room_is_made_when_windows_are_over():
    rows = [
        said(t + (i > 0), f"{t}-{i}", 0.9 if i else None, 1 if i else None)
        for t in (1, 101, 201)
        for i in range(4)
    ]
    assert seen([*rows, said(300, "t")], "predictions", "left_out", max_waiting=3) == [(3, None)] * 3


LABELS = [
    ("fewer labels than min_labels are not enough", 4, "not_enough_data"),
    ("as many are", 5, "critical"),
]


@pytest.mark.parametrize(("sentence", "count", "severity"), LABELS, ids=[row[0] for row in LABELS])
def test_min_labels(sentence: str, count: int, severity: str):
    rows = [
        *[said(1, f"{i}", 0.9, 0) for i in range(count)],
        *[said(2, f"u{i}", 0.9) for i in range(9)],
        *TICK[:1],
    ]
    (line,) = told(rows, min_labels=5, when="precision < 0.5")
    assert line["severity"] == severity
    assert ("precision" in line["observed"]) == (severity == "critical")


def test_conditions_open_and_clear():
    wrong = [said(1, f"{i}", 0.9, 0) for i in range(5)]
    mixed = [said(11, f"m{i}", 0.9, i % 2) for i in range(6)]
    right = [said(21, f"r{i}", 0.9, 1) for i in range(5)]
    lines = told(
        [*wrong, *mixed, *right, said(31, "t")], when="precision < 0.4", clear_when="precision > 0.8"
    )
    assert [line["severity"] for line in lines] == ["critical", "neither", "ok"]


def test_what_cannot_be_measured_changes_nothing():
    (line,) = told([said(1, "x", 0.1, 0), said(11, "t")], when="precision < 0.4")
    assert line["severity"] == "neither"


def test_each_key_has_its_own_windows():
    rows = [said(1, "x", 0.9, 1, "a"), said(2, "y", 0.9, 0, "b"), said(11, "t", k="a")]
    assert {(line["key"], line["observed"]["precision"]) for line in told(rows, by="k")} == {
        ("a", 1.0),
        ("b", 0.0),
    }


def test_many_keys_with_one_record_each():
    rows = [said(1 + i / 1000, f"{i}", 0.9, 1, f"k{i}") for i in range(500)]
    assert len(told([*rows, said(11, "t", k="k0")], by="k")) == 500


def test_infinite_numbers_are_missing():
    rows = [said(1, "x", 1e300, 1), said(2, "y", 3, 1), said(3, "z", 3, -1e300), said(11, "t")]
    assert seen(rows, "predictions", "labels", "mae", detector="regression") == [(2, 1, 2.0)]


def test_regression_measures():
    rows = [said(1, "a", 12.0, 10.0), said(2, "b", 19.0, 20.0), said(3, "c", 5.0, 0.0), said(11, "t")]
    ((mae, bias, mape, rmse),) = seen(rows, "mae", "bias", "mape", "rmse", detector="regression")
    assert (mae, bias, round(mape, 9), round(rmse, 6)) == (8 / 3, 2.0, 0.125, 3.162278)


def test_people_see_first_what_was_asked_for():
    rows = [said(1, "x", 0.9, 1), said(2, "y", 0.9, 0), said(11, "t")]
    asked = {"type": "classification", "id": "id", "prediction": "p", "label": "y", "size": SIZE, "min_labels": 1,
             "when": "f1_upper < 0.9 and precision < 0.6"}  # fmt: skip
    lines = run(config({"m": {"detect": asked}}, fields=FIELDS), rows, flush=False).lines
    (line,) = [line for line in lines if line["kind"] == "verdict"]
    assert list(line["observed"])[:3] == ["f1_upper", "precision", "recall"]
    assert line["evidence"]["tp"] == 1


def test_texts_are_classes():
    fields = {"id": "string", "p": "string", "y": "string", "at": {"type": "timestamp", "unit": "us"}}
    asked = {"type": "classification", "id": "id", "prediction": "p", "label": "y", "positive": "fraud", "size": SIZE,
             "min_labels": 1}  # fmt: skip
    rows = [
        {"at": 1_000_000, "id": "a", "p": "fraud", "y": "fraud"}, {"at": 2_000_000, "id": "b", "p": "fraud", "y": "fine"},
        {"at": 3_000_000, "id": "c", "p": "fine", "y": "other"}, {"at": 11_000_000, "id": "d"},
    ]  # fmt: skip
    lines = run(config({"m": {"detect": asked}}, fields=fields), rows, flush=False).lines
    (line,) = [both(line) for line in lines if line["kind"] == "verdict"]
    assert {name: line["observed"][name] for name in ("tp", "fp", "tn", "fn")} == {
        "tp": 1,
        "fp": 1,
        "tn": 1,
        "fn": 0,
    }


def test_any_split_and_order_of_labels_ends_in_the_same_measures():
    draw = random.Random(3)
    predictions = [said(draw.uniform(0, 40), f"{i}", draw.random()) for i in range(200)]
    labels = [said(draw.uniform(40, 65), f"{i}", None, draw.random() < 0.4) for i in range(200)]
    rows = sorted([*predictions, *labels], key=lambda row: row["at"])
    draw.shuffle(labels)
    for row, at in zip(labels, sorted(one["at"] for one in labels), strict=True):
        row["at"] = at
    other = sorted([*predictions, *labels], key=lambda row: row["at"])
    ends: list[dict[str, Any]] = [{}, {}]
    for end, given in zip(ends, (rows, other), strict=True):
        for line in told([*given, said(200, "t")], label_wait="60s"):
            end[line["window_start"]] = {
                k: v for k, v in line["observed"].items() if k not in ("revision", "log_loss")
            }
    assert ends[0].keys() == ends[1].keys()
    for start, first in ends[0].items():
        assert first == pytest.approx(ends[1][start], rel=1e-9), start


COLUMNS: dict[str, Any] = {"id": "string", "p": "float", "y": "bool", "word": "string"}
GOOD = {"id": "id", "prediction": "p", "label": "y"}
REFUSED = [
    ("an id that is no field", "classification", {**GOOD, "id": "wort"}, False, "id: unknown field `wort`; did you mean `word`?"),
    ("a window of its own", "classification", GOOD, True, "leave out `window:` and write `size:`"),
    ("one field for both", "classification", {**GOOD, "label": "p"}, False, "`p` is the prediction too"),
    ("texts without a yes", "classification", {**GOOD, "label": "word"}, False, "`word` is a text; say which one"),
    ("a yes without texts", "classification", {**GOOD, "positive": "x"}, False, "neither the prediction nor the label"),
    ("a condition on what is not measured", "classification", {**GOOD, "when": "mae > 1"}, False, "mae"),
    ("truths that are no numbers", "regression", GOOD, False, "`y` is bool, and only numbers"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "detector", "asked", "windowed", "message"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_refused(sentence: str, detector: str, asked: dict[str, Any], windowed: bool, message: str):
    module = plugins.module("detectors", detector)
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        module.build(module.Config.model_validate(asked), Context("m", COLUMNS, windowed=windowed))


def test_a_column_of_numbers_without_values():
    from streamgauge.batch import Column
    from streamgauge.detectors.classification import as_numbers

    found = as_numbers(Column("float", numbers=np.array([1.0, np.inf, np.nan])))
    assert np.array_equal(found, [1.0, np.nan, np.nan], equal_nan=True)
