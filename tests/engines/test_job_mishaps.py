"""``job failed``: open from a run that ended badly until one that ended well, told once."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from streamgauge.config import load
from streamgauge.engines.embedded.job_mishaps import watch_jobs
from streamgauge.engines.embedded.mishaps import Mishaps
from streamgauge.incidents.board import Board
from streamgauge.plan import make_plan
from streamgauge.schedule.book import STOPPED, Ended, Job
from streamgauge.testing import PushedClock

TEXT = """
streams:
  s: {source: {type: files, path: none.ndjson}, format: json, fields: {v: float}}
monitors:
  m: {stream: s, detect: {type: silence, after: 1h}}
channels:
  ops: {type: csv, path: ops.csv}
schedule:
  nightly: {run: evaluate scored.csv, at: "02:00", timeout: 1h, notify: ops}
"""


def job(code: int, said: str = "", due: int = 5) -> Job:
    return Job("at 02:00 UTC", 0, last=Ended("r", due, 10, 2_000_010, code, said), runs=1)


def seen(board: Board) -> list[Any]:
    return [(one.monitor, one.kind, one.open) for one in board.all()]


@pytest.fixture
def board():
    return Board([], {})


@pytest.fixture
def config():
    return load(TEXT)


def test_it_opens_once_and_ends_with_a_good_run(board, config):
    for now in (10, 20):
        watch_jobs(board, config, {"nightly": job(3, "scored.csv: there is no such file")}, now)
    assert seen(board) == [("job nightly", "job failed", True)]
    (incident,) = board.all()
    assert incident.title == (
        "the job nightly (`evaluate`) ended with 3: scored.csv: there is no such file; mend the cause, then "
        "`streamgauge jobs run nightly` or wait for its next moment"
    )
    watch_jobs(board, config, {"nightly": job(0)}, 30)
    assert seen(board) == []
    assert [(one.open, one.resolved_at) for one in board.changed.values()] == [(False, 30)]


SAID = [
    ("a kill", job(-9), "was killed by signal 9"),
    ("a time-out", job(STOPPED, "ended since it took longer than 1h"), "was ended after 1h"),
    ("a condition that held", job(1), "ended with 1;"),
]


@pytest.mark.parametrize(("sentence", "known", "words"), SAID, ids=[row[0] for row in SAID])
def test_what_people_read(board, config, sentence, known, words):
    watch_jobs(board, config, {"nightly": known}, 10)
    assert words in board.all()[0].title


def test_a_job_that_never_ran_says_nothing(board, config):
    watch_jobs(board, config, {"nightly": msgspec.structs.replace(job(0), last=None)}, 10)
    watch_jobs(board, config, {}, 10)
    assert seen(board) == []


def test_a_job_that_the_file_names_no_more_ends_its_incident(board, config):
    watch_jobs(board, config, {"nightly": job(2)}, 10)
    mishaps = Mishaps(make_plan(config), board, PushedClock())
    mishaps.removed(lambda _: ["ops"], config.schedule)
    assert len(board.all()) == 1
    mishaps.removed(lambda _: ["ops"], ())
    assert board.all() == []
