"""Bad records and late ones are streams of their own that monitors watch."""

from typing import Any

import pytest

from tests.replaying import config, record, run, told

BAD = b"{broken"


def about(stream: str, size: str = "5s", by: str | None = None, **more: Any) -> dict[str, Any]:
    window: dict[str, Any] = {"type": "tumbling", "size": size, "compute": {"n": "count(*)"}}
    return {
        "stream": f"streamgauge.{stream}",
        "window": window | ({} if by is None else {"by": by}),
        "detect": {"type": "threshold", "when": "n > 1"},
        **more,
    }


def plain(size: str = "5s") -> dict[str, Any]:
    window = {"type": "tumbling", "size": size, "by": "k", "compute": {"n": "count(*)"}}
    return {"window": window, "detect": {"type": "threshold", "when": "n > 99"}}


@pytest.mark.parametrize("size", [1, 3, 100])
def test_bad_records_are_dated_by_how_far_their_partition_had_come(size: int):
    rows: list[Any] = [record(1, "a"), BAD, record(7, "a"), BAD, BAD, record(3, "a"), BAD, record(30, "a")]
    replayed = run(config({"all": plain("1h"), "m": about("dead_letters")}), rows, batch_size=size)
    assert [(s, v["n"]) for _, s, _, v in told(replayed).windows()] == [(0, 1), (5, 3)]
    assert told(replayed).incidents() == [(7, "firing", None, None), (15, "resolved", "recovered", None)]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_late_records_are_dated_by_how_far_time_had_come(size: int):
    rows = [record(1, "a"), record(12, "a"), record(2, "a"), record(3, "b"), record(40, "a")]
    replayed = run(config({"all": plain(), "m": about("late")}), rows, batch_size=size)
    assert told(replayed).windows()[0] == (None, 10, 15, {"n": 2})
    assert told(replayed).incidents() == [(12, "firing", None, None), (20, "resolved", "recovered", None)]
    late = [line for line in replayed.lines if line["kind"] == "late"]
    assert [(li["monitor"], li["key"], li["behind_seconds"]) for li in late] == [
        ("all", "a", 10.0),
        ("all", "b", 9.0),
    ]


def test_late_records_can_be_grouped_by_the_monitor_that_missed_them():
    rows = [record(1, "a"), record(12, "a"), record(2, "a"), record(2, "a")]
    monitors = {"short": plain(), "long": plain("1h"), "m": about("late", by="monitor")}
    assert told(run(config(monitors), rows)).windows() == [("short", 10, 15, {"n": 2})]


def test_the_partition_of_a_late_record_is_its_own():
    window = {"type": "tumbling", "size": "5s", "by": "w", "compute": {"n": "count(*)", "f": "first(n)"}}
    single = {"window": window, "detect": {"type": "threshold", "when": "n > 99"}}
    rows = {0: [record(1, "a", w="x")], 1: [record(1, "a", w="x"), record(20, w="x"), record(2, w="x")]}
    assert told(run(config({"m": single}), rows)).late() == [(1, 2, 0)]


def test_silence_of_bad_records_runs_in_step_with_the_stream_they_tell_of():
    quiet = {"stream": "streamgauge.dead_letters", "detect": {"type": "silence", "after": "10s"}}
    rows: list[Any] = [record(1, "a"), BAD, record(30, "a")]
    assert told(run(config({"all": plain(), "m": quiet}), rows)).incidents() == [(11, "firing", None, None)]


def test_bad_records_of_a_partition_that_has_no_good_one_come_at_the_end():
    configured = config({"all": plain("1h"), "m": about("dead_letters")})
    for size in (1, 100):
        replayed = run(configured, {0: [BAD, BAD], 1: [record(1, "a"), record(31, "a")]}, batch_size=size)
        assert told(replayed).incidents() == [(31, "firing", None, None)]


def test_the_line_of_a_bad_record_says_where_it_lies_and_why():
    replayed = run(config({"all": plain()}), [record(1, "a"), BAD, record(9, "a")])
    (line,) = [li for li in replayed.lines if li["kind"] == "dead_letter"]
    assert (line["stream"], line["partition"], line["offset"], line["at"]) == (
        "s",
        "s:0",
        1,
        "1970-01-01T00:00:01.000Z",
    )
    assert line["reason"]
