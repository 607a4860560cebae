"""``streamgauge explain``: each monitor's plan."""

from __future__ import annotations

import pytest
import yaml

from tests.cli.in_process import Verb
from tests.cli.past import Past
from tests.config.reading import GOOD


@pytest.fixture
def explain(capsys):
    return Verb("explain", capsys)


def test_for_people(explain, past: Past):
    told = explain(past.file)
    assert told.code == 0
    assert told.lines[:2] == [
        "payments  (files, json; lateness 2s)",
        "  decodes 5 of 6 fields: account, amount, at, country, ok",
    ]
    at = told.lines.index("  burst  aligned: grouped by account, and records are placed by account")
    assert told.lines[at + 1 : at + 7] == [
        "    window    tumbling size 5s by account, shared with busy",
        "    computes  events = count(*), spent = sum(amount)",
        "    judges    threshold: events > 5 and (spent > 1000 or events > 500)",
        "    told      at the very record at which it begins to hold",
        "    state     about 48 bytes per key",
        "    notify    file",
    ]


def test_for_tools(explain, past: Past):
    stream, *monitors = explain(past.file, "--json").objects
    assert stream["kind"] == "stream"
    assert stream["fields"] == ["account", "amount", "at", "country", "ok"]
    found = {one["monitor"]: one for one in monitors}
    assert list(found) == ["burst", "busy", "refused", "overall", "went-quiet"]
    early = [(watch["column"], watch["above"]) for watch in found["burst"]["told_early"]]
    assert early == [("events", 5.0), ("events", 500.0), ("spent", 1000.0)]
    assert found["busy"]["shares_window_with"] == ["burst"]
    assert (found["refused"]["told_early"], found["refused"]["where"]) == ([], "amount > 10")
    assert (found["overall"]["state"], found["overall"]["by"]) == ("mergeable", [])
    assert (found["went-quiet"]["window"], found["went-quiet"]["detector"]) == ("each record", "silence")
    assert found["went-quiet"]["bytes_per_key"] == 9


def test_sessions_grace_and_what_is_reported(explain, own_past: Past):
    written = yaml.safe_load(own_past.file.read_text())
    window = {"type": "session", "gap": "30s", "by": "account", "grace": "1m", "emit": "changes"}
    burst = {
        "stream": "payments",
        "window": {**window, "early": False},
        "detect": {"type": "threshold", "when": "count > 5"},
    }
    own_past.file.write_text(yaml.safe_dump({**written, "monitors": {"burst": burst}}))
    told = explain(own_past.file)
    assert "    window    session gap 30s grace 1m by account" in told.lines
    assert "    told      when a window closes; a row at each record that counted" in told.lines


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.stem)
def test_every_good_file_is_explained(explain, file, monkeypatch):
    monkeypatch.setenv("WEBHOOK_URL", "https://hooks.example.com/s3cr3t")
    told = explain(file)
    assert told.code == 0, told.err
    assert "s3cr3t" not in told.out


def test_a_file_with_mistakes(explain, tmp_path):
    (tmp_path / "x.yaml").write_text("streams: {a: {}}\n")
    assert explain(tmp_path / "x.yaml").code == 2


def test_as_statements_and_as_keys(explain, tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(
        """
streams:
  s:
    source: {type: files, path: s.ndjson}
    format: json
    fields: {k: string, at: timestamp}
    time: at
monitors:
  burst:
    sql: |
      SELECT k, COUNT(*) AS n FROM s WINDOW SESSION (5 SECONDS) GROUP BY k HAVING COUNT(*) > 3 EMIT FINAL
  quiet:
    stream: s
    detect: {type: silence, by: k, after: 30s}
"""
    )
    assert explain(file, "--as", "sql").lines == [
        "CREATE TABLE burst AS",
        "SELECT k, COUNT(*) AS n FROM s WINDOW SESSION (5 SECONDS) GROUP BY k HAVING COUNT(*) > 3 EMIT FINAL;",
        "",
        "-- quiet has no SQL form: it judges single records, and SQL tells of windows",
    ]
    keys = yaml.safe_load(explain(file, "--as", "yaml").out)["monitors"]
    assert keys["burst"] == {
        "stream": "s",
        "window": {"type": "session", "gap": "5s", "by": ["k"], "compute": {"n": "count(*)"}, "early": False},
        "detect": {"type": "threshold", "when": "n > 3"},
    }
    assert keys["quiet"]["detect"] == {"type": "silence", "by": ["k"], "after": "30s"}


def test_a_look_at_the_shape_of_records(explain, tmp_path):
    file = tmp_path / "m.yaml"
    file.write_text(
        """
streams:
  s:
    source: {type: files, path: s.ndjson}
    format: json
    fields: {k: string, at: timestamp}
    time: at
monitors:
  shape:
    stream: s
    window: {type: tumbling, size: 1m}
    detect: {type: schema, every: 10}
"""
    )
    assert explain(file).lines[1:3] == [
        "  decodes 1 of 2 fields: at",
        "  and looks at the shape of 1 record in 10",
    ]
