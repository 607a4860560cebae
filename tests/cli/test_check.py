"""``streamgauge check``: every mistake with its place, 2; ``ok`` and 0."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.past import Past
from tests.cli.running import streamgauge
from tests.config.reading import ENVIRON, HERE

GOOD = HERE / "good" / "payments.yaml"
TWO_MISTAKES = """\
streams:
  payments: {source: {type: files, path: x}, format: json, fields: {id: string}, latenes: 1s, key: idd}
"""


def test_a_good_file_is_ok():
    out = streamgauge("check", GOOD, environ=ENVIRON)
    assert (out.returncode, out.stderr) == (0, "")
    assert out.stdout.splitlines() == [
        f"ok: {GOOD}",
        "burst: aligned: grouped by account, and records are placed by account",
        "went-quiet: mergeable: grouped by country, but records are placed by account",
    ]


def test_mistakes_end_with_2_and_their_places(tmp_path: Path):
    file = tmp_path / "two.yaml"
    file.write_text(TWO_MISTAKES)
    out = streamgauge("check", file)
    assert out.returncode == 2
    assert out.stderr == ""
    assert out.stdout.splitlines() == [
        f"{file}:2:82: $.streams.payments.latenes: unknown key; did you mean `lateness`?",
        f"{file}:2:100: $.streams.payments.key: unknown field `idd`; did you mean `id`?",
    ]


def test_mistakes_as_json(tmp_path: Path):
    file = tmp_path / "two.yaml"
    file.write_text(TWO_MISTAKES)
    out = streamgauge("check", file, "--json")
    assert out.returncode == 2
    first, second = map(json.loads, out.stdout.splitlines())
    assert first == {
        "kind": "mistake",
        "path": "$.streams.payments.latenes",
        "message": "unknown key; did you mean `lateness`?",
        "file": str(file),
        "line": 2,
        "column": 82,
    }
    assert second["path"] == "$.streams.payments.key"


def test_warnings_do_not_change_the_code(tmp_path: Path):
    file = tmp_path / "warned.yaml"
    file.write_text(GOOD.read_text(encoding="utf-8").replace("by: country", "by: account"))
    out = streamgauge("check", file, environ=ENVIRON)
    assert out.returncode == 0
    ok, warning, *kinds = out.stdout.splitlines()
    assert len(kinds) == 2
    assert ok == f"ok: {file}"
    assert warning.startswith(f"warning: {file}:20:33: $.monitors.went-quiet.detect.by: ")
    out = streamgauge("check", file, "--json", environ=ENVIRON)
    assert [json.loads(line)["kind"] for line in out.stdout.splitlines()] == ["warning", "monitor", "monitor"]


def test_a_missing_variable_is_named():
    out = streamgauge("check", GOOD, environ={"WEBHOOK_URL_": ""})
    assert out.returncode == 2
    assert "environment variable `WEBHOOK_URL` is not set" in out.stdout


def test_a_missing_file_ends_with_2():
    out = streamgauge("check", "nothing-here.yaml")
    assert out.returncode == 2
    assert out.stdout == "nothing-here.yaml: $: it cannot be read: no such file or directory\n"


def test_against_a_store_it_tells_what_is_kept(own_past: Past):
    out = streamgauge("check", own_past.file, "--against", own_past.folder / "streamgauge.db")
    assert out.returncode == 0, out.stderr
    told = [line for line in out.stdout.splitlines() if "keeps its state" in line]
    assert [line.split(":")[0] for line in told] == ["burst", "busy", "refused", "overall", "went-quiet"]


def test_thresholds_and_routes_keep_state_and_anything_else_starts_new(own_past: Past):
    text = own_past.file.read_text(encoding="utf-8")
    for before, after in (
        ("when: events > 50}", "when: events > 70}"),
        ("by: [country, ok]", "by: country"),
        ("size: 10s", "size: 20s"),
        ("type: silence, by: country, after: 30s", "type: silence, by: country, after: 40s"),
        ("  burst:", "  burst-2:"),
    ):
        assert before in text
        text = text.replace(before, after)
    own_past.file.write_text(text, encoding="utf-8")
    out = streamgauge("check", own_past.file, "--against", own_past.store, "--json")
    found = {
        one["monitor"]: one for one in map(json.loads, out.stdout.splitlines()) if one["kind"] == "state"
    }
    assert {name: one["keeps"] for name, one in found.items()} == {
        "burst-2": True,  # it shares its window with busy, and a threshold remembers nothing of its own
        "busy": True,
        "refused": False,
        "overall": False,
        "went-quiet": True,  # how long a gap is too long is a limit like any other
    }
    assert found["refused"]["why"] == "nothing is saved of payments by country, mergeable" or (
        "grouping changed" in found["refused"]["why"]
    )
    assert "window or grouping changed" in found["overall"]["why"]


def test_a_monitor_that_was_taken_away_is_told(own_past: Past):
    text = own_past.file.read_text(encoding="utf-8").replace("  went-quiet:", "  quiet:")
    own_past.file.write_text(text, encoding="utf-8")
    out = streamgauge("check", own_past.file, "--against", own_past.store)
    assert "quiet: starts new: it is new, or its detector's settings changed" in out.stdout
    assert "went-quiet: starts new: it is not in the file any more: its state is dropped" in out.stdout


def test_a_store_that_is_not_there_ends_with_3(tmp_path: Path):
    out = streamgauge("check", GOOD, "--against", tmp_path / "nothing.db", environ=ENVIRON)
    assert out.returncode == 3
    assert "there is no store at" in out.stderr
