"""``streamgauge query`` as people start it."""

from __future__ import annotations

import json
from pathlib import Path

from streamgauge.cli import main
from streamgauge.engines.decoding import ahead
from tests.cli.running import streamgauge
from tests.docs.pages import ROOT

KSQLDB = ROOT / "examples/ksqldb"
BOTH = ("query", "-f", KSQLDB / "MOCK_DATA.sql", "-f", KSQLDB / "WINDOW_TEST.sql")
BEGIN = 1_772_445_600_000
SPIKE = {
    "event_count": 43,
    "window_start": "2026-03-02T10:00:25.000Z",
    "window_end": "2026-03-02T10:00:30.000Z",
}


def ask(capsys, *arguments) -> tuple[str, str, int]:
    """The verb in this process: its output, its error output, its exit code."""
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        told = capsys.readouterr()
        return told.out, told.err, int(end.code or 0)
    raise AssertionError("a verb ends by SystemExit")


def test_the_example_finds_the_spike_and_nothing_else():
    done = streamgauge(*BOTH, "--set", "threshold=20", "--format", "ndjson")
    assert (done.returncode, done.stderr) == (0, "80 records, 1 row\n")
    assert [json.loads(line) for line in done.stdout.splitlines()] == [SPIKE]


def test_the_table_of_the_example_stands_as_it_was_written():
    """Users bring this very statement."""
    assert (KSQLDB / "WINDOW_TEST.sql").read_text() == (
        "CREATE TABLE anomaly_window AS\nSELECT\n  COUNT(*) AS event_count\nFROM input_stream\n"
        "WINDOW TUMBLING (SIZE 5 SECONDS)\nHAVING COUNT(*) > threshold;\n"
    )


def test_without_its_parameter_it_says_how_to_give_it(capsys):
    out, err, code = ask(capsys, *BOTH)
    assert (out, code) == ("", 2)
    assert "WINDOW_TEST.sql:6:19: there is no 'threshold'" in err
    assert "--set threshold=…" in err


def test_table_and_csv(capsys):
    out, _, _ = ask(capsys, *BOTH, "--set", "threshold=20")
    assert [cell for cell in out.split() if not set(cell) <= {"─"}] == [
        "anomaly_window", *SPIKE, *map(str, SPIKE.values()),
    ]  # fmt: skip
    out, _, _ = ask(capsys, *BOTH, "--set", "threshold=20", "--format", "csv")
    assert (
        out == "event_count,window_start,window_end\n43,2026-03-02T10:00:25.000Z,2026-03-02T10:00:30.000Z\n"
    )


def test_a_select_behind_the_files_is_what_is_printed(capsys):
    out, _, code = ask(
        capsys, *BOTH, "--set", "threshold=3", "--json", "SELECT event_count AS n FROM anomaly_window"
    )
    assert code == 0
    assert [json.loads(line) for line in out.splitlines()] == [{"n": n} for n in (4, 4, 43, 4, 4)]


def test_several_tables_name_themselves_in_ndjson_and_refuse_csv(capsys, tmp_path: Path):
    file = tmp_path / "more.sql"
    file.write_text(
        "CREATE TABLE by_device AS SELECT device, COUNT(*) AS n FROM input_stream WINDOW TUMBLING (SIZE 1 MINUTE) "
        "GROUP BY device HAVING COUNT(*) > 23;"
    )
    out, _, _ = ask(capsys, *BOTH, "-f", file, "--set", "threshold=20", "--json")
    assert [json.loads(line)["table"] for line in out.splitlines()] == ["anomaly_window", "by_device"]
    _, err, code = ask(capsys, *BOTH, "-f", file, "--set", "threshold=20", "--format", "csv")
    assert code == 2
    assert "CSV has one header" in err


def test_a_file_and_a_question(capsys, tmp_path: Path):
    path = tmp_path / "s.ndjson"
    lines = [f'{{"who": "a", "when": "2026-03-02T10:00:0{second}Z"}}\n' for second in (1, 6, 4)]
    path.write_text("".join([*lines, "broken\n"]))
    question = "SELECT COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 5 SECONDS)"
    out, err, code = ask(capsys, "query", question, "--stream", f"s={path}", "--json")
    assert code == 0
    assert [json.loads(line)["n"] for line in out.splitlines()] == [1, 1]
    assert err == "3 records, 2 rows, 1 late, 1 that cannot be read\n"
    late = ("--time", "when", "--lateness", "2s", "--no-flush")
    out, err, _ = ask(capsys, "query", question, "--stream", f"s={path}", "--json", *late)
    assert (out, err) == ("", "3 records, 0 rows, 1 that cannot be read\n")


def test_a_large_file_is_answered_as_a_small_one(capsys, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(ahead, "LARGE", 0)
    monkeypatch.setattr(ahead, "BLOCK", 20_000)
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    path = tmp_path / "s.ndjson"
    lines = [
        f'{{"who": "{"äbc"[n % 3]}{n % 40}", "v": {n % 17 / 10}, "n": {n % 5}, "at": {BEGIN + n * 40}}}\n'
        for n in range(3_000)
    ]
    path.write_text("".join([*lines[:1_500], '{"who": 5}\n', *lines[1_500:]]))
    question = (
        "SELECT who, n, COUNT(*) AS events, SUM(v) AS total, COUNT_DISTINCT(who) AS names FROM s "
        "WINDOW TUMBLING (SIZE 10 SECONDS) WHERE who <> 'c5' GROUP BY who, n"
    )
    said = []
    for processes in ("0", "2"):
        monkeypatch.setenv("STREAMGAUGE_PROCESSES", processes)
        said.append(
            ask(capsys, "query", question, "--stream", f"s={path}", "--time", "at", "--lateness", "1s")
        )
    assert said[0][1].startswith("3,000 records")
    assert "1 that cannot be read" in said[0][1]
    assert said[1] == said[0]


def test_changes_are_asked_for_by_an_option_too(capsys, tmp_path: Path):
    path = tmp_path / "s.ndjson"
    path.write_text(
        "".join(f'{{"who": "a", "when": "2026-03-02T10:00:0{second}Z"}}\n' for second in (1, 6, 2))
    )
    question = "SELECT COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 5 SECONDS) HAVING COUNT(*) < 2"
    out, _, code = ask(
        capsys, "query", question, "--stream", f"s={path}", "--emit", "changes", "--format", "csv"
    )
    start, end = "2026-03-02T10:00:00.000Z", "2026-03-02T10:00:05.000Z"
    assert code == 0
    assert out.splitlines() == [
        "n,window_start,window_end,deleted",
        f"1,{start},{end},",
        f"1,{end},2026-03-02T10:00:10.000Z,",
    ]
    out, _, _ = ask(
        capsys, "query", question, "--stream", f"s={path}", "--emit", "changes", "--lateness", "9s", "--json"
    )
    assert json.loads(out.splitlines()[-1]) == {"window_start": start, "window_end": end, "deleted": True}


def test_a_topic_is_on_brokers(capsys):
    _, err, code = ask(capsys, "query", "SELECT n FROM s", "--stream", "s=topic:events")
    assert code == 2
    assert "say where it is with --brokers" in err


def test_wrong_usage(capsys, tmp_path: Path):
    assert ask(capsys, "query")[2] == 2
    assert ask(capsys, "query", "SELECT 1", "--set", "a")[2] == 2
    assert ask(capsys, "query", "SELECT 1", "--lateness", "5")[2] == 2
    assert ask(capsys, "query", "-f", tmp_path / "none.sql")[2] == 3
    bad = tmp_path / "bad.sql"
    bad.write_bytes(b"SELECT '\xff'")
    out, err, code = ask(capsys, "query", "-f", bad)
    assert (out, code) == ("", 2)
    assert "save it as UTF-8" in err
