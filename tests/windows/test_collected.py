"""Aggregates that are lists, maps or estimates: what they hold, where they end, what is said beside them."""

from typing import Any

import numpy as np
import pytest

from streamgauge.batch import AtClose, Column
from streamgauge.config.mistakes import ConfigErrors
from streamgauge.kernels.time_windows import DISTINCT_LIMIT
from streamgauge.plan import make_plan
from streamgauge.stores.blocks import Block, Part, decode, encode
from streamgauge.stores.history import decode as decode_history
from streamgauge.stores.history import encode as encode_history
from tests.replaying import config, record, run, told


def window(compute: dict[str, str], rows: Any, *, when: str = "n > 1000000", **cut: Any) -> dict[str, Any]:
    """The values of the one window that closes."""
    (found,) = windows(compute, rows, when=when, **cut)
    return found


def windows(
    compute: dict[str, str], rows: Any, *, when: str = "n > 1000000", batch_size: int = 20_000, **cut: Any
) -> list[dict[str, Any]]:
    cut = {"type": "tumbling", "size": "1h", "compute": {"n": "count(*)", **compute}, **cut}
    cut = {key: value for key, value in cut.items() if value is not None}
    replayed = run(config({"m": {"window": cut, "detect": {"type": "threshold", "when": when}}}, lateness="9s"), rows, batch_size=batch_size)  # fmt: skip
    return [values for *_, values in told(replayed).windows()]


WORDS = [record(i, "a", w=w, n=n) for i, (w, n) in enumerate(zip("bäcab", [3, 1, None, 3, 2], strict=True))]
WORDS.append(record(6, "a", w=None, n=9))

CASES = [
    ("collect_list(w)", ["b", "ä", "c", "a", "b", None], "every value in order, missing ones too"),
    ("collect_list(n)", [3, 1, None, 3, 2, 9], "whole numbers stay whole"),
    ("collect_set(w)", ["b", "ä", "c", "a", None], "each once, in the order of their first coming"),
    (
        "histogram(w)",
        {"b": 2, "a": 1, "c": 1, "ä": 1},
        "value to count, the most frequent first, nothing missing",
    ),
    ("histogram(n)", {"3": 2, "1": 1, "2": 1, "9": 1}, "numbers are keys as text"),
    ("topk(n, 3)", [9, 3, 3], "the largest, the largest first"),
    ("topk_distinct(n, 3)", [9, 3, 2], "each once"),
    ("topk(w, 2)", ["ä", "c"], "texts by their characters' numbers"),
    ("topk(n, 100)", [9, 3, 3, 2, 1], "fewer where there are fewer"),
    ("topk(at, 1)", ["1970-01-01T00:00:06.000Z"], "moments as ISO 8601"),
    ("first(w, 2)", ["b", "ä"], "the first that are not missing"),
    ("last(w, 2)", ["a", "b"], "the last that are not missing, the oldest first"),
    ("last(n, 2)", [2, 9], "numbers"),
    ("frequent(w, 1)", [{"value": "b", "count": 2}], "the most frequent"),
    ("frequent(n, 2)", [{"value": 3, "count": 2}, {"value": 1, "count": 1}], "values keep their kind"),
    ("approx_distinct(w)", 4, "missing values do not count"),
    ("approx_distinct(n > 2)", 2, "conditions"),
    ("quantile(n, 0.5)", 3.0, "a value that occurred"),
    ("quantile(n, 0)", 1.0, "the least"),
    ("quantile(n, 1)", 9.0, "the largest"),
    ("collect_list(v)", [None] * 6, "nothing but missing ones"),
    ("histogram(v)", None, "no value, no map"),
    ("quantile(v, 0.9)", None, "no value, no quantile"),
    ("approx_distinct(v)", 0, "a count of nothing is zero"),
]


@pytest.mark.parametrize(("text", "expected", "sentence"), CASES, ids=[f"{c[0]}: {c[2]}" for c in CASES])
def test_what_a_window_holds(text, expected, sentence):
    found = window({"x": text}, WORDS)
    assert found == {"n": 6, "x": expected}, sentence
    if isinstance(expected, dict):
        assert list(found["x"]) == list(expected)


def test_a_list_ends_at_a_thousand_values_and_says_how_many_are_left_out():
    rows = [record(1, "a", n=i) for i in range(1_203)]
    found = window({"all": "collect_list(n)", "set": "collect_set(n)", "map": "histogram(n % 1100)"}, rows)
    assert (found["all"], found["all_left_out"]) == (list(range(1_000)), 203)
    assert (found["set"], found["set_left_out"]) == (list(range(1_000)), 203)
    assert (len(found["map"]), sum(found["map"].values()), found["map_left_out"]) == (1_000, 1_103, 100)


def test_long_texts_end_a_list_sooner():
    rows = [record(1, "a", w=f"{i}" + "x" * 100_000) for i in range(4)]
    found = window({"all": "collect_list(w)", "map": "histogram(w)"}, rows)
    assert (len(found["all"]), found["all_left_out"], found["map_left_out"]) == (2, 2, 2)


def test_an_estimate_has_its_bounds_beside_it_and_a_threshold_compares_it():
    values = np.random.default_rng(3).normal(250, 30, 2_000).tolist()
    rows = [record(1, "a", v=v, w=f"w{i}") for i, v in enumerate(values)]
    compute = {
        "n": "count(*)",
        "p95": "quantile(v, 0.95)",
        "median": "quantile(v, 0.5)",
        "who": "approx_distinct(w)",
    }
    cut = {"type": "tumbling", "size": "5s", "compute": compute}
    replayed = run(config({"m": {"window": cut, "detect": {"type": "threshold", "when": "p95 > 280"}}}), rows)
    exact = sorted(values)[1_899]
    (incident,) = [line for line in replayed.lines if line["kind"] == "incident"]
    seen = incident["observed"]
    assert seen["p95_lower"] <= exact <= seen["p95_upper"]
    assert seen["p95_lower"] <= seen["p95"] <= seen["p95_upper"] < seen["p95_lower"] * 1.01
    assert seen["who_lower"] <= 2_000 <= seen["who_upper"]
    assert "p95_lower = " in incident["title"]
    assert replayed.windows["p95_lower"].to_list() == [seen["p95_lower"]]


def test_lists_reach_an_incident_when_its_window_closes_and_not_early():
    compute = {"n": "count(*)", "who": "collect_list(w)", "kinds": "histogram(w)"}
    cut = {"type": "tumbling", "size": "5s", "compute": compute}
    early = run(config({"m": {"window": cut, "detect": {"type": "threshold", "when": "n > 1"}}}), WORDS[:3])
    assert [line["observed"] for line in early.lines if line["kind"] == "incident"] == [{"n": 2}]
    rule = {"type": "threshold", "when": "length(who) > 1 and length(kinds) = 3"}
    late = run(config({"m": {"window": cut, "detect": rule}}), WORDS[:3])
    (seen,) = [line["observed"] for line in late.lines if line["kind"] == "incident"]
    assert seen == {"n": 3, "who": ["b", "ä", "c"], "kinds": {"b": 1, "c": 1, "ä": 1}}
    assert late.windows["kinds"].to_list() == [[{"key": "b", "value": 1}, {"key": "c", "value": 1}, {"key": "ä", "value": 1}]]  # fmt: skip


def test_parts_are_merged_in_partition_order_whichever_is_read_first():
    first = [record(i, "a", n=i, w="x") for i in (5, 6)]
    second = [record(i, "a", n=i, w="y") for i in (1, 2)]
    compute = {"all": "collect_list(n)", "set": "collect_set(w)", "map": "histogram(w)", "most": "frequent(w, 2)",
               "top": "topk(n, 3)", "mid": "quantile(n, 0.5)", "who": "approx_distinct(n)"}  # fmt: skip
    one, other = (window(compute, rows) for rows in ({0: first, 1: second}, {1: second, 0: first}))
    assert one == other == {
        "n": 4, "all": [5, 6, 1, 2], "set": ["x", "y"], "map": {"x": 2, "y": 2}, "top": [6, 5, 2], "mid": 2.0, "who": 4,
        "most": [{"value": "x", "count": 2}, {"value": "y", "count": 2}],
    }  # fmt: skip


@pytest.mark.parametrize("batch_size", [1_000, 20_000])
def test_distinct_beyond_its_bound_is_the_estimate_of_all_values_however_they_are_divided(batch_size):
    count = DISTINCT_LIMIT + 2_000
    spread = {p: [record(1, "a", w=f"w{i}") for i in range(p, count, 2)] for p in (0, 1)}
    alone = [record(1, "a", w=f"w{i}") for i in range(count)]
    compute = {"d": "distinct(w)", "e": "approx_distinct(w)"}
    parted = window(compute, spread, batch_size=batch_size)
    whole = window(compute, alone, batch_size=batch_size)
    assert parted == whole
    assert whole["d_lower"] <= count <= whole["d_upper"]
    assert whole["d"] == whole["e"]


def test_a_limit_beyond_the_exact_bound_is_judged_by_the_estimate_at_the_end():
    rows = [record(1, "a", n=i) for i in range(DISTINCT_LIMIT + 1_500)]
    cut = {"type": "tumbling", "size": "5s", "compute": {"d": "distinct(n)"}}
    monitor = {"window": cut, "detect": {"type": "threshold", "when": f"d > {DISTINCT_LIMIT + 500}"}}
    assert told(run(config({"m": monitor}), rows)).verdicts() == [(5.0, "critical", False, None)]


def test_a_session_holds_lists_in_the_order_of_its_records_also_where_two_become_one():
    rows = [record(t, "a", n=n) for t, n in ((10, 1), (11, 2), (20, 3), (15, 4), (40, 5))]
    found = windows({"all": "collect_list(n)"}, rows, by="k", type="session", gap="5s", size=None)
    assert [each["all"] for each in found] == [[1, 2, 4, 3], [5]]


def test_running_totals_and_count_windows():
    rows = [record(t, "a", n=t) for t in range(1, 7)]
    running = windows(
        {"top": "topk(n, 2)", "who": "approx_distinct(n)"}, rows, type="running", every="2s", size=None
    )
    assert [(each["top"], each["who"]) for each in running] == [
        ([1], 1),
        ([3, 2], 3),
        ([5, 4], 5),
        ([6, 5], 6),
    ]
    counted = windows(
        {"all": "collect_list(n)", "mid": "quantile(n, 0.5)"}, rows, type="count", size=3, every=2
    )
    assert [(each["all"], each["mid"]) for each in counted] == [([2, 3, 4], 3.0), ([4, 5, 6], 5.0)]


def test_windows_without_records_hold_no_list_and_count_nothing():
    rows = [record(1, "a", n=1), record(11, "b", n=1)]
    compute = {"all": "collect_list(n)", "who": "approx_distinct(n)", "mid": "quantile(n, 0.5)"}
    found = windows(compute, rows, size="5s", by="k", include_empty=True)
    assert {"n": 0, "all": None, "who": 0, "mid": None} in found


def test_equal_sketches_are_kept_once():
    cut = {"type": "tumbling", "size": "5s", "compute": {"a": "quantile(v, 0.5)", "b": "quantile(v, 0.9)", "c": "topk(v, 2)", "d": "topk(v, 3)"}}  # fmt: skip
    plan = make_plan(config({"m": {"window": cut, "detect": {"type": "threshold", "when": "a > b"}}}))
    (group,) = plan.streams["s"].groups
    assert len(group.window.aggregates.collections) == 3  # type: ignore[attr-defined]


def test_a_name_that_is_said_beside_another_is_refused():
    cut = {"type": "tumbling", "size": "5s", "compute": {"p": "quantile(v, 0.5)", "p_lower": "min(v)"}}
    with pytest.raises(Exception, match="`p_lower` is what quantile says beside `p`"):
        make_plan(config({"m": {"window": cut, "detect": {"type": "threshold", "when": "p > 1"}}}))


def test_a_condition_on_a_list_says_what_there_is():
    cut = {"type": "tumbling", "size": "5s", "compute": {"x": "topk(v, 2)"}}
    with pytest.raises(ConfigErrors, match=r"x \(a list\) cannot be compared.*length\(x\)"):
        config({"m": {"window": cut, "detect": {"type": "threshold", "when": "x > 1"}}})


def test_bytes_come_back_from_a_block():
    values = np.array([b"\x00\xff", None, b""], object)
    block = Block(
        "s", 1, 1, -1, {}, [Part("objects", 3, {"object0": values, "none": np.array([None] * 3, object)})]
    )
    (part,) = decode(encode(block)).parts
    assert part.columns["object0"].tolist() == [b"\x00\xff", None, b""]
    assert part.columns["none"].tolist() == [None] * 3


def test_the_history_keeps_lists_and_maps_as_json():
    columns = {"x": AtClose("list", values=[[1, "ä"], None]), "y": Column("map", values=[{"a": 1}, {}])}
    _, data = encode_history(columns)
    assert decode_history([data]).to_dict(as_series=False) == {"x": ['[1,"ä"]', None], "y": ['{"a":1}', "{}"]}
