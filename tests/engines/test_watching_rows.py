"""The rows of a monitor are a stream that other monitors watch, in replay as in a run."""

import random
from typing import Any

import pytest

from streamgauge.config import ConfigErrors
from streamgauge.plan import make_plan
from tests.replaying import config, record, run, text, told

SUM = {"n": "count(*)"}


def bursts(**more: Any) -> dict[str, Any]:
    window = {"type": "tumbling", "size": "5s", "by": "k", "compute": SUM}
    return {"window": {**window, **more.pop("window", {})}, **more}


def above(stream: str = "bursts", limit: int = 1, by: str | None = None, **more: Any) -> dict[str, Any]:
    """How many rows of two or more there are in ten seconds."""
    window: dict[str, Any] = {
        "type": "tumbling",
        "size": "10s",
        "compute": {"rows": "count(*)", "most": "max(n)"},
    }
    return {
        "stream": stream,
        "where": "n > 1",
        "window": window | ({} if by is None else {"by": by}),
        "detect": {"type": "threshold", "when": f"rows > {limit}"},
        **more,
    }


def windows(replayed: Any, monitor: str) -> list[tuple[Any, ...]]:
    told_of = type(told(replayed))([line for line in replayed.lines if line["monitor"] == monitor])
    return told_of.windows()


ROWS = [
    record(at, key)
    for at, key in [(1, "a"), (2, "a"), (3, "b"), (4, "b"), (6, "a"), (7, "a"), (21, "c"), (40, "c")]
]


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_row_counts_at_the_end_of_its_window(size: int):
    replayed = run(config({"bursts": bursts(), "many": above()}), ROWS, batch_size=size)
    assert windows(replayed, "many") == [
        (None, 0, 10, {"rows": 2, "most": 2}),
        (None, 10, 20, {"rows": 1, "most": 2}),
    ]
    assert [(line["monitor"], line["status"]) for line in replayed.lines if line["kind"] == "incident"] == [
        ("many", "firing"),
        ("many", "resolved"),
    ]


def test_a_watcher_may_be_watched():
    third = {
        "window": {"type": "tumbling", "size": "20s", "compute": {"seen": "count(*)", "top": "sum(rows)"}}
    }
    monitors = {"top": {"stream": "many", **third, "detect": {"type": "threshold", "when": "top > 2"}}}
    replayed = run(config({**monitors, "bursts": bursts(), "many": above()}), ROWS)
    assert windows(replayed, "top") == [
        (None, 0, 20, {"seen": 1, "top": 2}),
        (None, 20, 40, {"seen": 1, "top": 1}),
    ]


def test_silence_of_rows_runs_in_step_with_the_windows():
    quiet = {"stream": "bursts", "where": "k = 'a'", "detect": {"type": "silence", "after": "12s"}}
    replayed = run(config({"bursts": bursts(), "quiet": quiet}), ROWS)
    assert [
        (line["opened_at"][17:19], line["status"]) for line in replayed.lines if line["kind"] == "incident"
    ] == [("22", "firing")]


@pytest.mark.parametrize("by", [None, "k", "n"])
@pytest.mark.parametrize("placed", [None, "k"])
def test_any_split_into_batches_gives_the_same(by: str | None, placed: str | None):
    chance = random.Random(5)
    rows = {
        part: [record(at / 3 + chance.random(), f"{part}-{chance.randrange(4)}") for at in range(150)]
        for part in (0, 1, 2)
    }
    stream: dict[str, Any] = {"lateness": "1s"} | ({} if placed is None else {"partitioned_by": placed})
    configured = config({"bursts": bursts(), "many": above(by=by, limit=5)}, **stream)
    whole = run(configured, rows, batch_size=10_000)
    assert windows(whole, "many")
    for size in (1, 7, 64):
        assert text(run(configured, rows, batch_size=size)) == text(whole)


def rows_of(window: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"window": {"by": "k", "compute": SUM, **window}, **more}


def test_a_session_counts_at_its_last_record_once_it_is_over():
    monitors = {"bursts": rows_of({"type": "session", "gap": "4s"}), "many": above(limit=0)}
    times = [(1, "a"), (9, "b"), (3, "a"), (11, "b"), (12, "a"), (30, "c")]
    replayed = run(config(monitors, lateness="8s"), [record(at, key) for at, key in times])
    assert windows(replayed, "many") == [
        (None, 0, 10, {"rows": 1, "most": 2}),
        (None, 10, 20, {"rows": 1, "most": 2}),
    ]


def test_a_running_total_counts_at_each_of_its_reports():
    watcher = above(where="k = 'a'", limit=9, window={})
    watcher["window"] = {"type": "tumbling", "size": "10s", "compute": {"rows": "count(*)", "most": "max(n)"}}
    monitors = {"bursts": rows_of({"type": "running", "every": "5s"}), "many": watcher}
    replayed = run(config(monitors), ROWS)
    assert windows(replayed, "many") == [
        (None, 0, 10, {"rows": 1, "most": 2}),
        (None, 10, 20, {"rows": 1, "most": 4}),
    ]


def test_a_count_window_counts_at_its_record_and_too_late_where_that_is():
    monitors = {"bursts": rows_of({"type": "count", "size": 2}), "many": above(limit=0)}
    times = [1, 2, 11, 3, 20, 21, 4, 5, 30]
    """Pairs end with the 2, with the 3 (behind the 11 by less than 9 s), with the 21, and with the 5: too late."""
    replayed = run(config(monitors, lateness="9s"), [record(at, "a") for at in times])
    assert windows(replayed, "many") == [
        (None, 0, 10, {"rows": 2, "most": 2}),
        (None, 20, 30, {"rows": 1, "most": 2}),
    ]
    assert [
        (line["monitor"], line["window_start"][17:19]) for line in replayed.lines if line["kind"] == "late"
    ] == [("many", "00")]


@pytest.mark.parametrize("by", [None, "k"])
@pytest.mark.parametrize("placed", [None, "k"])
@pytest.mark.parametrize(
    "window",
    [
        {"type": "session", "gap": "2s"},
        {"type": "running", "every": "3s"},
        {"type": "count", "size": 3, "every": 2},
        {"type": "session", "gap": "1s", "grace": "5s"},
    ],
    ids=lambda window: window["type"],
)
def test_rows_of_every_window_are_the_same_for_any_split(
    window: dict[str, Any], by: str | None, placed: str | None
):
    chance = random.Random(7)
    rows = {
        part: [record(at / 2 + 3 * chance.random(), f"{part}-{chance.randrange(3)}") for at in range(80)]
        for part in (0, 1)
    }
    stream: dict[str, Any] = {"lateness": "1s"} | ({} if placed is None else {"partitioned_by": placed})
    watcher = above(by=by, limit=3, where="n > 0")
    third = above("many", by=by, limit=0, where="rows > 0")
    third["window"] = {**third["window"], "size": "20s", "compute": {"rows": "sum(rows)"}}
    configured = config({"bursts": rows_of(window), "many": watcher, "more": third}, **stream)
    whole = run(configured, rows, batch_size=10_000)
    assert windows(whole, "more")
    for size in (1, 7):
        assert text(run(configured, rows, batch_size=size)) == text(whole)


def test_rows_that_are_watched_over_all_partitions_are_merged_first():
    def kind(by: str | None) -> str:
        return (
            make_plan(config({"bursts": bursts(), "many": above(by=by)}, partitioned_by="k"))
            .monitors["bursts"]
            .kind
        )

    assert kind("k") == "aligned"
    assert kind(None) == "mergeable"


@pytest.mark.parametrize(
    ("monitors", "message"),
    [
        ({"x": above("y"), "y": above("x")}, "monitors watch each other's rows in a circle: x → y → x"),
        ({"x": above("x")}, "monitors watch each other's rows in a circle: x → x"),
        (
            {"bursts": {"detect": {"type": "silence", "after": "5s"}}, "x": above()},
            "the rows of `bursts` cannot be watched: it has no `window:`; only those that are final can",
        ),
        (
            {"bursts": bursts(window={"emit": "changes"}), "x": above()},
            "the rows of `bursts` cannot be watched: with `emit: changes` they are taken back and changed; only",
        ),
        ({"bursts": bursts(), "x": above("burst")}, "unknown stream `burst`; did you mean `bursts`?"),
        ({"bursts": bursts(), "x": above(where="m > 1")}, "there is no column 'm'"),
    ],
)
def test_what_cannot_be_watched_is_said(monitors: dict[str, Any], message: str):
    with pytest.raises(ConfigErrors) as caught:
        config(monitors)
    assert any(message in one.message for one in caught.value.mistakes), caught.value.mistakes
