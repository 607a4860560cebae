"""``streamgauge replay``: which records it takes, and how it reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.in_process import Verb

RULES = """
streams:
  door:
    source: {type: %s}
    format: csv
    fields: {who: string, at: timestamp}
    time: at
monitors:
  crowd:
    stream: door
    window: {type: tumbling, size: 10s, compute: {seen: count(*)}}
    detect: {type: threshold, when: seen > 1}
"""
ROWS = "ann;1\nbob;2\n"


@pytest.fixture
def replay(capsys):
    return Verb("replay", capsys)


def test_without_a_name_the_files_are_replayed_that_the_streams_read(replay, tmp_path: Path):
    (tmp_path / "door.csv").write_text("who,at\nann,1\nbob,2\n")
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES % f"files, path: {tmp_path / 'door.csv'}")
    told = replay(rules)
    assert told.code == 0
    assert told.lines[-1] == "2 records, 1 window, 1 incident, 0 late, 0 dead letters"


def test_where_no_stream_reads_files_one_has_to_name_them(replay, tmp_path: Path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES % "kafka, brokers: 'localhost:9092', topic: doors")
    told = replay(rules)
    assert told.code == 2
    assert "write --stream door=PATH" in told.err


@pytest.mark.parametrize(
    ("declared", "header", "given"),
    [
        ("delimiter: ';'", "who;at\n", "other.csv"),
        ("delimiter: ';', columns: [who, at]", "", "other.csv"),
        ("delimiter: ';', content: csv", "who;at\n", "unknown"),
        ("delimiter: ';', content: csv", "who;at\n", "other.log"),
    ],
)
def test_named_files_are_cut_as_the_streams_own(declared, header, given, replay, tmp_path: Path):
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES % f"files, path: door.log, {declared}")
    (tmp_path / given).write_text(header + ROWS)
    told = replay(rules, "--stream", f"door={tmp_path / given}")
    assert told.code == 0
    assert told.lines[-1] == "2 records, 1 window, 1 incident, 0 late, 0 dead letters"


def test_an_extension_of_another_kind_tells_more_than_what_is_declared(replay, tmp_path: Path):
    rules = tmp_path / "rules.yaml"
    rules.write_text((RULES % "files, path: door.dat, content: lines").replace("csv", "json"))
    (tmp_path / "other.csv").write_text("who,at\nann,1\nbob,2\n")
    told = replay(rules, "--stream", f"door={tmp_path / 'other.csv'}")
    assert told.code == 0
    assert told.lines[-1] == "2 records, 1 window, 1 incident, 0 late, 0 dead letters"
