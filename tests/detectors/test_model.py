"""`model` as a truth table: what of a model's answers is told, and which files and models are refused."""

import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import NearestNeighbors
from sklearn.svm import LinearSVC, OneClassSVM

import streamgauge
from streamgauge.errors import ConfigError
from tests.replaying import config, record, run, told

X = np.array([[1.0, 0.0], [2.0, 1.0], [8.0, 0.0], [9.0, 1.0]])
NUMBERS, WORDS, THREE = [0, 0, 1, 1], ["fine", "fine", "fraud", "fraud"], [0, 1, 2, 2]


class Strange(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A type that nobody trusts."""

    def predict(self, values: Any) -> Any:
        return values[:, 0]


class Imputing(Ridge):  # type: ignore[misc]
    """Lives with what is missing."""

    def predict(self, X: Any) -> Any:  # noqa: N803  scikit-learn's name
        return super().predict(np.nan_to_num(X))


def named(model: Any, *names: str) -> Any:
    """As if it had been fitted on a frame."""
    model.feature_names_in_ = np.array(names, object)
    return model


MODELS = {
    "yes": lambda: LogisticRegression(C=10).fit(X, NUMBERS),
    "words": lambda: LogisticRegression(C=10).fit(X, WORDS),
    "three": lambda: LogisticRegression(C=10).fit(X, THREE),
    "margin": lambda: LinearSVC().fit(X, NUMBERS),
    "value": lambda: Ridge(alpha=0.01).fit(X, X[:, 0] * 10),
    "odd": lambda: OneClassSVM(gamma=0.1).fit(np.random.default_rng(1).normal(5, 1, (200, 2))),
    "named": lambda: named(LogisticRegression(C=10).fit(X, NUMBERS), "v", "pos"),
    "strange": Strange,
    "imputing": lambda: Imputing(alpha=0.01).fit(X, X[:, 0] * 10),
    "nothing": lambda: NearestNeighbors().fit(X),
    "one feature": lambda: Ridge().fit(X[:, :1], NUMBERS),
}


def dump(model: Any, path: str | Path) -> None:
    """Write a file of skops, whose import takes as long as that of everything else here."""
    import skops.io

    skops.io.dump(model, path)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("models")
    paths = {name: str(folder / f"{name}.skops") for name in MODELS}
    for name, make in MODELS.items():
        dump(make(), paths[name])
    return paths


IMPUTING = ["tests.detectors.test_model.Imputing"]
STRANGE = ["tests.detectors.test_model.Strange"]
LAST = [
    ("a small probability is fine", "yes", {"critical": 0.9}, (1.0, 0.0), "ok"),
    ("a large one is critical", "yes", {"critical": 0.9}, (9.0, 1.0), "critical"),
    ("one between is a warning", "yes", {"warning": 0.3, "critical": 0.99999}, (7.0, 0.0), "warning"),
    ("below: small ones are told", "yes", {"critical": 0.1, "side": "below"}, (1.0, 0.0), "critical"),
    ("below: large ones are not", "yes", {"critical": 0.1, "side": "below"}, (9.0, 0.0), "ok"),
    ("the class may be named", "words", {"critical": 0.9, "positive": "fine"}, (1.0, 0.0), "critical"),
    ("of two the second is meant", "words", {"critical": 0.9}, (9.0, 0.0), "critical"),
    ("of three the named one", "three", {"critical": 0.5, "positive": 2}, (9.0, 1.0), "critical"),
    ("a decision", "yes", {"critical": 2, "output": "decision"}, (9.0, 1.0), "critical"),
    ("a model without probabilities gives its decision", "margin", {"critical": 0.1}, (9.0, 1.0), "critical"),
    ("a regression gives its prediction", "value", {"critical": 85}, (9.0, 1.0), "critical"),
    ("and less is fine", "value", {"critical": 85}, (8.0, 1.0), "ok"),
    ("a model of what is usual: the usual", "odd", {"critical": -1.0}, (5.0, 5.0), "ok"),
    ("a model of what is usual: the odd", "odd", {"critical": -1.0}, (30.0, 5.0), "critical"),
    ("a record that lacks a feature is no data", "yes", {"critical": 0.1}, (None, 1.0), "no_data"),
    ("so is one that lacks all", "yes", {"critical": 0.1}, (None, None), "no_data"),
    ("a model that lives with that gets it", "imputing", {"critical": 50, "missing": "pass", "trusted": IMPUTING}, (9.0, None), "critical"),
    ("but not where all are missing", "imputing", {"critical": 0, "missing": "pass", "trusted": IMPUTING}, (None, None), "no_data"),
    ("a type that is trusted", "strange", {"critical": 5, "trusted": STRANGE}, (9.0, 1.0), "critical"),
    ("names that fit", "named", {"critical": 0.9}, (9.0, 1.0), "critical"),
]  # fmt: skip


def monitor(path: str, **more: Any) -> dict[str, Any]:
    return {
        "detect": {"type": "model", "path": path, "features": ["v", "pos"], "resolve_after": "2s", **more}
    }


@pytest.mark.parametrize(
    ("sentence", "name", "detect", "last", "severity"), LAST, ids=[row[0] for row in LAST]
)
def test_the_last_record(
    saved: dict[str, str],
    sentence: str,
    name: str,
    detect: dict[str, Any],
    last: tuple[Any, Any],
    severity: str,
):
    rows = [record(0, v=3.0, pos=0.0), record(60, v=last[0], pos=last[1])]
    found = told(run(config({"m": monitor(saved[name], **detect)}), rows, flush=False)).verdicts()
    assert found[-1][:2] == (60, severity)


def test_it_ends_in_an_incident_of_its_key_and_in_its_end(saved: dict[str, str]):
    rows = [
        record(t, k, v=9.0 if k == "a" and 10 <= t < 20 else 1.0, pos=0.0) for t in range(30) for k in "ab"
    ]
    lines = run(config({"m": monitor(saved["yes"], critical=0.9, by="k")}), rows, flush=False).lines
    fired, over = [line for line in lines if line["kind"] == "incident"]
    assert (fired["at"][-7:], fired["key"], over["at"][-7:]) == ("10.000Z", "a", "21.000Z")
    verdict = next(line for line in lines if line["kind"] == "verdict" and line["severity"] == "critical")
    assert list(verdict["observed"]) == ["probability", "v", "pos"]
    assert verdict["score"] == verdict["observed"]["probability"] > 0.9
    assert verdict["expected"] == "probability < 0.9"


def test_what_is_masked_is_not_shown(saved: dict[str, str]):
    fields = {"v": {"type": "float", "mask": True}, "pos": "float", "at": {"type": "timestamp", "unit": "us"}}
    made = config({"m": monitor(saved["yes"], critical=0.9)}, fields=fields)
    (line,) = [
        line
        for line in run(made, [record(0, v=9.0, pos=1.0)], flush=False).lines
        if line["kind"] == "verdict"
    ]
    assert set(line["observed"]) == {"probability", "pos"}


def test_many_keys_with_one_record_each(saved: dict[str, str]):
    rows = [record(t / 100, f"k{t}", v=1.0, pos=0.0) for t in range(1000)]
    found = told(
        run(config({"m": monitor(saved["yes"], critical=0.9, by="k")}), rows, flush=False)
    ).verdicts()
    assert [severity for _, severity, *_ in found] == ["ok"] * 1000


def test_how_many_are_judged_at_once_makes_no_difference(saved: dict[str, str]):
    draw = np.random.default_rng(1)
    rows = [record(t, v=float(a), pos=float(b)) for t, (a, b) in enumerate(draw.uniform(0, 10, (101, 2)))]
    made = config({"m": monitor(saved["yes"], critical=0.9)})
    assert run(made, rows, flush=False).lines == run(made, rows, flush=False, batch_size=1).lines


def test_a_series_can_be_scored_in_python(saved: dict[str, str]):
    found = streamgauge.score([0.0, 9.0], "model", path=saved["one feature"], features="value", critical=1.0)
    assert found["severity"].to_list() == ["ok", "critical"]


def test_a_file_that_changed_is_read_anew(tmp_path: Path):
    path = tmp_path / "m.skops"
    for scale, expected in ((1, "ok"), (100, "critical")):
        dump(Ridge(alpha=0.01).fit(X, X[:, 0] * scale), path)
        asked = monitor(str(path), critical=100.0, resolve_after=f"{scale}s")
        found = told(run(config({"m": asked}), [record(0, v=5.0, pos=0.0)], flush=False)).verdicts()
        assert found[0][1] == expected


REFUSED = [
    ("no limit", "yes", {}, "say from which number on a record is told"),
    ("a file that is not there", "gone", {"critical": 1}, "cannot read the model"),
    ("a type that is not trusted", "strange", {"critical": 1}, "holds types that are not trusted: tests.detectors.test_model.Strange"),
    ("other names than in training", "named", {"critical": 1, "features": ["pos", "v"]}, "was trained on v, pos, in this order"),
    ("more features than in training", "one feature", {"critical": 1}, "the model takes 1; here stand 2"),
    ("an output that it has not", "value", {"critical": 1, "output": "probability"}, "has no `predict_proba` for probability; it gives prediction"),
    ("a limit beyond any probability", "yes", {"critical": 90}, "critical: 90 is judged against a probability, from 0 to 1; write 0.9"),
    ("a model that gives nothing", "nothing", {"critical": 1}, "it gives none"),
    ("three classes and none named", "three", {"critical": 1}, "knows the classes 0, 1, 2; say which"),
    ("a class that it does not know", "words", {"critical": 1, "positive": "good"}, "no class good, only fine, fraud"),
    ("predictions that are texts", "words", {"critical": 1, "output": "prediction"}, "the model's prediction is no number but"),
    ("several decisions", "three", {"critical": 1, "output": "decision"}, "numbers per record as decision; one is needed"),
    ("a feature that is not there", "yes", {"critical": 1, "features": ["vv", "pos"]}, "unknown name `vv`"),
    ("a text", "yes", {"critical": 1, "features": ["w", "pos"]}, "`w` is string, and only numbers"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "name", "detect", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(saved: dict[str, str], sentence: str, name: str, detect: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message):
        config({"m": monitor(saved.get(name, "/nowhere/gone.skops"), **detect)})


def test_a_pickle_is_refused_and_never_read(tmp_path: Path):
    path = tmp_path / "m.pkl"
    path.write_bytes(b"cos\nabort\n(tR.")  # who unpickles this is gone
    with pytest.raises(ConfigError, match="is a pickle, and to read one is to run whatever its writer liked"):
        config({"m": monitor(str(path), critical=1)})


def test_a_pickle_by_another_name_is_refused_too(tmp_path: Path):
    path = tmp_path / "m.skops"
    path.write_bytes(pickle.dumps(MODELS["yes"]()))
    with pytest.raises(ConfigError, match="is no skops file; a pickle stays one under another name"):
        config({"m": monitor(str(path), critical=1)})


def test_an_archive_that_holds_no_model_is_refused(tmp_path: Path):
    path = tmp_path / "m.skops"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "no model")
    with pytest.raises(ConfigError, match="cannot be read as a skops file"):
        config({"m": monitor(str(path), critical=1)})


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "m.skops"
    dump(MODELS["yes"](), path)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    with pytest.raises(ConfigError, match=r"pip install 'streamgauge\[model\]'"):
        config({"m": monitor(str(path), critical=1)})
