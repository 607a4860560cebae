"""The loop of sessions stops where a buffer is full, with nothing half done, and goes on; values move along."""

from typing import Any

import pytest

from streamgauge.windows import session_window
from tests.replaying import config, run, text, told


def session(gap: str, when: str = "n > 1 or d > 2", **more: Any) -> dict[str, Any]:
    compute = {"n": "count(*)", "d": "distinct(n)", "a": "first(w)", "b": "last(w)"}
    cut = {"type": "session", "gap": gap, "by": "k", "compute": compute, **more}
    return {"window": cut, "detect": {"type": "threshold", "when": when}}


@pytest.mark.parametrize("room", [1, 3, 50])
def test_small_buffers_change_nothing(monkeypatch: pytest.MonkeyPatch, room: int):
    configured = config({"m": session("1s", grace="8s", emit="changes")})
    rows: list[dict[str, Any]] = [
        {"at": (i * 700 - (i % 5) * 2_900) * 1_000, "k": "abc"[i % 3], "n": i * i % 17, "w": f"w{i}"}
        for i in range(200)
    ]
    expected = text(run(configured, rows))
    monkeypatch.setattr(session_window, "EVENTS", room)
    assert text(run(configured, rows)) == expected


def test_thousands_of_sessions_and_values_grow_the_pool():
    configured = config({"m": session("1h", "n > 99")}, partitioned_by="k")
    rows = [{"at": i, "k": f"k{i % 2_000}", "n": i % 7, "w": "x"} for i in range(9_000)]
    lines = told(run(configured, rows)).windows()
    assert len(lines) == 2_000
    assert all(values["n"] == values["d"] for *_, values in lines)


def test_first_and_last_are_those_of_the_records_as_they_came_however_sessions_merge():
    configured = config({"m": session("2s", grace="1m")}, partitioned_by="k")
    rows = [
        {"at": at * 1_000_000, "k": "a", "n": at, "w": word}
        for at, word in ((10, "first"), (14, None), (6, "x"), (8, "y"), (12, "last"), (9, None))
    ]
    ((_, start, end, values),) = told(run(configured, rows)).windows()
    assert (start, end, values["a"], values["b"]) == (6, 14, "first", "last")


def test_a_value_that_merged_sessions_share_counts_once():
    compute = {"d": "distinct(n)", "words": "distinct(w)"}
    monitor = session("2s", "d > 99", grace="1m", compute=compute)
    rows = [
        {"at": at * 1_000_000, "k": "a", "n": n, "w": word}
        for at, n, word in ((1, 1, "x"), (9, 1, "y"), (5, 2, "x"), (3, 3, "y"), (7, 2, "z"))
    ]
    halves = {0: rows[:2], 1: rows[2:]}
    for placed, given in (({"partitioned_by": "k"}, {0: rows}), ({}, halves)):
        ((*_, values),) = told(run(config({"m": monitor}, **placed), given)).windows()
        assert values == {"d": 3, "words": 3}
