"""Runs as a truth table over a pushed clock: what is due, cut off, late, failed, tried again."""

from __future__ import annotations

import pytest

from streamgauge.clock import iso
from streamgauge.schedule.book import Run
from tests.schedule.given import Scheduled

FIRST = "2023-11-14T22:20:00.000Z"


@pytest.fixture
def given(tmp_path):
    return Scheduled(tmp_path, fit={"every": "20m", "timeout": "2h", "tries": 3})


def test_nothing_runs_before_its_moment(given):
    assert iso(given.turn()["fit"].next) == FIRST
    given.turn("6m")
    assert given.begun == []


def test_a_run_begins_at_its_moment_and_its_end_is_written_down(given):
    given.turn()
    given.turn("7m")
    assert iso(given.one.run.due) == FIRST
    given.turn("30s")
    given.one.code = 0
    job = given.turn("30s")["fit"]
    assert (job.run, job.runs, job.failures, job.last.code, round(job.last.seconds)) == (None, 1, 0, 0, 60)
    assert job.succeeded_at == given.clock.now()
    given.turn("5m")
    assert len(given.begun) == 1


def test_one_run_at_a_time_and_the_overrun_is_counted(given):
    given.turn()
    given.turn("7m")
    job = given.turn("20m")["fit"]
    assert (job.overruns, len(given.begun)) == (1, 1)
    assert given.turn("1s")["fit"].overruns == 1
    given.one.code = 0
    assert given.turn("10m")["fit"].run is None  # what was passed over is not made up
    given.turn("10m")
    assert len(given.begun) == 2


def test_many_moments_in_a_downtime_are_made_up_by_one_run(given):
    given.turn()
    given.engine()
    job = given.turn("5h")["fit"]
    assert iso(given.one.run.due) == FIRST
    given.one.code = 0
    given.turn("1s")
    given.turn("1s")
    assert len(given.begun) == 1
    assert job.next > given.clock.now()


def test_a_restart_doubles_no_run_that_had_ended(given):
    given.turn()
    given.turn("7m")
    given.one.code = 0
    given.turn()
    given.engine()
    given.turn("5m")
    assert len(given.begun) == 1


def test_a_run_whose_end_was_written_down_by_itself_is_not_doubled(given):
    given.turn()
    given.turn("7m")
    given.tell(0)
    given.engine()  # killed before it saw that
    job = given.turn()["fit"]
    assert (job.runs, job.run, len(given.begun)) == (1, None, 1)


def test_a_run_that_was_cut_off_begins_again_for_the_same_moment(given):
    given.turn()
    given.turn("7m")
    given.engine()
    given.turn("3m")
    assert [iso(one.run.due) for _, one in given.begun] == [FIRST, FIRST]
    assert given.one.run.id != given.begun[0][1].run.id
    given.one.code = 0
    assert given.turn()["fit"].runs == 1


def test_an_engine_that_stops_ends_its_runs_and_the_next_begins_them_again(given):
    given.turn()
    given.turn("7m")
    given.running.stop()
    assert given.one.stopped
    given.engine()
    given.turn()
    assert len(given.begun) == 2


def test_a_process_that_was_killed_is_begun_again_at_once(given):
    given.turn()
    given.turn("7m")
    given.one.code = -9
    job = given.turn()["fit"]
    assert (given.one.run.attempt, job.failures) == (2, 0)
    assert iso(given.one.run.due) == FIRST


def test_after_so_many_tries_it_has_failed(given):
    given.turn()
    given.turn("7m")
    for _ in range(3):
        given.one.code = -9
        job = given.turn()["fit"]
    assert (job.run, job.failures, job.last.code, job.last.said) == (None, 1, -9, "killed by signal 9")
    assert len(given.begun) == 3


def test_what_is_missing_outside_is_tried_again_after_a_pause(given):
    given.turn()
    given.turn("7m")
    given.tell(3, "no broker")
    given.one.code = 3
    given.turn()
    given.turn("29s")
    assert len(given.begun) == 1
    given.turn("1s")
    assert given.one.run.attempt == 2
    given.one.code = 3
    given.turn()
    given.turn("31s")
    assert len(given.begun) == 2  # the pause has doubled


def test_the_pause_outlives_a_restart(given):
    given.turn()
    given.turn("7m")
    given.one.code = 3
    given.turn()
    given.engine()
    given.turn("10s")
    assert len(given.begun) == 1
    given.turn("20s")
    assert given.one.run.attempt == 2


@pytest.mark.parametrize("code", [1, 2, 70])
def test_a_mistake_is_not_tried_again(given, code):
    given.turn()
    given.turn("7m")
    given.tell(code, "no such column")
    given.one.code = code
    job = given.turn()["fit"]
    assert (job.run, job.failures, job.last.said) == (None, 1, "no such column")


def test_a_run_beyond_its_timeout_is_ended_and_has_failed(given):
    given.turn()
    given.turn("7m")
    job = given.turn("2h1s")["fit"]
    assert given.begun[0][1].stopped
    assert job.failures == 1
    assert "took longer than 2h" in job.last.said


def test_a_good_run_after_a_bad_one(given):
    given.turn()
    given.turn("7m")
    given.one.code = 1
    given.turn()
    given.turn("20m")
    given.one.code = 0
    job = given.turn()["fit"]
    assert (job.failures, job.runs, job.last.good) == (1, 2, True)


def test_other_times_count_from_now_on(given):
    given.turn()
    given.jobs = {"fit": given.jobs["fit"].model_copy(update={"every": None, "at": ("23:00",)})}
    assert iso(given.turn()["fit"].next) == "2023-11-14T23:00:00.000Z"


def test_a_job_that_the_file_names_no_more_ends_its_run(given):
    given.turn()
    given.turn("7m")
    given.jobs = {}
    assert given.turn() == {}
    given.one.code = 0
    given.turn()
    assert given.book.all()["fit"].last.code == 0


def test_what_somebody_runs_by_hand_holds_its_moment_back(given):
    given.turn()
    hand = Run("by-hand", 0, given.clock.now(), 1, "hand", "elsewhere", 1, 1)
    given.book.change("fit", lambda job: type(job)(job.shape, job.next, run=hand))
    job = given.turn("7m")["fit"]
    assert (job.run, job.overruns, given.begun) == (hand, 1, [])


def test_a_hand_whose_process_is_gone_holds_nothing(given):
    import socket

    given.turn()
    hand = Run("by-hand", 0, given.clock.now(), 1, "hand", socket.gethostname(), 2**22 + 1, 1)
    given.book.change("fit", lambda job: type(job)(job.shape, job.next, run=hand))
    job = given.turn()["fit"]
    assert (job.run, job.last.said) == (None, "its process is gone")


def test_no_process_can_be_made(given):
    def refuse(*_):
        raise OSError("too many")

    given.running._begin = refuse
    given.turn()
    job = given.turn("7m")["fit"]
    job = given.book.all()["fit"]
    assert job.run.again_at is not None
