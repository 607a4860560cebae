"""From verdicts to notices over whole streams: who is told what, once, whatever comes between."""

from typing import Any

import pytest

from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.board import Board
from streamgauge.incidents.lifecycle import mended, mishap
from streamgauge.incidents.telling import Telling
from tests.replaying import config, record, run, told


def incidents(monitor: dict[str, Any], rows: list[Any], *, flush: bool = True, **stream: Any) -> list[Any]:
    """The notices of one monitor, the same for every batch size."""
    configured = config({"m": monitor}, **stream)
    found = [told(run(configured, rows, batch_size=size, flush=flush)).incidents() for size in (1, 3, 1000)]
    assert found[0] == found[1] == found[2]
    return found[0]


def threshold(when: str, *, compute: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    detect = {"type": "threshold", "when": when, **more.pop("detect", {})}
    window = {
        "type": "tumbling",
        "size": "5s",
        "by": "k",
        "compute": compute or {"n": "count(*)", "a": "avg(v)"},
    }
    return {"window": {**window, **more.pop("window", {})}, "detect": detect, **more}


def at(*times: float, k: str = "a", **more: Any) -> list[dict[str, Any]]:
    return [record(t, k, **more) for t in times]


def test_a_window_without_records_has_count_zero_and_clears():
    rows = [*at(1, 2), record(30, "other")]
    assert incidents(threshold("n > 1"), rows)[:2] == [
        (2, "firing", None, "a"),
        (10, "resolved", "recovered", "a"),
    ]


def test_a_sum_without_records_is_zero():
    rows = [*at(1, pos=9.0), record(30, "other")]
    found = incidents(threshold("s > 5", compute={"s": "sum(pos)"}), rows)
    assert found == [(1, "firing", None, "a"), (10, "resolved", "recovered", "a")]


def test_any_other_condition_has_no_data_and_ends_after_ten_windows():
    rows = [*at(1, v=9.0), record(54, "other"), record(55, "other")]
    found = incidents(threshold("a > 5"), rows, flush=False)
    assert found == [(5, "firing", None, "a"), (55, "resolved", "no data", "a")]


def test_nine_windows_without_data_leave_it_as_it_is():
    rows = [*at(1, v=9.0), record(54.999, "other")]
    assert incidents(threshold("a > 5"), rows, flush=False) == [(5, "firing", None, "a")]


def test_no_data_after_says_how_many():
    rows = [*at(1, v=9.0), record(20, "other")]
    found = incidents(threshold("a > 5", no_data_after=2), rows, flush=False)
    assert found == [(5, "firing", None, "a"), (15, "resolved", "no data", "a")]


def test_keys_without_an_incident_are_not_judged_where_they_have_no_records():
    configured = config({"m": threshold("n < 1")})
    assert told(run(configured, [*at(1), record(60, "b")])).verdicts() == [
        (5, "ok", False, "a"),
        (65, "ok", False, "b"),
    ]


def test_include_empty_judges_every_known_key_from_its_first_record_on():
    monitor = threshold("n < 1", window={"include_empty": True})
    rows = [*at(1), record(12, "b"), record(20, "a")]
    assert incidents(monitor, rows, flush=False) == [
        (10, "firing", None, "a"),
        (20, "firing", None, "b"),
    ]
    windows = told(run(config({"m": monitor}), rows, flush=False)).windows()
    assert [(k, s, v["n"]) for k, s, _, v in windows] == [
        ("a", 0, 1), ("a", 5, 0), ("a", 10, 0), ("b", 10, 1), ("a", 15, 0), ("b", 15, 0),
    ]  # fmt: skip


def test_a_jump_over_millions_of_windows_makes_up_only_some_of_them():
    monitor = threshold("n < 1", window={"include_empty": True, "size": "1s"})
    rows = [*at(1), *at(10_000_000)]
    for size in (1, 1000):
        found = told(run(config({"m": monitor}), rows, batch_size=size, flush=False))
        assert found.incidents() == [(3, "firing", None, "a")]
        windows = found.windows()
        assert len(windows) == 10_000
        assert windows[-1][2] == 10_000_000


def test_an_open_incident_ends_at_its_first_clear_window_even_before_a_jump_over_millions():
    rows = [*at(1, 1.5), *at(10_000_000)]
    found = incidents(threshold("n > 1", window={"size": "1s"}), rows, flush=False)
    assert found == [(1.5, "firing", None, "a"), (3, "resolved", "recovered", "a")]


def test_between_when_and_clear_when_nothing_changes():
    monitor = threshold("n > 3", detect={"clear_when": "n < 2"})
    rows = [*at(1, 2, 3, 4), *at(6, 7), *at(11), record(30, "b")]
    assert incidents(monitor, rows)[:2] == [(4, "firing", None, "a"), (15, "resolved", "recovered", "a")]


def test_an_incident_that_comes_back_is_another_one():
    rows = [*at(1, 2), *at(6), *at(11, 12), record(40, "b")]
    configured = config({"m": threshold("n > 1")})
    replayed = run(configured, rows)
    assert told(replayed).incidents() == [
        (2, "firing", None, "a"), (10, "resolved", "recovered", "a"),
        (12, "firing", None, "a"), (20, "resolved", "recovered", "a"),
    ]  # fmt: skip
    first, second = replayed.incidents_list
    assert first.fingerprint == second.fingerprint
    assert first.id != second.id


def test_for_ten_seconds_of_event_time():
    monitor = {**threshold("n > 1"), "for": "10s"}
    steady = [record(t / 2, "a") for t in range(2, 40)]
    assert incidents(monitor, steady, flush=False) == [(15, "firing", None, "a")], (
        "at the next verdict after 1.5 + 10"
    )
    assert incidents(monitor, [*at(1, 2), *at(6), *at(11, 12), *at(16), record(60, "b")]) == []


@pytest.mark.parametrize("size", [1, 4, 100])
def test_silence_for_so_long(size: int):
    quiet = {"detect": {"type": "silence", "by": "k", "after": "5s"}, "for": "10s"}
    rows = [*at(0), record(9, "b"), *at(10), record(24, "b"), record(25, "b"), record(26, "b"), *at(40)]
    configured = config({"m": quiet})
    assert [i for i in told(run(configured, rows, batch_size=size)).incidents() if i[3] == "a"] == [
        (25, "firing", None, "a"),
        (40, "resolved", "recovered", "a"),
    ]


def test_each_channel_gets_each_notice_once_under_one_id():
    monitor = threshold("n > 1", notify=["console", "console"])
    lines = [
        li
        for li in run(config({"m": monitor}), [*at(1, 2), record(20, "b")]).lines
        if li["kind"] == "incident"
    ]
    assert [line["notice"].rpartition("-")[2] for line in lines] == ["1", "2"]


def about(kind: str, opened_at: int) -> Incident:
    return Incident("m", None, kind, opened_at, IncidentState.FIRING, "critical", opened_at, f"m: {kind}")


def test_a_mishap_is_told_once_while_it_lasts_and_once_at_its_end():
    board = Board()
    mishap(board, about("source lost", 5), ["ops"])
    mishap(board, about("source lost", 9), ["ops"])
    mended(board, "m", "source lost", 12, ["ops"])
    mended(board, "m", "source lost", 13, ["ops"])
    mishap(board, about("source lost", 20), ["ops"])
    Telling(board).step(0)
    assert [(n.incident.episode, n.n, n.resolved) for n in board.notices] == [
        (5, 1, False), (5, 2, True), (20, 1, False),
    ]  # fmt: skip


def test_mishaps_of_different_kinds_stand_beside_each_other():
    board = Board()
    mishap(board, about("source lost", 5), ["ops"])
    mishap(board, about("detector failed", 6), ["ops"])
    Telling(board).step(0)
    assert len({n.id for n in board.notices}) == 2
    assert len(board.all()) == 2
