"""The Python API mirrors the file and the command line."""

from __future__ import annotations

import json
import subprocess
import sys

import polars as pl
import pytest

import streamgauge
from streamgauge.config import ConfigErrors
from streamgauge.errors import ConfigError, SourceError

CONFIG = {
    "streams": {
        "door": {
            "source": {"type": "files", "path": "door.ndjson"},
            "format": "json",
            "fields": {"who": "string", "weight": {"type": "float", "min": 0}, "at": "timestamp"},
            "time": "at",
        }
    },
    "monitors": {
        "crowd": {
            "stream": "door",
            "window": {"type": "tumbling", "size": "10s", "by": "who", "compute": {"seen": "count(*)"}},
            "detect": {"type": "threshold", "when": "seen > 2"},
        }
    },
}
RECORDS = [
    {"who": who, "weight": 1.0, "at": at} for at, who in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (25, "b")]
]


def test_a_path_a_frame_and_plain_records_give_the_same(tmp_path):
    path = tmp_path / "door.ndjson"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    plain = streamgauge.replay(CONFIG, {"door": RECORDS})
    frame = streamgauge.replay(CONFIG, {"door": pl.DataFrame(RECORDS)})
    file = streamgauge.replay(CONFIG, {"door": path})
    paths = streamgauge.replay(CONFIG, {"door": [path]})
    for other in (frame, file, paths):
        assert other.windows.equals(plain.windows)
        told = [
            (line["at"], line["key"], line["severity"]) for line in other.lines if line["kind"] == "incident"
        ]
        assert told == [
            ("1970-01-01T00:00:04.000Z", "a", "critical"),
            ("1970-01-01T00:00:20.000Z", "a", "critical"),
        ]


def test_frames_hold_what_the_lines_say():
    result = streamgauge.replay(CONFIG, {"door": RECORDS})
    assert result.windows.select("key", "window_start", "seen").rows() == [
        ("a", "1970-01-01T00:00:00.000Z", 3),
        ("b", "1970-01-01T00:00:00.000Z", 1),
        ("b", "1970-01-01T00:00:20.000Z", 1),
    ]
    assert result.verdicts["severity"].to_list() == ["critical", "ok", "critical", "ok", "ok"]
    assert result.incidents["status"].to_list() == ["firing", "resolved"]
    assert [incident.key for incident in result.incidents_list] == ["a"]
    assert result.late.is_empty()


def test_open_windows_stay_unreported_without_a_flush():
    result = streamgauge.replay(CONFIG, {"door": RECORDS}, flush=False)
    assert result.windows["window_start"].to_list() == ["1970-01-01T00:00:00.000Z"] * 2


def test_progress_is_told():
    seen: list[int] = []
    streamgauge.replay(CONFIG, {"door": RECORDS}, batch_size=2, progress=seen.append)
    assert seen == [2, 4, 5]


def test_what_is_wrong_is_said():
    with pytest.raises(ConfigErrors, match="windw"):
        streamgauge.load({**CONFIG, "monitors": {"crowd": {"stream": "door", "windw": 1}}})
    with pytest.raises(ConfigError, match="no stream 'window'; it has door"):
        streamgauge.replay(CONFIG, {"window": RECORDS})
    with pytest.raises(SourceError, match=r"nowhere\.ndjson"):
        streamgauge.replay(CONFIG, {"door": "nowhere.ndjson"})


def test_run_over_finite_files_ends_by_itself_and_goes_on_where_it_was(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "door.ndjson"
    path.write_text("".join(json.dumps(record) + "\n" for record in RECORDS))
    streamgauge.run(CONFIG)
    told = capsys.readouterr().out
    assert "CRITICAL  crowd of a" in told
    assert "RESOLVED  crowd of a" in told
    streamgauge.run(CONFIG)  # everything was read: nothing is told again
    assert "crowd" not in capsys.readouterr().out


def test_importing_the_package_loads_nothing_heavy():
    heavy = "{'polars', 'numba', 'numpy', 'pyarrow', 'sqlalchemy', 'confluent_kafka', 'fastapi', 'pydantic'}"
    code = f"import streamgauge, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
