"""Isolation forest as a truth table: what a record must be like to be told, and when the forest is made anew."""

import random
from typing import Any

import numpy as np
import pytest

import streamgauge
from streamgauge.detectors import isolation_forest as forests
from streamgauge.errors import ConfigError
from streamgauge.kernels import isolation as kernels
from streamgauge.kernels import jit
from tests.replaying import config, record, run, told

LEARN, ROWS = 100, 160
FEW = {
    "learn": LEARN, "refit": 50, "memory": 150, "trees": 15, "sample": 64, "warning": 0.6, "resolve_after": "2s",
}  # fmt: skip


def ordinary(rows: int, seed: int = 7) -> tuple[list[Any], list[Any]]:
    draw = random.Random(seed).gauss
    return [draw(20, 4) for _ in range(rows)], [draw(60, 8) for _ in range(rows)]


def said(v: list[Any], pos: list[Any], **more: Any) -> dict[float, str]:
    """What is said at each moment, by second."""
    asked = {"detect": {"type": "isolation_forest", "features": ["v", "pos"], **FEW, **more}}
    rows = [record(t, v=a, pos=b) for t, (a, b) in enumerate(zip(v, pos, strict=True))]
    return {
        at: severity for at, severity, *_ in told(run(config({"m": asked}), rows, flush=False)).verdicts()
    }


LAST = [
    ("a record like the others is fine", (20.0, 60.0), "ok"),
    ("one beyond all others is told", (70.0, 250.0), "warning"),
    ("so is one below all of them", (-70.0, 0.0), "warning"),
    ("a number near infinity is as far as can be", (1e300, 1e300), "warning"),
    ("a missing number counts as usual", (None, 60.0), "ok"),
    ("nothing but missing numbers cannot be judged", (None, None), "no_data"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "last", "severity"), LAST, ids=[row[0] for row in LAST])
def test_the_last_record(sentence: str, last: tuple[Any, Any], severity: str):
    v, pos = ordinary(ROWS)
    assert said([*v, last[0]], [*pos, last[1]])[float(ROWS)] == severity


def test_it_says_nothing_before_the_first_forest():
    found = said(*ordinary(ROWS))
    assert {severity for at, severity in found.items() if at < LEARN} == {"learning"}
    assert "learning" not in {severity for at, severity in found.items() if at >= LEARN}


def test_one_row_is_learning():
    assert said([1.0], [2.0]) == {0.0: "learning"}


def test_all_missing_is_never_judged():
    assert set(said([None] * 120, [None] * 120).values()) == {"no_data"}


def test_a_series_that_never_changes_is_fine_until_it_does_and_the_forest_has_seen_it():
    found = said([5.0] * 300, [1.0] * 300)
    assert set(list(found.values())[LEARN:]) == {"ok"}


def judged(
    values: np.ndarray, *, compiled: bool = False, apart: np.ndarray | None = None, **more: Any
) -> Any:
    """The strengths of records, and the state at the end."""
    asked = {key: value for key, value in {**FEW, **more}.items() if key not in ("warning", "resolve_after")}
    names = [f"f{j}" for j in range(values.shape[1])]
    made = forests.Config.model_validate({"features": names, **asked})
    state, n = forests.IsolationState(made), len(values)
    strength, odd, worst = np.empty(n), np.empty(n), np.empty(n, np.int32)
    limits = np.array([made.learn, made.refit, made.sample, forests.MEMORY])
    with jit.running(compiled=compiled):
        kernels.judge_isolated(
            values,
            np.zeros(n, np.bool_) if apart is None else apart,
            state.forest,
            limits,
            strength,
            odd,
            worst,
        )
    return strength, odd, state


def test_compiled_and_plain_agree_over_several_forests():
    values = np.random.default_rng(3).lognormal(size=(260, 3))
    values[::17, 1], values[240, 0], values[241, 2] = np.nan, np.inf, 1e200
    for fast, plain in zip(judged(values, compiled=True)[:2], judged(values)[:2], strict=True):
        assert np.array_equal(fast, plain, equal_nan=True)


def test_a_forest_is_made_at_counts_of_learned_records_and_at_no_other():
    values = np.random.default_rng(1).normal(size=(200, 2))
    made = [int(judged(values[:n])[2].forest.counts[kernels.FITTED]) for n in (99, 100, 149, 150, 200)]
    assert made == [0, 100, 100, 150, 200]


def test_records_in_maintenance_teach_nothing_and_make_no_forest():
    values = np.random.default_rng(1).normal(size=(220, 2))
    apart = np.zeros(len(values), np.bool_)
    apart[120:180] = True
    wild = values.copy()
    wild[apart] += 1000
    a, b = judged(values, apart=apart), judged(wild, apart=apart)
    assert np.array_equal(a[0][~apart], b[0][~apart])
    assert b[2].forest.counts[kernels.LEARNED] == 160
    assert b[0][apart].min() > 3


def test_a_lasting_shift_becomes_normal_when_it_fills_the_memory():
    values = np.random.default_rng(1).normal(size=(400, 2))
    values[200:] += 30
    strength = judged(values)[0]
    assert strength[200] > 3
    assert np.median(strength[350:]) < 1


def test_the_score_of_the_paper_is_near_a_half_for_ordinary_records():
    values = np.random.default_rng(2).normal(size=(400, 2))
    values[399] = 40.0
    odd = judged(values[200:], trees=40)[1]
    assert 0.35 < np.median(odd[LEARN:]) < 0.55
    assert odd[199] > 0.65


def test_paths_of_a_tree_are_those_of_the_paper():
    assert kernels.usual_path(1) == 0
    assert kernels.usual_path(2) == 1
    assert kernels.usual_path(256) == pytest.approx(10.244, abs=0.001)


def leaves(forest: kernels.Forest, tree: int, node: int = 0) -> int:
    if forest.features[tree, node] == kernels.LEAF:
        return 1
    return leaves(forest, tree, 2 * node + 1) + leaves(forest, tree, 2 * node + 2)


def test_every_tree_parts_its_sample_as_far_as_it_is_deep():
    forest = judged(np.random.default_rng(4).normal(size=(100, 2)))[2].forest
    assert all(15 <= leaves(forest, t) <= 64 for t in range(len(forest.cuts)))


def test_the_seed_decides_the_forest():
    values = np.random.default_rng(4).normal(size=(120, 2))
    same, again, other = (judged(values, seed=seed)[1] for seed in (1, 1, 2))
    assert np.array_equal(same, again, equal_nan=True)
    assert not np.array_equal(same, other, equal_nan=True)


def test_a_key_has_an_incident_of_its_own_and_shares_the_forest():
    v, pos = ordinary(ROWS)
    rows = [record(t, f"k{t}", v=a, pos=b) for t, (a, b) in enumerate(zip(v, pos, strict=True))]
    rows += [record(ROWS, "b", v=70.0, pos=250.0), record(ROWS + 9, "b", v=20.0, pos=60.0)]
    asked = {"detect": {"type": "isolation_forest", "features": ["v", "pos"], "by": "k", **FEW}}
    lines = run(config({"m": asked}), rows, flush=False).lines
    assert [line["status"] for line in lines if line["kind"] == "incident" and line["key"] == "b"] == [
        "firing",
        "resolved",
    ]
    verdict = next(line for line in lines if line["kind"] == "verdict" and line["key"] == "b")
    assert verdict["evidence"]["odd"] > 0.6
    assert verdict["evidence"]["furthest"] in ("v", "pos")
    assert set(verdict["observed"]) == {"v", "pos"}


def test_a_series_can_be_scored_in_python():
    asked: dict[str, Any] = {key: value for key, value in FEW.items() if key != "resolve_after"}
    found = streamgauge.score([*ordinary(ROWS)[0], 500.0], "isolation_forest", features="value", **asked)
    assert found["score"][-1] > 0.5
    assert found["score"][0] is None


REFUSED = [
    ("a name that is not there", {"features": ["vv"]}, "unknown name `vv`; did you mean `v`?"),
    ("a text", {"features": ["w"]}, "`w` is string, and only numbers can be judged"),
    ("a sample larger than what is kept", {"sample": 200}, "200 records of a tree are more than memory: 150 keeps"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "detect", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(sentence: str, detect: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        said([1.0], [1.0], **detect)
