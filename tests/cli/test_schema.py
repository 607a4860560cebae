"""``streamgauge schema``: the editors' schema, printed or written."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import streamgauge


def test_printed_and_written_are_the_same(tmp_path: Path):
    printed = streamgauge("schema")
    assert printed.returncode == 0
    assert json.loads(printed.stdout)["title"] == "Streamgauge configuration"
    written = streamgauge("schema", "--out", tmp_path / "schema.json")
    assert (written.returncode, written.stdout) == (0, "")
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == printed.stdout
