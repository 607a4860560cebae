"""``grace``, ``early`` and ``emit``: one sentence per row."""

from typing import Any

import pytest

from streamgauge.plan import make_plan
from tests.replaying import S, config, record, run, text, told
from tests.windows.driven import Driven


def monitor(when: str = "n > 99", **window: Any) -> dict[str, Any]:
    cut = {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)"}, **window}
    return {"window": cut, "detect": {"type": "threshold", "when": when}}


def counts(times: list[float], *, lateness: str, **window: Any) -> dict[Any, int]:
    """start → count of one key's windows that closed before the end of the input."""
    configured = config({"m": monitor(**window)}, lateness=lateness)
    replayed = run(configured, [record(t, "a") for t in times], flush=False)
    return {start: values["n"] for _, start, _, values in told(replayed).windows()}


GRACE = [
    ("without grace the lateness decides", "2s", {}, [1, 6.9, 2], {}),
    ("a window closes when time has passed its end by grace", "2s", {"grace": "1s"}, [1, 6.0], {0: 1}),
    ("not sooner", "2s", {"grace": "1s"}, [1, 5.999999], {}),
    ("a grace above the lateness waits longer", "0s", {"grace": "3s"}, [1, 7.9, 2, 8.0], {0: 2}),
    ("grace 0 is strict on a stream that is lenient", "60s", {"grace": "0s"}, [1, 5, 2, 6], {0: 1}),
    ("no more than grace behind counts", "9s", {"grace": "1s"}, [1, 5.9, 2, 6.1, 3, 7], {0: 2}),
    (
        "hopping windows have it too",
        "0s",
        {"type": "hopping", "advance": "5s", "grace": "1s"},
        [1, 5.5, 2, 6],
        {0: 2},
    ),
]


@pytest.mark.parametrize(
    ("sentence", "lateness", "window", "times", "expected"), GRACE, ids=[row[0] for row in GRACE]
)
def test_grace(
    sentence: str, lateness: str, window: dict[str, Any], times: list[float], expected: dict[int, int]
):
    assert counts(times, lateness=lateness, **window) == expected


def test_a_late_record_is_told_by_how_much_it_came_behind_its_window():
    lines = told(run(config({"m": monitor(grace="1s")}, lateness="5s"), [record(t, "a") for t in (1, 8, 2)]))
    (late,) = [line for line in lines.lines if line["kind"] == "late"]
    assert (late["offset"], late["behind_seconds"]) == (2, 6.0)


def test_two_graces_are_two_windows_and_early_and_emit_share_one():
    plan = make_plan(
        config(
            {
                "a": monitor(),
                "b": monitor(grace="1s"),
                "c": monitor(early=False),
                "d": monitor(emit="changes"),
            }
        )
    )
    assert [sorted(m.name for m in group.monitors) for group in plan.streams["s"].groups] == [
        ["a", "c", "d"],
        ["b"],
    ]
    assert [group.changes for group in plan.streams["s"].groups] == [frozenset("d"), frozenset()]


def test_an_explicit_grace_takes_windows_of_other_partitions_along_at_the_minimum():
    driven = Driven(config({"m": monitor(grace="3s")}))
    driven.attach(0, 1)
    driven.take([record(t, "a") for t in (1, 9)], 0)
    driven.take([record(t, "a") for t in (2, 7.9)], 1)
    assert driven.told().windows() == []
    driven.take([record(8, "a")], 1)
    assert [(start, values["n"]) for _, start, _, values in driven.told().windows()] == [(0, 2)]


def test_time_that_passes_without_records_closes_after_grace_too():
    driven = Driven(config({"m": monitor(grace="3s")}, partitioned_by="k"))
    driven.attach(0)
    driven.take([record(1, "a")])
    driven.pass_to(7.9)
    assert driven.told().windows() == []
    driven.pass_to(8)
    assert len(driven.told().windows()) == 1


def test_what_is_read_from_the_middle_is_partial_for_as_long_as_records_may_come_behind():
    driven = Driven(config({"m": monitor(grace="10s")}, partitioned_by="k"))
    driven.attach(0, from_start=False, at=7)
    driven.take([record(t, "a") for t in (1, 12, 17, 40)])
    windows = [line for line in driven.told().lines if line["kind"] == "window"]
    assert [line["partial"] for line in windows] == [True, True, False]


def test_empty_windows_are_known_at_grace_too_and_end_the_incident():
    configured = config({"m": monitor("n > 1", grace="3s")}, lateness="0s")
    replayed = run(configured, [record(t, "a") for t in (1, 2, 14)] + [record(20, "b")], flush=False)
    assert told(replayed).incidents() == [(2.0, "firing", None, "a"), (10.0, "resolved", "recovered", "a")]


def test_a_key_is_remembered_while_grace_keeps_its_window_open():
    stream = {"limits": {"forget": "1h"}, "lateness": "0s"}
    times = [1, 4000, 8000, 30000, 2, 5.0 + 36000]
    rows = [record(t, "a" if t < 5 else "b") for t in times]
    replayed = run(config({"m": monitor(grace="10h")}, **stream), rows, flush=False)
    assert [(k, s, v["n"]) for k, s, _, v in told(replayed).windows()] == [("a", 0, 2)]


def test_early_false_says_nothing_before_the_window_closes():
    rows = [record(t, "a") for t in (1, 2, 3, 9)]
    assert told(run(config({"m": monitor("n > 1")}), rows)).verdicts()[0] == (2.0, "critical", True, "a")
    late = told(run(config({"m": monitor("n > 1", early=False)}), rows)).verdicts()
    assert late[0] == (5.0, "critical", False, "a")


@pytest.mark.parametrize("placed", [{"partitioned_by": "k"}, {}], ids=["aligned", "mergeable"])
def test_changes_are_a_row_at_each_record_that_counted_however_the_stream_is_split(placed: dict[str, Any]):
    rows = [record(t, k) for t, k in ((1, "a"), (2, "b"), (3, "a"), (6, "a"), (2, "a"), (11, "a"))]
    configured = config({"m": monitor(emit="changes", early=False, grace="4s")}, **placed)
    whole = run(configured, rows)
    assert text(run(configured, rows, batch_size=1)) == text(whole)
    changes = [line for line in told(whole).lines if line["kind"] == "window" and "change" in line]
    assert [(line["key"], line["at"][17:19], line["values"]["n"], line["previous"]["n"]) for line in changes] == [
        ("a", "01", 1, 0), ("b", "02", 1, 0), ("a", "02", 3, 2), ("a", "03", 2, 1), ("a", "06", 1, 0), ("a", "11", 1, 0)
    ]  # fmt: skip
    assert [v[2] for v in told(whole).verdicts()] == [False] * 4


def test_a_monitor_that_wants_final_rows_gets_no_others_of_a_window_that_it_shares():
    both = config({"m": monitor("n > 1"), "c": monitor(emit="changes")})
    rows = [record(t, "a") for t in (1, 2, 9)]
    alone = run(config({"m": monitor("n > 1")}), rows)
    assert told(run(both, rows), "m").lines == told(alone, "m").lines
    assert S == 1_000_000
