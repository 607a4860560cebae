"""``streamgauge check``: every mistake with its place, 2; ``ok`` and 0."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import streamgauge
from tests.config.reading import ENVIRON, HERE

GOOD = HERE / "good" / "payments.yaml"
TWO_MISTAKES = """\
streams:
  payments: {source: {type: files, path: x}, format: json, fields: {id: string}, latenes: 1s, key: idd}
"""


def test_a_good_file_is_ok():
    out = streamgauge("check", GOOD, environ=ENVIRON)
    assert (out.returncode, out.stdout, out.stderr) == (0, f"ok: {GOOD}\n", "")


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
    ok, warning = out.stdout.splitlines()
    assert ok == f"ok: {file}"
    assert warning.startswith(f"warning: {file}:20:33: $.monitors.went-quiet.detect.by: ")
    out = streamgauge("check", file, "--json", environ=ENVIRON)
    assert [json.loads(line)["kind"] for line in out.stdout.splitlines()] == ["warning"]


def test_a_missing_variable_is_named():
    out = streamgauge("check", GOOD, environ={"WEBHOOK_URL_": ""})
    assert out.returncode == 2
    assert "environment variable `WEBHOOK_URL` is not set" in out.stdout


def test_a_missing_file_ends_with_2():
    out = streamgauge("check", "nothing-here.yaml")
    assert out.returncode == 2
    assert out.stdout == "nothing-here.yaml: $: it cannot be read: no such file or directory\n"
