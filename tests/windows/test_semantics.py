"""The words of the semantics, one sentence per row: bounds, lateness, early, empty, count, running."""

from typing import Any

import pytest

from tests.replaying import config, record, run, told

COUNT = {"n": "count(*)"}


def tumbling(when: str = "n > 99", *, compute: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """A monitor with windows of 5 s per key."""
    window = {
        "type": "tumbling",
        "size": "5s",
        "by": "k",
        "compute": compute or COUNT,
        **more.pop("window", {}),
    }
    return {"window": window, "detect": {"type": "threshold", "when": when, **more.pop("detect", {})}, **more}


def counts(times: list[float], *, lateness: str = "0s", flush: bool = True, **window: Any) -> dict[Any, int]:
    """start → count of one key's windows."""
    configured = config({"m": tumbling(window=window)}, lateness=lateness)
    replayed = run(configured, [record(t, "a") for t in times], flush=flush)
    return {start: values["n"] for _, start, _, values in told(replayed).windows()}


BOUNDS = [
    ("a record at the start of a window belongs to it", [5.0], {5: 1}),
    ("a record at its end belongs to the next one", [5.0, 10.0], {5: 1, 10: 1}),
    ("a record a microsecond before the end still belongs to it", [9.999999], {5: 1}),
    ("before 1970 windows lie on the same grid", [-5.000001, -5.0, -0.000001], {-10: 1, -5: 2}),
    ("windows without records are none", [1.0, 21.0], {0: 1, 20: 1}),
]


@pytest.mark.parametrize(("sentence", "times", "expected"), BOUNDS, ids=[row[0] for row in BOUNDS])
def test_bounds(sentence: str, times: list[float], expected: dict[int, int]):
    assert counts(times) == expected


def test_hopping_windows_overlap_and_each_record_counts_in_all_that_hold_it():
    assert counts([5.0], type="hopping", size="5s", advance="2s") == {2: 1, 4: 1}
    assert counts([4.0], type="hopping", size="5s", advance="2s") == {0: 1, 2: 1, 4: 1}


LATENESS = [
    ("in order nobody is late", "0s", [1.0, 6.0, 11.0], 0),
    ("a record behind the watermark whose window is open counts", "0s", [9.0, 6.0], 0),
    ("a record whose window ends at the watermark is late", "0s", [5.0, 4.0], 1),
    ("the watermark is the largest time minus the lateness", "3s", [7.999, 4.0], 0),
    ("at the lateness itself it is late", "3s", [8.0, 4.0], 1),
    ("time does not go back with a record that is behind", "0s", [10.0, 6.0, 4.0], 2),
    ("a record's own time does not make it late: only what came before it does", "0s", [4.0, 10.0], 0),
]


@pytest.mark.parametrize(
    ("sentence", "lateness", "times", "late"), LATENESS, ids=[row[0] for row in LATENESS]
)
def test_lateness(sentence: str, lateness: str, times: list[float], late: int):
    configured = config({"m": tumbling()}, lateness=lateness)
    for size in (1, 100):
        replayed = run(configured, [record(t, "a") for t in times], batch_size=size)
        assert len(told(replayed).late()) == late


def test_each_partition_has_a_watermark_of_its_own():
    configured = config({"m": tumbling()})
    replayed = run(configured, {0: [record(1, "a"), record(20, "a")], 1: [record(2, "a"), record(3, "a")]})
    assert told(replayed).late() == []
    replayed = run(configured, {0: [record(1, "a"), record(20, "a"), record(3, "a")], 1: [record(2, "a")]})
    assert told(replayed).late() == [(0, 2, 0)]


def test_late_records_never_open_a_reported_window_again():
    configured = config({"m": tumbling()})
    replayed = run(configured, [record(1, "a"), record(12, "a"), record(2, "a"), record(3, "b")])
    assert [(k, s) for k, s, _, _ in told(replayed).windows()] == [("a", 0), ("a", 10)]


def test_a_late_record_of_a_hopping_window_is_late_only_where_the_window_has_closed():
    window = {"type": "hopping", "size": "6s", "advance": "3s"}
    configured = config({"m": tumbling(window=window)})
    replayed = run(configured, [record(7, "a"), record(5, "a")])
    assert told(replayed).late() == [(0, 1, 0)]
    assert {s: v["n"] for _, s, _, v in told(replayed).windows()} == {3: 2, 6: 1}


AGGREGATES = {
    "n": "count(*)", "known": "count(v)", "total": "sum(v)", "mean": "avg(v)", "least": "min(v)", "most": "max(v)",
    "spread": "stddev(v)", "var": "variance(v)", "head": "first(w)", "tail": "last(w)", "kinds": "distinct(w)",
    "whole": "distinct(n)", "words": "count(w)", "per": "rate()", "when": "max(at)",
}  # fmt: skip


def test_every_aggregate_of_a_window():
    rows = [
        record(1, "a", v=2.0, w="x", n=3),
        record(2, "a", v=4.0, w="y", n=3),
        record(3, "a", w="x", n=None),
    ]
    (window,) = told(run(config({"m": tumbling(compute=AGGREGATES)}), rows)).windows()
    assert window[3] == {
        "n": 3, "known": 2, "total": 6.0, "mean": 3.0, "least": 2.0, "most": 4.0, "spread": 2.0**0.5, "var": 2.0,
        "head": "x", "tail": "x", "kinds": 2, "whole": 1, "words": 3, "per": 0.6,
        "when": "1970-01-01T00:00:03.000Z",
    }  # fmt: skip


def test_what_cannot_be_known_is_missing_and_never_zero():
    (window,) = told(run(config({"m": tumbling(compute=AGGREGATES)}), [record(1, "a")])).windows()
    missing = {"mean", "least", "most", "spread", "var", "head", "tail"}
    assert {name for name, value in window[3].items() if value is None} == missing
    assert (window[3]["total"], window[3]["known"], window[3]["kinds"]) == (0.0, 0, 0)


def test_whole_numbers_beyond_two_to_the_53rd_are_told_apart():
    rows = [record(1, "a", n=2**60), record(2, "a", n=2**60 + 1), record(3, "a", n=2**60)]
    (window,) = told(run(config({"m": tumbling(compute={"n": "distinct(n)"})}), rows)).windows()
    assert window[3] == {"n": 2}


def test_distinct_counts_exactly_up_to_its_bound_and_goes_on_as_an_estimate():
    rows = [record(1, "a", n=i) for i in range(9_999)]
    (window,) = told(run(config({"m": tumbling(compute={"n": "distinct(n)"})}), rows)).windows()
    assert window[3] == {"n": 9_999}
    rows += [record(1, "a", n=i) for i in range(10_100)]
    (window,) = told(run(config({"m": tumbling(compute={"n": "distinct(n)"})}), rows)).windows()
    assert window[3]["n_lower"] <= 10_100 <= window[3]["n_upper"]
    assert 10_000 <= window[3]["n_lower"] <= window[3]["n"] <= window[3]["n_upper"] < 10_500


def test_records_without_a_key_are_left_out():
    configured = config({"m": tumbling()})
    assert told(run(configured, [record(1, None), record(2, "a")])).windows() == [("a", 0, 5, {"n": 1})]


def test_a_key_of_several_fields_is_left_out_where_one_is_missing():
    configured = config({"m": tumbling(window={"by": ["k", "w"]})})
    rows = [record(1, "a", w="x"), record(1, "a", w=None), record(2, "a", w="x")]
    assert told(run(configured, rows)).windows() == [(["a", "x"], 0, 5, {"n": 2})]


def test_where_chooses_the_records_that_count_and_the_others_still_move_time():
    configured = config({"m": tumbling(where="v > 0")})
    rows = [record(1, "a", v=1.0), record(2, "a", v=-1.0), record(3, "a", v=None), record(20, "a", v=-1.0)]
    assert told(run(configured, rows, flush=False)).windows() == [("a", 0, 5, {"n": 1})]


def test_open_windows_stay_unreported_without_the_flush():
    assert counts([1.0, 6.0], flush=False) == {0: 1}
    assert counts([1.0, 6.0]) == {0: 1, 5: 1}


EARLY = [
    ("count crosses at the record that makes it true", {"n": "count(*)"}, "n > 2", {}, 3.0),
    ("at least is crossed one sooner", {"n": "count(*)"}, "n >= 2", {}, 2.0),
    ("a sum of what is never negative", {"s": "sum(pos)"}, "s > 2.5", {"pos": 1.0}, 3.0),
    ("the largest value", {"m": "max(v)"}, "m > 2.5", {}, 3.0),
    ("different values", {"d": "distinct(n)"}, "d >= 3", {}, 3.0),
    ("or: the first that holds", {"n": "count(*)", "m": "max(v)"}, "n > 3 or m >= 2", {}, 2.0),
    ("and: the last that holds", {"n": "count(*)", "m": "max(v)"}, "n > 1 and m >= 4", {}, 4.0),
    ("turned round it is the same", {"n": "count(*)"}, "2 < n", {}, 3.0),
    ("not below is at least", {"n": "count(*)"}, "not n < 4", {}, 4.0),
    ("never for a mean", {"a": "avg(v)"}, "a > 0", {}, None),
    ("never for the smallest value", {"l": "min(v)"}, "l > 0", {}, None),
    ("never for a sum of what may be negative", {"s": "sum(v)"}, "s > 0", {}, None),
    ("never for what may become false again", {"n": "count(*)"}, "n < 2", {}, None),
    ("never for a part that may become false again", {"n": "count(*)", "a": "avg(v)"}, "n > 1 and a > 0", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "compute", "when", "more", "at"), EARLY, ids=[row[0] for row in EARLY])
@pytest.mark.parametrize("size", [1, 100])
def test_early(
    sentence: str, compute: dict[str, str], when: str, more: dict[str, Any], at: float | None, size: int
):
    configured = config({"m": tumbling(when, compute=compute)})
    rows = [record(t, "a", v=float(t), n=t, **more) for t in (1, 2, 3, 4)]
    replayed = run(configured, rows, batch_size=size)
    early = [verdict for verdict in told(replayed).verdicts() if verdict[2]]
    assert early == ([] if at is None else [(at, "critical", True, "a")])


def test_an_early_verdict_names_its_record_and_what_was_seen_then():
    rows = [record(0, "b"), record(1, "a"), record(2, "a"), record(3, "a")]
    for placing in ({}, {"partitioned_by": "k"}):
        replayed = run(config({"m": tumbling("n >= 2")}, **placing), rows)
        (line,) = [li for li in replayed.lines if li["kind"] == "incident"]
        assert line["at"] == line["opened_at"] == "1970-01-01T00:00:02.000Z"
        assert (line["offset"], line["partition"], line["observed"], line["early"]) == (
            2,
            "s:0",
            {"n": 2},
            True,
        )
        assert [sample["at"][-7:-1] for sample in line["samples"]] == ["01.000", "02.000"]


def test_the_end_of_a_window_that_fired_early_shows_the_final_value_and_tells_nobody_again():
    replayed = run(config({"m": tumbling("n >= 2")}), [record(t, "a") for t in (1, 2, 3)])
    assert told(replayed).incidents() == [(2, "firing", None, "a")]
    assert replayed.incidents_list[0].observed == {"n": 3}


def test_limits_of_several_monitors_over_one_window_are_crossed_each_for_itself():
    configured = config({"low": tumbling("n > 1"), "high": tumbling("n > 2")})
    replayed = run(configured, [record(t, "a") for t in (1, 2, 3)])
    early = {name: [v[0] for v in told(replayed, name).verdicts() if v[2]] for name in ("low", "high")}
    assert early == {"low": [2], "high": [3]}


def test_merged_over_partitions_the_limit_is_that_of_the_whole_window():
    configured = config({"m": tumbling("n >= 3")})
    replayed = run(configured, {0: [record(1, "a"), record(4, "a")], 1: [record(2, "a")]})
    assert told(replayed).incidents() == [(4, "firing", None, "a")]


COUNTS = [
    ("every N records by default", {"size": 3}, 7, [3, 6]),
    ("every M-th record once N are held", {"size": 3, "every": 2}, 9, [4, 6, 8]),
    ("every M-th record once min are held", {"size": 3, "every": 2, "min": 1}, 7, [2, 4, 6]),
    ("each record", {"size": 2, "every": 1}, 4, [2, 3, 4]),
]


@pytest.mark.parametrize(("sentence", "window", "records", "at"), COUNTS, ids=[row[0] for row in COUNTS])
def test_count_windows_report(sentence: str, window: dict[str, Any], records: int, at: list[int]):
    cut = {
        "type": "count",
        "by": "k",
        "compute": {"n": "count(*)", "old": "first(n)", "new": "last(n)"},
        **window,
    }
    monitor = {"window": cut, "detect": {"type": "threshold", "when": "n > 99"}}
    replayed = run(config({"m": monitor}), [record(i, "a", n=i) for i in range(1, records + 1)])
    found = told(replayed).windows()
    assert [values["new"] for *_, values in found] == at
    assert all(values["n"] == min(values["new"], window["size"]) for *_, values in found)
    assert all(values["old"] == values["new"] - values["n"] + 1 for *_, values in found)
    assert [start for _, start, _, _ in found] == [values["old"] for *_, values in found]


def test_running_totals_go_on_and_are_reported_for_stretches_that_had_records():
    cut = {
        "type": "running",
        "every": "5s",
        "by": "k",
        "compute": {"n": "count(*)", "s": "sum(v)", "w": "last(w)"},
    }
    monitor = {"window": cut, "detect": {"type": "threshold", "when": "n >= 3"}}
    rows = [
        record(1, "a", v=1.0, w="x"),
        record(2, "a", v=2.0),
        record(16, "a", v=4.0, w="y"),
        record(31, "a"),
    ]
    replayed = run(config({"m": monitor}), rows)
    assert told(replayed).windows() == [
        ("a", 0, 5, {"n": 2, "s": 3.0, "w": "x"}),
        ("a", 0, 20, {"n": 3, "s": 7.0, "w": "y"}),
        ("a", 0, 35, {"n": 4, "s": 7.0, "w": "y"}),
    ]
    assert told(replayed).incidents() == [(20, "firing", None, "a")]


def test_windows_that_share_their_start_still_name_their_incidents_apart():
    cut = {"type": "running", "every": "5s", "by": "k", "compute": {"mean": "avg(v)"}}
    monitor = {"window": cut, "detect": {"type": "threshold", "when": "mean > 1"}}
    rows = [record(1, "a", v=2.0), record(6, "a", v=-2.0), record(11, "a", v=9.0)]
    replayed = run(config({"m": monitor}), rows)
    assert [i.episode for i in replayed.incidents_list] == [5_000_000, 15_000_000]
    assert len({i.id for i in replayed.incidents_list}) == 2


def test_distinct_in_a_running_window_is_refused():
    from streamgauge.errors import ConfigError

    cut = {"type": "running", "every": "5s", "compute": {"n": "distinct(k)"}}
    with pytest.raises(ConfigError, match="tumbling or hopping"):
        run(config({"m": {"window": cut, "detect": {"type": "threshold", "when": "n > 1"}}}), [])
