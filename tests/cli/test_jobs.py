"""``streamgauge jobs``: what is due and how it ended, one run by hand, and what `check` says of wrong calls."""

from __future__ import annotations

import msgspec
import pytest

from streamgauge.schedule.book import Book, Ended, Job, begun
from streamgauge.stores.tokens import make_store
from tests.cli.in_process import Verb

TEXT = """
streams:
  s: {{source: {{type: files, path: none.ndjson}}, format: json, fields: {{v: float}}}}
monitors:
  m: {{stream: s, detect: {{type: silence, after: 1h}}}}
schedule:
  measured: {{run: evaluate {folder}/scored.csv --min-labels 1 --json, at: "02:00", zone: Europe/Berlin}}
  checked: {{run: check {folder}/c.yaml, every: 20m}}
store: sqlite:///{folder}/s.db
"""


@pytest.fixture
def jobs(capsys):
    return Verb("jobs", capsys)


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(TEXT.format(folder=tmp_path))
    return path


def test_the_list_before_anything_ran(jobs, config):
    told = jobs("list", "--config", config, "--json")
    assert [(row["job"], row["state"], row["runs"], row["last"]) for row in told.objects] == [
        ("measured", "never run", "at 02:00 Europe/Berlin", None),
        ("checked", "never run", "every 20m", None),
    ]
    assert all(row["next"].endswith("Z") for row in told.objects)


def test_the_list_tells_how_runs_ended(jobs, config, tmp_path):
    make_store(f"sqlite:///{tmp_path}/s.db")
    book = Book(f"sqlite:///{tmp_path}/s.db")
    bad = Job(
        "every 20m", 1_700_000_000_000_000, last=Ended("r", 0, 0, 2_500_000, 3, "no broker"), failures=1
    )
    book.change("checked", lambda _: bad)
    lines = jobs("list", "--config", config).lines
    assert lines[2].split() == [
        "checked", "every", "20m", "failed", "(3)", "1970-01-01T00:00:02.500Z", "2.5", "2023-11-14T22:13:20.000Z",
    ]  # fmt: skip
    assert lines[-1] == "checked: no broker"
    run = begun(0, 0, attempt=1, by="schedule")
    book.change("checked", lambda _: msgspec.structs.replace(bad, run=run))
    assert jobs("list", "--config", config, "--json").objects[1]["state"] == "runs"
    refused = jobs("run", "checked", "--config", config)
    assert (refused.code, "runs already" in refused.err) == (3, True)
    book.close()


def test_no_jobs(jobs, tmp_path):
    path = tmp_path / "none.yaml"
    path.write_text(TEXT.format(folder=tmp_path).partition("schedule:")[0])
    assert jobs("list", "--config", path).out.strip() == "no jobs: there is no `schedule:`"


def test_run_by_hand(jobs, config):
    assert jobs("run", "checked", "--config", config).code == 0
    row = jobs("list", "--config", config, "--json").objects[1]
    assert (row["state"], row["runs_total"], row["failures"]) == ("ok", 1, 0)
    assert row["said"].startswith("ok: ")


def test_run_by_hand_as_an_object(jobs, config, tmp_path):
    told = jobs("run", "checked", "--config", config, "--json")
    assert [(row["job"], row["state"], row["code"], row["runs_total"]) for row in told.objects] == [
        ("checked", "ok", 0, 1)
    ]
    failed = jobs("run", "measured", "--config", config, "--json")
    (row,) = failed.objects
    assert (failed.code, row["code"], row["state"]) == (3, 3, "failed (3)")
    assert "scored.csv" in row["said"]


def test_an_unknown_job(jobs, config):
    told = jobs("run", "mesured", "--config", config)
    assert (told.code, "did you mean `measured`?" in told.err) == (2, True)


CALLS = [
    ("an unknown option", "evaluate a.csv --nope", "No such option: --nope"),
    ("a missing argument", "drift a.reference", "Missing argument 'CURRENT'"),
    ("a verb that needs a word more", "reference", "say what `reference` shall do"),
    ("a value that does not fit", "forecast a.csv --interval 2", "Invalid value for '--interval'"),
    ("help", "drift --help", "only prints"),
]


@pytest.mark.parametrize(("sentence", "call", "message"), CALLS, ids=[row[0] for row in CALLS])
def test_check_tells_calls_that_no_verb_takes(capsys, tmp_path, sentence, call, message):
    path = tmp_path / "wrong.yaml"
    path.write_text(TEXT.format(folder=tmp_path).replace(f"check {tmp_path}/c.yaml", call))
    told = Verb("check", capsys)(path)
    assert told.code == 2
    assert "$.schedule.checked.run: " in told.out + told.err
    assert message in told.out + told.err


def test_a_verb_gets_the_configuration_that_its_job_stands_in():
    from streamgauge.cli._jobs import with_config

    assert with_config(["forecast", "m"], "c.yaml") == ["forecast", "m", "--config", "c.yaml"]
    assert with_config(["forecast", "m", "--store=x"], "c.yaml") == ["forecast", "m", "--store=x"]
    assert with_config(["drift", "a", "b"], "c.yaml") == ["drift", "a", "b"]
