"""`schema` as a truth table: what of a record's shape is learned, and which changes are told."""

import math
from typing import Any

import numpy as np
import pytest
from scipy.stats import nbinom

from streamgauge.detectors.known_shapes import MOST, ShapeState, seen_in
from streamgauge.detectors.shape_rules import chance
from streamgauge.errors import ConfigError
from streamgauge.formats.shapes import text_of
from tests.detectors.windows import answers, lines, titles
from tests.replaying import config, record, run, text, told

LEARNS = {"type": "schema", "learn_records": 60, "min_records": 10}
EXPECT = {"at": "number", "k": "null", "v": "number"}
FIXED = {"type": "schema", "expect": EXPECT, "min_records": 2}
Fields = dict[str, Any]
V: Fields = {"v": 1.5}
TEXT: Fields = {"v": "1.5"}
NULL: Fields = {"v": None}
NONE: Fields = {}
MORE: Fields = {"v": 1.5, "extra": [1]}
THREE = [[V] * 30] * 3
LEARNED = "learning learning"

LEARNING = [
    ("the same shape is clear", {}, [*THREE, [V] * 30], f"{LEARNED} ok ok"),
    ("a field that vanishes fires", {}, [*THREE, [NONE] * 30], f"{LEARNED} ok critical"),
    ("so it does in some of the records", {}, [*THREE, [V] * 20 + [NONE] * 10], f"{LEARNED} ok critical"),
    ("one record without it tells nothing yet", {}, [*THREE, [V] * 29 + [NONE]], f"{LEARNED} ok ok"),
    ("a number that becomes text fires", {}, [*THREE, [TEXT] * 30], f"{LEARNED} ok critical"),
    ("null is a type of its own", {}, [*THREE, [NULL] * 30], f"{LEARNED} ok critical"),
    ("whole numbers and others are one type", {}, [*THREE, [{"v": 1}] * 30], f"{LEARNED} ok ok"),
    ("a new field is a warning", {}, [*THREE, [MORE] * 30], f"{LEARNED} ok warning"),
    ("or what was asked for", {"added": "critical"}, [*THREE, [MORE] * 30], f"{LEARNED} ok critical"),
    ("or nothing", {"added": "ok"}, [*THREE, [MORE] * 30], f"{LEARNED} ok ok"),
    ("what differs in at most max is clear", {"max": 50}, [*THREE, [V] * 15 + [NONE] * 15], f"{LEARNED} ok ok"),
    ("the severity is as asked", {"severity": "warning"}, [*THREE, [NONE] * 30], f"{LEARNED} ok warning"),
    ("it is over when the shape is back", {}, [*THREE, [NONE] * 30, [V] * 30], f"{LEARNED} ok critical ok"),
    ("what fires is not learned", {}, [*THREE, *[[NONE] * 30] * 3], f"{LEARNED} ok critical critical critical"),
    ("until it has come for long enough", {"accept_after": "20s"}, [*THREE, *[[TEXT] * 30] * 6],
     f"{LEARNED} ok critical critical critical learning ok ok"),
    ("few records are not enough", {}, [*THREE, [NONE] * 9], f"{LEARNED} ok not_enough_data"),
    ("it learns at least as long as asked", {"learn_for": "30s"}, [*THREE, [V] * 30], "learning learning learning ok"),
    ("a field that half of the records have may lack", {}, [[V, NONE] * 15] * 4, f"{LEARNED} ok ok"),
    ("until none has it, which chance does not explain", {}, [*[[V, NONE] * 15] * 3, [NONE] * 60], f"{LEARNED} ok critical"),
    ("but few records without it may be chance", {}, [*[[V, NONE] * 15] * 3, [NONE] * 12], f"{LEARNED} ok ok"),
    ("a field with two types may have either", {}, [[V, TEXT] * 15] * 4, f"{LEARNED} ok ok"),
    ("all types of JSON", {}, [[{"a": {"x": 1}, "b": [1], "c": True, "d": None}] * 30] * 4, f"{LEARNED} ok ok"),
    ("an object that becomes a list fires", {}, [*[[{"v": {"x": 1}}] * 30] * 3, [{"v": [1]}] * 30], f"{LEARNED} ok critical"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "more", "windows", "expected"), LEARNING, ids=[row[0] for row in LEARNING]
)
def test_learned(sentence: str, more: dict[str, Any], windows: list[Any], expected: str):
    assert answers({**LEARNS, **more}, windows) == expected.split()


SAID = [
    ("all as said is clear", {}, [V, V], "ok"),
    ("one without a field fires", {}, [V] * 9 + [NONE], "critical"),
    ("unless so many may lack it", {"max": 10}, [V] * 9 + [NONE], "ok"),
    ("another type fires", {}, [V, TEXT], "critical"),
    ("one of several types is clear", {"expect": {**EXPECT, "v": ["number", "string"]}}, [V, TEXT], "ok"),
    ("one that may be absent is clear", {"expect": {**EXPECT, "v": ["number", "absent"]}}, [V, NONE], "ok"),
    ("but not as another type", {"expect": {**EXPECT, "v": ["number", "absent"]}}, [V, TEXT], "critical"),
    ("one that was not named is a warning", {}, [V, MORE], "warning"),
    ("one row is not enough", {}, [V], "not_enough_data"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "more", "records", "expected"), SAID, ids=[row[0] for row in SAID])
def test_fixed(sentence: str, more: dict[str, Any], records: list[Any], expected: str):
    assert answers({**FIXED, **more}, [records]) == [expected]


def test_people_read_what_changed_and_in_how_many():
    changed = [{"w": "x", "extra": 1}] * 20 + [{"v": "1", "w": "x"}] * 10
    windows = [[{"v": 1.5, "w": "x"}] * 30] * 3 + [changed]
    assert titles(LEARNS, windows) == [
        "m: gone = v, changed = v: string, added = extra, unlike_percent = 66.6667, records = 30; expected the fields of 90 records before"
    ]
    last = [line for line in lines(LEARNS, windows) if line["kind"] == "verdict"][-1]
    assert last["evidence"] == {
        "v gone": "lacks in 20 of 30 records, before in 90 of 90",
        "extra added": "number in 20 of 30 records",
        "v changed": "string in 10 of 30 records, before number",
    }


def test_each_key_has_a_shape_of_its_own():
    rows = [
        record(t, k, **({"v": 1.0} if k == "a" else {"w": "x"} if t < 90 else {"v": 1.0}))
        for t in range(121)
        for k in "ab"
    ]
    monitor = {"window": {"type": "tumbling", "size": "30s", "by": "k"}, "detect": LEARNS}
    found = told(run(config({"m": monitor}), rows, flush=False)).verdicts()
    assert [(severity, key) for at, severity, _, key in found if at == 120] == [
        ("ok", "a"),
        ("critical", "b"),
    ]


def test_where_batches_end_changes_nothing_also_where_few_records_are_looked_at():
    draw = np.random.default_rng(1).random(600)
    rows = [record(t / 10, v=1.0 if x < 0.9 else "1") for t, x in enumerate(draw)]
    monitor = {
        "window": {"type": "tumbling", "size": "10s"},
        "detect": {**LEARNS, "every": 3, "learn_records": 30},
    }
    made = config({"m": monitor})
    whole = text(run(made, rows))
    assert whole == text(run(made, rows, batch_size=1)) == text(run(made, rows, cuts={0: range(7, 600, 13)}))


def test_one_record_in_some_is_looked_at():
    monitor = {"window": {"type": "tumbling", "size": "1000s"}, "detect": {**FIXED, "every": 10}}
    replayed = run(config({"m": monitor}), [record(t / 10, v=1.0) for t in range(4000)])
    (line,) = [line for line in replayed.lines if line["kind"] == "verdict"]
    assert 340 <= line["observed"]["records"] <= 460


def test_it_sees_fields_that_nobody_declared_and_changes_nothing_for_others():
    shapes = {"window": {"type": "tumbling", "size": "10s"}, "detect": FIXED}
    counts = {
        "window": {"type": "tumbling", "size": "10s", "compute": {"n": "sum(v)"}},
        "detect": {"type": "threshold", "when": "n > 3"},
    }
    rows = [record(t, v=1.0, other={"deep": t}) for t in range(11)]
    both = run(config({"shapes": shapes, "counts": counts}), rows)
    alone = run(config({"counts": counts}), rows)
    mine = [line for line in both.lines if line["monitor"] == "counts"]
    assert mine == [line for line in alone.lines if line["monitor"] == "counts"]
    assert {"added": "other", "unlike_percent": 100.0, "records": 10} in [
        line["observed"] for line in both.lines if line["kind"] == "verdict"
    ]
    incident = next(line for line in mine if line["kind"] == "incident")
    assert all("shape" not in name for sample in incident["samples"] for name in sample)


def test_windows_of_the_last_records_sorted_by_time():
    monitor = {"window": {"type": "count", "size": 20, "every": 20}, "detect": FIXED, "order": "time"}
    rows = [record(t, v=1.0) for t in range(40)]
    found = told(run(config({"m": monitor}), rows)).verdicts()
    assert [severity for _, severity, *_ in found] == ["ok", "ok"]


REFUSED = [
    ("without a window", {"detect": LEARNS}, "schema judges windows"),
    ("a type that is none", {"window": {"type": "tumbling", "size": "5s"}, "detect": {**FIXED, "expect": {"v": "float"}}}, "detect.expect.v"),
    ("rows of a monitor", {"stream": "counts", "window": {"type": "tumbling", "size": "5s"}, "detect": LEARNS}, "the rows of monitors always have the same fields"),
    ("a built-in stream", {"stream": "streamgauge.late", "window": {"type": "tumbling", "size": "5s"}, "detect": LEARNS}, "looks at the records of a source"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "monitor", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(sentence: str, monitor: dict[str, Any], message: str):
    counts = {
        "window": {"type": "tumbling", "size": "5s", "compute": {"n": "count(*)"}},
        "detect": {"type": "threshold", "when": "n > 3"},
    }
    with pytest.raises(ConfigError, match=message):
        config({"counts": counts, "m": monitor})


@pytest.mark.parametrize(
    ("before", "total", "now", "of"), [(0, 1000, 3, 100), (4, 1000, 12, 200), (9, 1000, 1, 30)]
)
def test_chance_is_the_tail_of_a_negative_binomial(before: int, total: int, now: int, of: int):
    exact = nbinom.sf(now - 1, before + 1, total / (total + of))
    assert chance(before, total, now, of) == pytest.approx(
        1.0 if now <= (before + 1) * of / total else exact, rel=1e-6
    )


def test_chance_far_out_and_after_many_is_still_a_number():
    assert chance(0, 1000, 10**6, 10**6) < 1e-9
    assert chance(10**6, 10**9, 1200, 10**6) < 1e-4 < chance(10**6, 10**9, 1010, 10**6)
    assert not math.isnan(chance(0, 1, 5, 10))


def test_a_key_remembers_so_many_fields_and_no_more():
    state = ShapeState()
    state.make_room(2)
    wide = seen_in({text_of({f"f{i}": "number" for i in range(MOST + 50)}): 10})
    state.learn(1, wide)
    assert state.full(1)
    assert len(state.learned(1).counts) == MOST
    assert not state.full(0)


def test_what_a_forgotten_key_held_is_used_again():
    state = ShapeState()
    state.make_room(3)
    for slot in range(3):
        state.learn(slot, seen_in({text_of({f"f{i}": "number" for i in range(50)}): 1}))
    size = len(state.tables()["terms"]["slot"])
    for _ in range(20):
        state.drop(np.array([1], np.int32))
        state.learn(1, seen_in({text_of({f"g{i}": "string" for i in range(50)}): 2}))
    assert len(state.tables()["terms"]["slot"]) == size
    again = ShapeState()
    again.restore(state.tables())
    assert [again.learned(slot) for slot in range(3)] == [state.learned(slot) for slot in range(3)]
