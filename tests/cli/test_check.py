"""``streamgauge check``: every mistake with its place, 2; ``ok`` and 0."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.cli.in_process import Ended, Verb
from tests.cli.past import Past
from tests.cli.running import streamgauge
from tests.config.reading import ENVIRON, HERE

GOOD = HERE / "good" / "payments.yaml"
TWO_MISTAKES = """\
streams:
  payments: {source: {type: files, path: x}, format: json, fields: {id: string}, latenes: 1s, key: idd}
"""


@pytest.fixture
def check(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """The verb, in this process; with variables of its own where a test gives some."""

    def called(*arguments: object, environ: Mapping[str, str] | None = None) -> Ended:
        for name, value in (environ or {}).items():
            monkeypatch.setenv(name, value)
        return Verb("check", capsys)(*arguments)

    return called


@pytest.fixture
def good(tmp_path: Path) -> Path:
    """A file that says where its store is, so that nothing which lies here can be meant."""
    file = tmp_path / "good.yaml"
    text = GOOD.read_text(encoding="utf-8")
    file.write_text(text.replace("sqlite:///streamgauge.db", f"sqlite:///{tmp_path}/streamgauge.db"))
    return file


def test_a_good_file_is_ok(good: Path):
    out = streamgauge("check", good, environ=ENVIRON)
    assert (out.returncode, out.stderr) == (0, "")
    assert out.stdout.splitlines() == [
        f"ok: {good}",
        "burst: aligned: grouped by account, and records are placed by account",
        "went-quiet: mergeable: grouped by country, but records are placed by account",
    ]


def test_mistakes_end_with_2_and_their_places(check: Callable[..., Ended], tmp_path: Path):
    file = tmp_path / "two.yaml"
    file.write_text(TWO_MISTAKES)
    out = check(file)
    assert out.code == 2
    assert out.err == ""
    assert out.out.splitlines() == [
        f"{file}:2:82: $.streams.payments.latenes: unknown key; did you mean `lateness`?",
        f"{file}:2:100: $.streams.payments.key: unknown field `idd`; did you mean `id`?",
    ]


def test_mistakes_as_json(check: Callable[..., Ended], tmp_path: Path):
    file = tmp_path / "two.yaml"
    file.write_text(TWO_MISTAKES)
    out = check(file, "--json")
    assert out.code == 2
    first, second = map(json.loads, out.out.splitlines())
    assert first == {
        "kind": "mistake",
        "path": "$.streams.payments.latenes",
        "message": "unknown key; did you mean `lateness`?",
        "file": str(file),
        "line": 2,
        "column": 82,
    }
    assert second["path"] == "$.streams.payments.key"


def test_warnings_do_not_change_the_code(check: Callable[..., Ended], good: Path, tmp_path: Path):
    file = tmp_path / "warned.yaml"
    file.write_text(good.read_text(encoding="utf-8").replace("by: country", "by: account"))
    out = check(file, environ=ENVIRON)
    assert out.code == 0
    ok, warning, *kinds = out.out.splitlines()
    assert len(kinds) == 2
    assert ok == f"ok: {file}"
    assert warning.startswith(f"warning: {file}:20:33: $.monitors.went-quiet.detect.by: ")
    out = check(file, "--json", environ=ENVIRON)
    assert [json.loads(line)["kind"] for line in out.out.splitlines()] == ["warning", "monitor", "monitor"]


def test_a_missing_variable_is_named(check: Callable[..., Ended]):
    out = check(GOOD, environ={"WEBHOOK_URL_": ""})
    assert out.code == 2
    assert "environment variable `WEBHOOK_URL` is not set" in out.out


def test_a_missing_file_ends_with_2(check: Callable[..., Ended]):
    out = check("nothing-here.yaml")
    assert out.code == 2
    assert out.out == "nothing-here.yaml: $: it cannot be read: no such file or directory\n"


def test_against_a_store_it_tells_what_is_kept(check: Callable[..., Ended], own_past: Past):
    out = check(own_past.file, "--against", own_past.folder / "streamgauge.db")
    assert out.code == 0, out.err
    told = [line for line in out.out.splitlines() if "keeps its state" in line]
    assert [line.split(":")[0] for line in told] == ["burst", "busy", "refused", "overall", "went-quiet"]


def test_thresholds_and_routes_keep_state_and_anything_else_starts_new(
    check: Callable[..., Ended], own_past: Past
):
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
    out = check(own_past.file, "--against", own_past.store, "--json")
    found = {one["monitor"]: one for one in map(json.loads, out.out.splitlines()) if one["kind"] == "state"}
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


def test_a_monitor_that_was_taken_away_is_told(check: Callable[..., Ended], own_past: Past):
    text = own_past.file.read_text(encoding="utf-8").replace("  went-quiet:", "  quiet:")
    own_past.file.write_text(text, encoding="utf-8")
    out = check(own_past.file, "--against", own_past.store)
    assert "quiet: starts new: it is new, or its detector's settings changed" in out.out
    assert "went-quiet: starts new: it is not in the file any more: its state is dropped" in out.out


def test_a_store_that_is_not_there_ends_with_3(check: Callable[..., Ended], tmp_path: Path):
    out = check(GOOD, "--against", tmp_path / "nothing.db", environ=ENVIRON)
    assert out.code == 3
    assert "there is no store at" in out.err
