"""What a store kept of a model's windows, put together."""

from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from streamgauge.errors import ConfigError
from streamgauge.evaluation.kept import rows_of_windows
from streamgauge.keys import key_text
from tests.cli.in_process import Verb

S = 1_000_000


def window(
    start: int, tp: int, fp: int, fn: int, tn: int, key: str | None = None, **more: Any
) -> dict[str, Any]:
    labels = tp + fp + fn + tn
    return {
        "key": key_text(key), "window_start": start * S, "window_end": (start + 10) * S, "revision": 0,
        "predictions": labels + 1, "labels": labels, "unlabelled": 1, "tp": tp, "fp": fp, "fn": fn, "tn": tn, **more,
    }  # fmt: skip


def rows(*windows: dict[str, Any], least: int = 1, when: str | None = None, span: Any = (None, None)):
    return rows_of_windows(pl.DataFrame(list(windows)), span, least, when)


def test_counts_add_up_and_what_follows_is_measured_anew():
    first = rows(window(0, 8, 2, 0, 0, log_loss=0.2), window(10, 0, 0, 10, 20, log_loss=0.6))[0]
    assert (first["tp"], first["precision"], first["recall"], first["accuracy"]) == (8, 0.8, 8 / 18, 0.7)
    assert first["recall_lower"] < 8 / 18 < first["recall_upper"]
    assert first["log_loss"] == pytest.approx((0.2 * 10 + 0.6 * 30) / 40)
    assert "roc_auc" not in first


def test_the_newest_revision_of_a_window_counts():
    found = rows(window(0, 1, 0, 0, 0), window(0, 1, 3, 0, 0, revision=1))
    assert [(row["kind"], row["precision"] if row["kind"] == "overall" else row["fp"]) for row in found] == [
        ("overall", 0.25), ("window", 3),
    ]  # fmt: skip


def test_keys_and_windows():
    found = rows(window(0, 1, 0, 0, 0, "CH"), window(0, 0, 1, 0, 0, "DE"))
    assert [(row["kind"], row["key"]) for row in found] == [
        ("overall", None), ("key", "CH"), ("key", "DE"), ("window", "CH"), ("window", "DE"),
    ]  # fmt: skip


STATES = [
    ("too few labels", {"least": 100}, "not_enough_data"),
    ("a condition that holds", {"when": "precision < 0.9"}, "critical"),
    ("one that does not", {"when": "precision < 0.1"}, "ok"),
    ("what is missing holds nothing", {"when": "roc_auc < 2"}, "ok"),
]


@pytest.mark.parametrize(("sentence", "more", "severity"), STATES, ids=[row[0] for row in STATES])
def test_states(sentence, more, severity):
    first = rows(window(0, 8, 2, 0, 0), **more)[0]
    assert first["severity"] == severity
    assert ("precision" in first) == (severity != "not_enough_data")


def test_of_some_windows_only():
    found = rows(*(window(start, 1, 0, 0, 0) for start in (0, 10, 20)), span=(10 * S, 20 * S))
    assert found[0]["labels"] == 1


def test_regression():
    frame = pl.DataFrame([
        {"key": "null", "window_start": 0, "window_end": 1, "labels": 1, "predictions": 1, "mae": 1.0, "rmse": 1.0, "bias": -1.0},
        {"key": "null", "window_start": 1, "window_end": 2, "labels": 3, "predictions": 3, "mae": 2.0, "rmse": 3.0, "bias": 1.0},
    ])  # fmt: skip
    first = rows_of_windows(frame, (None, None), 1, None)[0]
    assert (first["mae"], first["bias"], first["rmse"]) == (1.75, 0.5, 7**0.5)


def test_what_rests_on_no_labels_is_refused():
    with pytest.raises(ConfigError, match="rests on labels"):
        rows_of_windows(pl.DataFrame({"key": ["null"], "roc_auc": [0.5]}), (None, None), 1, None)


CONFIG = """
streams:
  scored:
    source: {{type: files, path: {folder}/scored.ndjson}}
    format: json
    fields: {{tx: string, score: float, fraud: bool, at: timestamp}}
    time: at
monitors:
  model:
    stream: scored
    detect: {{type: classification, id: tx, prediction: score, label: fraud, size: 10s, label_wait: 1m, min_labels: 1}}
store: {{url: "sqlite:///{folder}/s.db", history: 30d}}
"""


def test_a_run_and_its_history_by_the_verb(tmp_path, capsys, monkeypatch):
    from streamgauge.config import load
    from streamgauge.engines.embedded.session import Session

    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    scored = [{"tx": f"{i}", "score": i % 10 / 10, "at": 1_700_000_000 + i} for i in range(40)]
    truth = [{"tx": f"{i}", "fraud": i % 10 > 6, "at": 1_700_000_045 + i} for i in range(40)]
    later = {"tx": "later", "score": 0.0, "at": 1_700_000_200}
    (tmp_path / "scored.ndjson").write_text("\n".join(map(json.dumps, [*scored, *truth, later])))
    (tmp_path / "c.yaml").write_text(CONFIG.format(folder=tmp_path))
    Session(load(tmp_path / "c.yaml")).run()
    evaluate = Verb("evaluate", capsys)
    kept = evaluate("model", "--config", tmp_path / "c.yaml", "--min-labels", "1", "--json")
    assert kept.code == 0, kept.err
    anew = evaluate(
        tmp_path / "scored.ndjson", "--like", "model", "--config", tmp_path / "c.yaml", "--json"
    ).objects[0]
    names = ("tp", "fp", "fn", "tn", "precision", "recall_lower", "labels")
    assert [kept.objects[0][name] for name in names] == [anew[name] for name in names]
    assert kept.objects[0]["labels"] == 40
    unknown = evaluate("nothing", "--config", tmp_path / "c.yaml")
    assert (unknown.code, "kept nothing" in unknown.err) == (2, True)
