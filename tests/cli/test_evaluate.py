"""``streamgauge evaluate``: files in, measures out, and told to a server that may be away."""

from __future__ import annotations

import json
from contextlib import closing

import polars as pl
import pytest

from streamgauge.client.queue import Queue
from streamgauge.testing import Reply, WebhookReceiver
from tests.cli.in_process import Verb

CONFIG = """
streams:
  scored:
    source: {type: files, path: none.ndjson}
    format: json
    fields: {tx: string, score: float, fraud: bool, at: timestamp}
    time: at
monitors:
  model:
    stream: scored
    detect: {type: classification, id: tx, prediction: score, label: fraud, threshold: 0.85, min_labels: 2}
  other:
    stream: scored
    detect: {type: silence, after: 1h}
"""


@pytest.fixture
def evaluate(capsys):
    return Verb("evaluate", capsys)


@pytest.fixture
def files(tmp_path):
    """Four predictions of two days, and the truth of three of them."""
    scored = tmp_path / "scored.csv"
    scored.write_text(
        "tx,score,at\na,0.9,2026-03-01T10:00:00Z\nb,0.8,2026-03-01T11:00:00Z\n"
        "c,0.2,2026-03-02T10:00:00Z\nd,0.7,2026-03-02T11:00:00Z\n"
    )
    truth = tmp_path / "truth.ndjson"
    rows = [{"tx": "a", "fraud": True}, {"tx": "b", "fraud": False}, {"tx": "c", "fraud": False}]
    truth.write_text("\n".join(map(json.dumps, [*rows, {"tx": "z", "fraud": True}])))
    return scored, truth


COLUMNS = ("--id", "tx", "--prediction", "score", "--label", "fraud", "--min-labels", "1")


def test_a_table_for_people(evaluate, files):
    scored, truth = files
    told = evaluate(scored, "--labels", truth, *COLUMNS, "--window", "1d")
    assert told.code == 0
    assert told.lines[0] == "ok: 3 of 4 predictions are labelled"
    assert told.lines[2].split()[:2] == ["precision", "0.5"]
    assert [line.split()[0] for line in told.lines[-2:]] == [
        "2026-03-01T00:00:00.000Z",
        "2026-03-02T00:00:00.000Z",
    ]
    assert told.err.strip() == "1 labels belong to no prediction"


def test_ids_that_never_meet_are_shown(evaluate, files, tmp_path):
    scored, _ = files
    truth = tmp_path / "upper.ndjson"
    truth.write_text('{"tx": "A", "fraud": true}\n{"tx": "B", "fraud": false}\n')
    told = evaluate(scored, "--labels", truth, *COLUMNS)
    assert (
        "2 labels belong to no prediction: ids are compared as texts, and labels have such as 'A'" in told.err
    )


def test_a_span_without_predictions_is_said(evaluate, files):
    scored, truth = files
    told = evaluate(scored, "--labels", truth, *COLUMNS, "--from", "2026-04-01")
    assert (told.code, told.lines) == (2, [])
    assert "none was made in the span that is asked for" in told.err


@pytest.mark.parametrize("ending", ["csv", "parquet", "ndjson"])
def test_files_of_each_kind_and_several_of_them(evaluate, files, tmp_path, ending):
    scored, truth = files
    whole = pl.read_csv(scored)
    for name, part in (("first", whole[:2]), ("second", whole[2:])):
        getattr(part, f"write_{ending}")(tmp_path / f"{name}.{ending}")
    paths = [tmp_path / f"{name}.{ending}" for name in ("first", "second")]
    told = evaluate(*paths, "--labels", truth, *COLUMNS, "--json")
    (row,) = told.objects
    assert (row["labels"], row["predictions"], row["accuracy"]) == (3, 4, pytest.approx(2 / 3))


def test_the_same_again(evaluate, files):
    scored, truth = files
    first, again = (evaluate(scored, "--labels", truth, *COLUMNS, "--json").out for _ in range(2))
    assert first == again


def test_of_some_days_only(evaluate, files):
    scored, truth = files
    asked = (scored, "--labels", truth, *COLUMNS, "--json")
    (row,) = evaluate(*asked, "--from", "2026-03-02").objects
    assert (row["predictions"], row["labels"]) == (2, 1)
    (row,) = evaluate(*asked, "--until", "2026-03-01T11:00:00Z").objects
    assert (row["predictions"], row["labels"]) == (1, 1)


def test_labels_among_the_predictions_may_come_later(evaluate, tmp_path):
    path = tmp_path / "both.csv"
    path.write_text("at,id,prediction,label\n1000000000,a,0.9,\n1000000500,a,,true\n1000000600,b,0.9,\n")
    (row,) = evaluate(path, "--until", "2001-09-09T01:50:00Z", "--min-labels", "1", "--json").objects
    assert (row["predictions"], row["labels"]) == (1, 1)


def test_as_a_monitor_measures(evaluate, files, tmp_path):
    scored, truth = files
    (tmp_path / "c.yaml").write_text(CONFIG)
    asked = (scored, "--labels", truth, "--config", tmp_path / "c.yaml", "--json")
    (row,) = evaluate(*asked, "--like", "model").objects
    assert row["precision"] == 1.0  # from its threshold 0.85 on
    (row,) = evaluate(*asked, "--like", "model", "--threshold", "0.5").objects
    assert row["precision"] == 0.5
    for name, message in (("other", "measures no model"), ("modell", "did you mean `model`?")):
        told = evaluate(*asked, "--like", name)
        assert told.code == 2
        assert message in told.err


CODES = [
    ("a condition that holds ends with 1", ("--fail-when", "precision < 0.8"), 1),
    ("one that does not ends with 0", ("--fail-when", "precision < 0.2"), 0),
    ("what cannot be said fails nothing", ("--fail-when", "precision < 0.8", "--min-labels", "50"), 0),
    ("a condition that is none ends with 2", ("--fail-when", "precision <"), 2),
    ("an unknown column ends with 2", ("--id", "nr"), 2),
    ("a moment that is none ends with 2", ("--from", "yesterday"), 2),
    ("a window of no length ends with 2", ("--window", "0s"), 2),
]


@pytest.mark.parametrize(("sentence", "more", "code"), CODES, ids=[row[0] for row in CODES])
def test_exit_codes(evaluate, files, sentence, more, code):
    scored, truth = files
    assert evaluate(scored, "--labels", truth, *COLUMNS, *more).code == code


def test_a_file_that_is_not_there(evaluate):
    assert evaluate("gone.csv").code == 3


def test_regression(evaluate, tmp_path):
    path = tmp_path / "eta.ndjson"
    path.write_text("\n".join(json.dumps({"id": i, "prediction": 10.0 + i, "label": 10}) for i in range(5)))
    told = evaluate(path, "--kind", "regression", "--min-labels", "1", "--json")
    assert (told.objects[0]["mae"], told.objects[0]["bias"]) == (2.0, 2.0)
    refused = evaluate(path, "--kind", "regression", "--min-labels", "1", "--post", "http://127.0.0.1:9")
    assert refused.code == 2
    assert "a regression has none" in refused.err


def test_posted_with_a_token(evaluate, files, monkeypatch):
    scored, truth = files
    monkeypatch.setenv("STREAMGAUGE_TOKEN", "sg_1_x")
    with WebhookReceiver() as server:
        told = evaluate(scored, "--labels", truth, *COLUMNS, "--post", server.url)
        (request,) = server.received
    assert told.code == 0
    assert told.err.splitlines()[-1] == f"posted to {server.url}: precision, recall, accuracy"
    assert request.path.endswith("/update_metrics")
    assert request.headers["authorization"] == "Bearer sg_1_x"
    assert request.json["precision"] == 0.5


def test_what_cannot_be_told_waits_in_the_queue_and_goes_first(evaluate, files, tmp_path, monkeypatch):
    scored, truth = files
    monkeypatch.setattr("streamgauge.client.telling.FIRST_WAIT", 0.0)
    asked = (scored, "--labels", truth, *COLUMNS, "--queue", tmp_path / "queue", "--post")
    with WebhookReceiver([Reply(status=503)] * 5) as server:
        waiting = evaluate(*asked, server.url)
        assert waiting.code == 0
        assert "it waits in" in waiting.err
        assert evaluate(*asked, server.url).code == 0
        assert [one.json["recall"] for one in server.received[-2:]] == [1.0, 1.0]
    with closing(Queue(tmp_path / "queue")) as queue:
        assert (queue.waiting(), queue.refused()) == (0, [])


def test_nothing_is_posted_of_too_few_labels(evaluate, files):
    scored, truth = files
    with WebhookReceiver() as server:
        told = evaluate(scored, "--labels", truth, *COLUMNS[:-2], "--post", server.url)
        assert server.received == []
    assert told.code == 0
    assert "nothing is posted: not_enough_data" in told.err


def test_what_fits_spark_alone_and_what_spark_needs(evaluate, files):
    scored, _ = files
    for option in (("--master", "local[2]"), ("--conf", "a=b")):
        wrong = evaluate(scored, *COLUMNS, *option)
        assert (wrong.code, f"`{option[0]}` fits `--engine spark` only" in wrong.err) == (2, True)
    wrong = evaluate(scored, *COLUMNS, "--engine", "spark")
    assert (wrong.code, "pip install 'streamgauge[spark]'" in wrong.err) == (3, True)
