"""Half-space trees as a truth table: what a record must be like to be told, and how soon a new normal is one."""

import random
from typing import Any

import numpy as np
import pytest

import streamgauge
from streamgauge.detectors import half_space_trees as trees
from streamgauge.detectors.odd_records import EXPECTED
from streamgauge.errors import ConfigError
from streamgauge.kernels import half_spaces as kernels
from streamgauge.kernels import jit, outliers, rarity
from tests.replaying import config, record, run, told

RECORDS, ROWS = 60, 220
FEW = {"records": RECORDS, "trees": 20, "depth": 6, "warning": 0.6, "resolve_after": "2s"}


def two_sorts(rows: int, seed: int = 1) -> tuple[list[Any], list[Any]]:
    """Small and slow, or large and quick."""
    draw = random.Random(seed).gauss
    small = [draw((20, 80)[t % 2], 3) for t in range(rows)]
    return list(small), [draw((80, 20)[t % 2], 3) for t in range(rows)]


def said(v: list[Any], pos: list[Any], **more: Any) -> dict[float, str]:
    """What is said at each moment, by second."""
    asked = {"detect": {"type": "half_space_trees", "features": ["v", "pos"], **FEW, **more}}
    rows = [record(t, v=a, pos=b) for t, (a, b) in enumerate(zip(v, pos, strict=True))]
    return {
        at: severity for at, severity, *_ in told(run(config({"m": asked}), rows, flush=False)).verdicts()
    }


LAST = [
    ("a record like the others is fine", (20.0, 80.0), "ok"),
    ("one of the other sort too", (80.0, 20.0), "ok"),
    ("one between the sorts is told, though each number is ordinary", (20.0, 20.0), "warning"),
    ("one in the middle of nowhere", (50.0, 50.0), "warning"),
    ("both far off", (900.0, 900.0), "warning"),
    ("both far below", (-900.0, 0.0), "warning"),
    ("a number near infinity is as far as can be", (1e300, 1e300), "warning"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "last", "severity"), LAST, ids=[row[0] for row in LAST])
def test_the_last_record(sentence: str, last: tuple[Any, Any], severity: str):
    v, pos = two_sorts(ROWS)
    assert said([*v, last[0]], [*pos, last[1]])[float(ROWS)] == severity


def test_nothing_but_missing_numbers_is_no_data_and_teaches_nothing():
    v, pos = two_sorts(ROWS)
    with_gaps = said([*v, *[None] * 80, v[0]], [*pos, *[None] * 80, pos[0]])
    assert {with_gaps[float(ROWS + i)] for i in range(80)} == {"no_data"}
    assert with_gaps[float(ROWS + 80)] == "ok"
    assert set(said([None] * 30, [None] * 30).values()) == {"no_data"}


def test_it_learns_for_two_and_a_half_windows():
    found = said(*two_sorts(ROWS))
    assert {severity for at, severity in found.items() if at < 2.5 * RECORDS} == {"learning"}
    assert "learning" not in {severity for at, severity in found.items() if at >= 2.5 * RECORDS}


def test_one_row_is_learning():
    assert said([1.0], [2.0]) == {0.0: "learning"}


def test_a_series_that_never_changes_is_fine_until_it_does():
    found = said([*[5.0] * ROWS, 5.0, 6.0], [*[1.0] * ROWS, 1.0, 0.5])
    assert (found[float(ROWS)], found[float(ROWS + 1)]) == ("ok", "warning")


def judged(values: np.ndarray, *, compiled: bool = False, apart: np.ndarray | None = None) -> np.ndarray:
    """The strengths of records."""
    forest = trees.made(values.shape[1], 10, 6, 0)
    state, n = trees.HalfSpaceState(forest), len(values)
    strength, worst = np.empty(n), np.empty(n, np.int32)
    with jit.running(compiled=compiled):
        kernels.judge_half_spaces(
            values, np.zeros(n, np.bool_) if apart is None else apart, forest, state.forest,
            np.array([RECORDS, 20_000]), strength, worst,
        )  # fmt: skip
    return strength


def test_a_feature_that_vanishes_leaves_the_others_to_be_judged():
    v, pos = two_sorts(400)
    values = np.array([*zip(v, pos, strict=True), (950.0, np.nan)])
    values[200:, 1] = np.nan
    strength = judged(values)
    assert np.isfinite(strength[200:]).all()
    assert strength[-1] > strength[-60:-1].max() + 1


def test_compiled_and_plain_agree_over_several_windows():
    values = np.random.default_rng(3).lognormal(size=(400, 3))
    values[::17, 1], values[340, 0], values[341, 2] = np.nan, np.inf, 1e200
    assert np.array_equal(judged(values, compiled=True), judged(values), equal_nan=True)


def test_a_new_normal_is_one_a_window_later():
    draw = np.random.default_rng(1)
    values = draw.normal(size=(8 * RECORDS, 2))
    values[5 * RECORDS :] += 25
    strength = judged(values)
    assert strength[5 * RECORDS] > 3.5
    assert np.abs(strength[6 * RECORDS :]).max() < 4


@pytest.mark.parametrize("shape", ["normal", "heavy tails"])
def test_false_alarms_come_within_a_factor_two_of_the_budget(shape: str):
    draw = np.random.default_rng(11)
    size = (40_000, 2)
    strength = judged(
        draw.normal(size=size) if shape == "normal" else draw.standard_t(4, size=size), compiled=True
    )
    limits = trees.Config.model_validate({"features": "a", "budget": "1 per day"}).limits()
    times = (np.arange(len(strength)) * 60e6).astype(np.int64)
    severity, told_at = np.empty(len(strength), np.int8), np.full(1, -(2**62))
    with jit.running(compiled=True):
        outliers.decide(
            np.zeros(len(strength), np.int32), times, strength, np.zeros(len(strength), np.bool_), told_at,
            rarity.new_pool(), limits, severity, np.empty(len(strength)),
        )  # fmt: skip
    fired = times[severity == outliers.CRITICAL]
    found, days = int((np.diff(fired, prepend=-(2**62)) > limits.hold).sum()), 40_000 / 1440
    assert days / 2 <= found <= 2 * days


def test_records_in_maintenance_teach_nothing():
    values = np.random.default_rng(1).normal(size=(7 * RECORDS, 2))
    apart = np.zeros(len(values), np.bool_)
    apart[4 * RECORDS : 6 * RECORDS] = True
    wild = values.copy()
    wild[apart] += 1000
    a, b = judged(values, apart=apart), judged(wild, apart=apart)
    assert np.array_equal(a[~apart], b[~apart])
    assert b[apart].min() > 3


def test_a_key_has_an_incident_of_its_own_and_shares_the_forest():
    v, pos = two_sorts(ROWS)
    rows = [record(t, "a", v=a, pos=b) for t, (a, b) in enumerate(zip(v, pos, strict=True))]
    rows += [record(ROWS, "b", v=20.0, pos=20.0), record(ROWS + 9, "b", v=20.0, pos=80.0)]
    asked = {"detect": {"type": "half_space_trees", "features": ["v", "pos"], "by": "k", **FEW}}
    lines = run(config({"m": asked}), rows, flush=False).lines
    fired, over = [line for line in lines if line["kind"] == "incident" and line["key"] == "b"]
    assert (fired["status"], over["status"]) == ("firing", "resolved")
    (verdict,) = [
        line
        for line in lines
        if line["kind"] == "verdict" and line["severity"] == "warning" and line["key"] == "b"
    ]
    assert verdict["expected"] == EXPECTED
    assert verdict["score"] > 0.6
    assert set(verdict["observed"]) == {"v", "pos"}
    assert verdict["evidence"]["furthest"] in ("v", "pos")


def test_many_keys_with_one_record_each_share_what_is_learned():
    v, pos = two_sorts(ROWS)
    rows = [record(t, f"k{t}", v=a, pos=b) for t, (a, b) in enumerate(zip(v, pos, strict=True))]
    asked = {"detect": {"type": "half_space_trees", "features": ["v", "pos"], "by": "k", **FEW}}
    found = told(run(config({"m": asked}), rows, flush=False)).verdicts()
    assert [severity for _, severity, *_ in found].count("ok") >= 60


def test_a_series_can_be_scored_in_python():
    values = [float(x) for x in two_sorts(ROWS)[0]]
    found = streamgauge.score(
        [*values, 50.0], "half_space_trees", features="value", records=RECORDS, warning=0.7
    )
    assert found["severity"][-1] == "warning"
    assert found["score"][0] is None


def test_the_seed_decides_the_trees():
    same, other = (trees.made(4, 5, 3, seed) for seed in (0, 1))
    assert np.array_equal(same.features, trees.made(4, 5, 3, 0).features)
    assert not np.array_equal(same.middles, other.middles)


def test_every_cut_halves_what_is_left():
    one = kernels.Trees(np.zeros((1, 7), np.int32), np.full((1, 1), 0.5))
    state = trees.HalfSpaceState(one)
    state.forest.range[:, 0] = 0.0, 1.0
    kernels.prepare(one, state.forest)
    assert state.forest.cuts[0].tolist() == [0.5, 0.0, 1.0, -0.25, 0.25, 0.75, 1.25]


REFUSED = [
    ("a name that is not there", {"features": ["vv"]}, "unknown name `vv`; did you mean `v`?"),
    ("a text", {"features": ["w"]}, "`w` is string, and only numbers can be judged"),
    ("no feature", {"features": []}, "must not be empty"),
    ("a budget beside fixed scores", {"budget": "1 per day"}, "both say when to alarm"),
    ("a window of so few records", {"records": 3}, "records"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "detect", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_refused(sentence: str, detect: dict[str, Any], message: str):
    with pytest.raises(ConfigError, match=message.replace("?", r"\?")):
        said([1.0], [1.0], **detect)
