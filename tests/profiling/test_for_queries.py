"""A file shows its fields and its event time by its first records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamgauge.errors import ConfigError, SourceError
from streamgauge.profiling.for_queries import sample

AT = "2026-03-02T10:00:00Z"


def written(folder: Path, *records: Mapping[str, Any]) -> list[str]:
    path = folder / "s.ndjson"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return [str(path)]


def test_kinds(tmp_path: Path):
    found = sample("s", written(tmp_path, {"a": 1, "b": 1, "c": "x", "d": True, "e": {"f": "y"}, "g": None, "at": AT},
                                {"a": 2, "b": 2.5, "c": 3, "d": None}), None)  # fmt: skip
    assert found.kinds == {
        "a": "int", "b": "float", "c": "string", "d": "bool", "e.f": "string", "at": "string",
    }  # fmt: skip
    assert (found.format, found.time) == ("json", "at")


@pytest.mark.parametrize(
    ("record", "time"),
    [
        ({"n": 1, "ts": 1_700_000_000}, "ts"),
        ({"Timestamp": 1_700_000_000_000, "other": 1_700_000_000_000}, "Timestamp"),
        ({"meta": {"at": AT}, "n": 1}, "meta.at"),
        ({"when_it_was": AT, "n": 1}, "when_it_was"),
        ({"at": "noon", "seen": AT}, "seen"),
        ({"at": 17, "seen": AT}, "seen"),
    ],
)
def test_the_event_time_is_found(tmp_path: Path, record: dict[str, Any], time: str):
    assert sample("s", written(tmp_path, record), None).time == time


def test_two_possible_times_are_asked_about(tmp_path: Path):
    paths = written(tmp_path, {"begun": AT, "ended": AT})
    with pytest.raises(ConfigError, match="Say it with --time FIELD; it has begun, ended"):
        sample("s", paths, None)
    assert sample("s", paths, "ENDED").time == "ended"
    with pytest.raises(ConfigError, match="no such field"):
        sample("s", paths, "paused")


def test_records_that_cannot_be_read_are_passed_over(tmp_path: Path):
    path = tmp_path / "s.ndjson"
    path.write_bytes(b'{"a": \n\xff\n[1]\n' + json.dumps({"a": 1, "at": AT}).encode())
    assert sample("s", [str(path)], None).kinds == {"a": "int", "at": "string"}
    path.write_text("nothing\n")
    with pytest.raises(ConfigError, match=r"stream s: none of the 1 records .* can be read as JSON"):
        sample("s", [str(path)], None)


def test_tables(tmp_path: Path):
    frame = pl.DataFrame({"a": [1, 2], "at": [AT, AT]})
    frame.write_csv(tmp_path / "s.csv")
    frame.write_parquet(tmp_path / "s.parquet")
    assert sample("s", [str(tmp_path / "s.csv")], None).format == "csv"
    found = sample("s", [str(tmp_path / "s.parquet")], None)
    assert (found.format, found.kinds["a"]) == ("parquet", "int")


def test_a_file_that_is_missing(tmp_path: Path):
    with pytest.raises(SourceError):
        sample("s", [str(tmp_path / "none.ndjson")], None)
