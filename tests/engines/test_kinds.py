"""Who owns a monitor's state, and why: one sentence per row."""

from typing import Any

import pytest

from streamgauge.plan import make_plan
from tests.replaying import config

N = {"n": "count(*)"}


def window(kind: str = "tumbling", **more: Any) -> dict[str, Any]:
    size: dict[str, Any] = (
        {"size": 10} if kind == "count" else {"every": "5s"} if kind == "running" else {"size": "5s"}
    )
    if kind == "hopping":
        size["advance"] = "1s"
    cut = {"type": kind, **size, "compute": N, **more}
    return {"window": cut, "detect": {"type": "threshold", "when": "n > 1"}}


KINDS = [
    (
        "grouped by what places records",
        window(by="k"),
        "k",
        "aligned",
        "grouped by k, and records are placed by k",
    ),
    ("grouped by more than that", window(by=["k", "w"]), "k", "aligned", "grouped by k, w"),
    ("count windows grouped so too", window("count", by="k"), "k", "aligned", "placed by k"),
    (
        "first and last grouped so too",
        window(by="k", compute={"n": "first(n)"}),
        "k",
        "aligned",
        "placed by k",
    ),
    (
        "silence grouped so too",
        {"detect": {"type": "silence", "by": "k", "after": "5s"}},
        "k",
        "aligned",
        "k",
    ),
    (
        "grouped by something else",
        window(by="w"),
        "k",
        "mergeable",
        "grouped by w, but records are placed by k",
    ),
    ("grouped by less", window(by="k"), ["k", "w"], "mergeable", "but records are placed by k, w"),
    ("placing not declared", window(by="k"), None, "mergeable", "`partitioned_by` is not declared"),
    ("one group over all", window(), "k", "mergeable", "one group over all partitions"),
    ("hopping", window("hopping"), None, "mergeable", "one group"),
    ("running totals", window("running", by="w"), "k", "mergeable", "grouped by w"),
    ("silence without by", {"detect": {"type": "silence", "after": "5s"}}, "k", "mergeable", "one group"),
    ("count windows over partitions", window("count", by="w"), "k", "single", "last records of a key"),
    (
        "first over partitions",
        window(by="w", compute={"n": "first(n)"}),
        "k",
        "single",
        "first and last depend",
    ),
    ("last over partitions", window(compute={"n": "last(n)"}), "k", "single", "first and last depend"),
]


@pytest.mark.parametrize(
    ("sentence", "monitor", "placed", "kind", "why"), KINDS, ids=[row[0] for row in KINDS]
)
def test_kind(sentence: str, monitor: dict[str, Any], placed: Any, kind: str, why: str):
    stream = {} if placed is None else {"partitioned_by": placed}
    planned = make_plan(config({"m": monitor}, **stream)).monitors["m"]
    assert planned.kind == kind
    assert why in planned.why


def test_monitors_that_cut_alike_share_one_window():
    by_k = window(by="k")
    monitors = {
        "a": by_k,
        "b": {**by_k, "detect": {"type": "threshold", "when": "n > 5"}},
        "c": window(by="w"),
    }
    groups = make_plan(config(monitors)).streams["s"].groups
    assert [[m.name for m in group.monitors] for group in groups] == [["a", "b"], ["c"]]


SHARED = [
    ("where", {"where": "v > 1"}),
    ("order", {"order": "time"}),
    ("compute", {"window": {**window()["window"], "compute": {"n": "count(v)"}}}),
]


@pytest.mark.parametrize(("what", "other"), SHARED, ids=[row[0] for row in SHARED])
def test_another_where_order_or_compute_is_another_window(what: str, other: dict[str, Any]):
    groups = make_plan(config({"a": window(), "b": {**window(), **other}})).streams["s"].groups
    assert len(groups) == 2


KEPT = [
    ("another limit", {"detect": {"type": "threshold", "when": "n > 7"}}, True),
    ("another route", {"notify": ["console"]}, True),
    ("another for", {"for": "5s"}, True),
    ("another where", {"where": "v > 1"}, False),
    ("another size", {"window": {"type": "tumbling", "size": "6s", "compute": N}}, False),
]


@pytest.mark.parametrize(("what", "change", "kept"), KEPT, ids=[row[0] for row in KEPT])
def test_what_shapes_the_state(what: str, change: dict[str, Any], kept: bool):
    before = make_plan(config({"m": window()}))
    after = make_plan(config({"m": {**window(), **change}}))
    assert (before.monitors["m"].shape == after.monitors["m"].shape) == kept
    assert (before.streams["s"].groups[0].shape == after.streams["s"].groups[0].shape) == kept


def test_only_the_fields_that_are_read_are_decoded():
    monitor = {"where": "n > 0", **window(by="k", compute={"n": "sum(pos)"})}
    assert set(make_plan(config({"m": monitor})).streams["s"].layout.fields) == {"at", "k", "n", "pos"}
    placed = make_plan(config({"m": window()}, partitioned_by="w")).streams["s"].layout.fields
    assert set(placed) == {"at", "w"}


def test_a_threshold_over_single_records_has_the_fields_of_its_conditions_decoded():
    monitor = {"detect": {"type": "threshold", "when": "v > 1", "clear_when": "n < 2"}}
    assert set(make_plan(config({"m": monitor})).streams["s"].layout.fields) == {"at", "v", "n"}
