"""`estimated_performance` as a truth table: what probabilities alone say of a model, and when that is too little."""

from typing import Any

import numpy as np
import pytest

from streamgauge.errors import ConfigError
from tests.replaying import config, record, run, told

SURE, UNSURE = [0.02, 0.97, 0.99, 0.01] * 30, [0.4, 0.6, 0.55, 0.45] * 30
ACCURATE = {"reference": {"accuracy": 0.95}}


def lines(values: list[Any], *, size: Any = "10m", **detect: Any) -> list[dict[str, Any]]:
    """What is said of the windows of such probabilities, one a second."""
    asked = {
        "window": {"type": "count" if isinstance(size, int) else "tumbling", "size": size},
        "detect": {"type": "estimated_performance", "prediction": "v", **detect},
    }
    rows = [record(t, v=value) for t, value in enumerate(values)]
    return [line for line in run(config({"m": asked}), rows, flush=True).lines if line["kind"] == "verdict"]


WINDOWS = [
    ("a sure model is fine", SURE, ACCURATE, "ok"),
    ("an unsure one is not", UNSURE, ACCURATE, "critical"),
    ("nor one that is only a little less sure than usual, with enough records", [0.1, 0.9] * 300, ACCURATE, "critical"),
    ("chance may explain as much with few records", [0.1, 0.9] * 50, ACCURATE, "ok"),
    ("without a reference it is told and never fires", UNSURE, {}, "ok"),
    ("another measure of the reference decides too", [0.3] * 30 + SURE, {"reference": {"accuracy": 0.5, "recall": 0.97}}, "critical"),
    ("a condition on the measures", UNSURE, {"when": "f1_upper < 0.8"}, "critical"),
    ("one that does not hold", SURE, {"when": "f1_upper < 0.8"}, "ok"),
    ("both: one that fires is enough", UNSURE, {**ACCURATE, "when": "records > 1000"}, "critical"),
    ("what cannot be said changes nothing", [0.1] * 120, {"reference": {"precision": 0.9}}, "neither"),
    ("unless something else fires", [0.4] * 120, {"reference": {"precision": 0.9, "accuracy": 0.9}}, "critical"),
    ("with few records it cannot know", UNSURE[:99], ACCURATE, "not_enough_data"),
    ("one row is not enough", [0.5], ACCURATE, "not_enough_data"),
    ("all missing is not enough", [None] * 120, ACCURATE, "not_enough_data"),
    ("what is missing is left out", SURE + [None] * 120, ACCURATE, "ok"),
    ("so is what is no probability", SURE + [1.5, -0.2, 1e300] * 40, ACCURATE, "ok"),
    ("a field that vanishes in mid-stream is too little to judge", SURE[:50] + [None] * 300, ACCURATE, "not_enough_data"),
    ("a constant series has an accuracy", [0.7] * 120, ACCURATE, "critical"),
    ("0 and 1 are probabilities", [0.0, 1.0] * 60, ACCURATE, "ok"),
    ("a threshold of one's own", [0.2, 0.9] * 100, {"threshold": 0.15, "reference": {"precision": 0.8}}, "critical"),
    ("as it is without", [0.2, 0.9] * 100, {"reference": {"precision": 0.8}}, "ok"),
    ("a narrower band is sooner sure", [0.1, 0.9] * 50, {**ACCURATE, "deviations": 1}, "critical"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "values", "detect", "severity"), WINDOWS, ids=[row[0] for row in WINDOWS]
)
def test_windows(sentence: str, values: list[Any], detect: dict[str, Any], severity: str):
    (line,) = lines(values, **detect)
    assert line["severity"] == severity


def test_what_is_told():
    (line,) = lines([*SURE, None, 7.0], **ACCURATE, threshold=0.5)
    seen = line["observed"]
    assert list(seen)[:2] == ["accuracy", "accuracy_upper"]
    assert seen["accuracy"] == pytest.approx(np.mean([0.98, 0.97, 0.99, 0.99]))
    assert (seen["records"], seen["left_out"]) == (120, 2)
    assert seen["expected_positive"] == pytest.approx(sum(SURE))
    assert line["lower"] < seen["accuracy"] < line["upper"]
    assert line["expected"] == "accuracy of 0.95 within the bounds"


def test_what_cannot_be_judged_shows_no_number():
    (line,) = lines([0.5] * 20, **ACCURATE)
    assert line["observed"] == {"records": 20}
    assert line["lower"] is None


def test_the_last_records_by_number():
    found = lines([*SURE, *UNSURE], size=60, **ACCURATE, min_records=60)
    assert [line["severity"] for line in found] == ["ok", "ok", "critical", "critical"]


def test_it_ends_in_an_incident_and_in_its_end():
    asked = {
        "window": {"type": "tumbling", "size": "2m", "by": "k"},
        "detect": {"type": "estimated_performance", "prediction": "v", **ACCURATE, "min_records": 50},
    }
    values = [*SURE, *UNSURE, *SURE, 0.5]
    rows = [record(t, k, v=v) for t, v in enumerate(values) for k in "ab" if k == "a" or v not in UNSURE]
    found = told(run(config({"m": asked}), rows, flush=False)).incidents()
    assert found == [(240, "firing", None, "a"), (360, "resolved", "recovered", "a")]


def test_parts_of_several_partitions_are_merged():
    asked = {
        "window": {"type": "tumbling", "size": "10m"},
        "detect": {"type": "estimated_performance", "prediction": "v", **ACCURATE},
    }
    half = [record(t, v=v) for t, v in enumerate(UNSURE)]
    one = run(config({"m": asked}), half).lines
    two = run(config({"m": asked}), {0: half[::2], 1: half[1::2]}).lines
    first, second = ([line["observed"] for line in each if line["kind"] == "verdict"] for each in (one, two))
    assert first[0] == pytest.approx(second[0])


def test_many_keys_with_one_record_each():
    asked = {
        "window": {"type": "tumbling", "size": "10m", "by": "k"},
        "detect": {"type": "estimated_performance", "prediction": "v", **ACCURATE},
    }
    rows = [record(t / 10, f"k{t}", v=0.5) for t in range(500)]
    found = told(run(config({"m": asked}), rows)).verdicts()
    assert {severity for _, severity, *_ in found} == {"not_enough_data"}
    assert len(found) == 500


def test_two_thresholds_over_one_window_do_not_mix():
    window = {"type": "tumbling", "size": "10m"}
    asked = {
        name: {
            "window": window,
            "detect": {"type": "estimated_performance", "prediction": "v", "threshold": limit},
        }
        for name, limit in (("low", 0.15), ("high", 0.5))
    }
    rows = [record(t, v=v) for t, v in enumerate([0.2, 0.9] * 60)]
    found = {
        line["monitor"]: line["observed"]["precision"]
        for line in run(config(asked), rows).lines
        if line["kind"] == "verdict"
    }
    assert found == pytest.approx({"low": 0.55, "high": 0.9})


REFUSED = [
    ("a field that is not there", {"prediction": "vv"}, "prediction: unknown field `vv`; did you mean `v`?"),
    ("a text", {"prediction": "w"}, "`w` is a string; a probability, 0 to 1, is needed"),
    ("a measure that is not estimated", {"reference": {"recal": 0.5}}, "unknown measure `recal`; did you mean `recall`?"),
    ("a condition on what is not measured", {"when": "mae > 1"}, "mae"),
    ("a threshold that everything reaches", {"threshold": 0}, "threshold"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "detect", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(sentence: str, detect: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        lines([0.5], **detect)


def test_single_records_are_refused():
    with pytest.raises(ConfigError, match="estimated_performance judges windows; add `window:`"):
        config({"m": {"detect": {"type": "estimated_performance", "prediction": "v"}}})
