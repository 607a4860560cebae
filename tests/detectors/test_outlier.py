"""Outlier as a truth table: what a record must be like to be told, and what is learned from it."""

import random
from typing import Any

import numpy as np
import pytest

from streamgauge.config import plugins
from streamgauge.detectors import outlier
from streamgauge.detectors.contract import Context
from streamgauge.detectors.odd_records import strength_of
from streamgauge.errors import ConfigError
from streamgauge.kernels import jit, rarity
from streamgauge.kernels import outliers as kernels
from streamgauge.testing import judge
from tests.replaying import config, record, run

ROWS = 400
ALARMS = {"warning", "critical"}


def ordinary(seed: int = 7) -> tuple[list[float | None], list[float | None]]:
    draw = random.Random(seed).gauss
    first = [draw(20, 4) for _ in range(ROWS)]
    return list(first), [3 * value + draw(0, 2) for value in first]


def told(a: list[Any], b: list[Any], **more: Any) -> dict[float, str]:
    """What is said at each moment, by second."""
    asked = {"features": ["a", "b"], "learn": 100, "resolve_after": "2s", **more}
    said = judge("outlier", asked, times=[float(t) for t in range(len(a))], values={"a": a, "b": b})
    return {float(line.split()[0]): line.split()[1] for line in said}


LAST = [
    ("a record like the others is fine", (20.0, 60.0), "ok"),
    ("one number far off is told", (300.0, 60.0), "critical"),
    ("so is one far below", (-300.0, 60.0), "critical"),
    ("both far off is told", (600.0, 1500.0), "critical"),
    ("a missing number is left out", (None, 60.0), "ok"),
    ("the other number is judged all the same", (None, 3000.0), "critical"),
    ("nothing but missing numbers cannot be judged", (None, None), "no_data"),
    ("a number near infinity is as far as can be", (1e300, 60.0), "critical"),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "last", "severity"), LAST, ids=[row[0] for row in LAST])
def test_the_last_record(sentence: str, last: tuple[Any, Any], severity: str):
    a, b = ordinary()
    assert told([*a, last[0]], [*b, last[1]])[float(ROWS)] == severity


def test_it_says_nothing_before_it_knows():
    said = told([1e9, *ordinary()[0]], [1.0, *ordinary()[1]])
    assert said[0.0] == said[60.0] == "learning"
    assert said[float(ROWS)] == "ok"


def test_one_row_is_learning():
    assert told([1.0], [2.0]) == {0.0: "learning"}


def test_a_series_that_never_changes_is_fine_until_it_does():
    a: list[Any] = [5.0] * ROWS
    said = told([*a, 5.0, 6.0], [*a, 5.0, 5.0])
    assert said[float(ROWS)] == "ok"
    assert said[float(ROWS + 1)] == "critical"


def test_all_missing_is_never_judged():
    assert set(told([None] * 30, [None] * 30).values()) == {"no_data"}


def test_an_incident_goes_on_until_an_ordinary_record_comes_resolve_after_the_last_unusual_one():
    a, b = ordinary()
    said = told([*a, 300.0, 20.0, 20.0], [*b, 60.0, 60.0, 60.0])
    assert [said[float(ROWS + i)] for i in range(3)] == ["critical", "neither", "ok"]


def test_a_lasting_shift_becomes_normal():
    a, b = ordinary()
    said = told([*a, *[v + 200 for v in a if v is not None]], [*b, *b], memory=200, resolve_after="1s")
    assert said[float(ROWS)] in ALARMS
    assert said[float(2 * ROWS - 1)] == "ok"


def test_one_wild_record_does_not_blind_it():
    a, b = ordinary()
    said = told([*a, 1e12, *a[:20], 300.0], [*b, 60.0, *b[:20], 60.0])
    assert {said[float(ROWS)], said[float(ROWS + 21)]} <= ALARMS


def test_each_key_has_its_own_normal():
    a, _ = ordinary()
    pairs = [(k, v * (1 if k == "x" else 100)) for v in a if v is not None for k in ("x", "y")]
    keys, values = [*(k for k, _ in pairs), "x", "y"], [*(v for _, v in pairs), 2000.0, 2000.0]
    said = judge(
        "outlier", {"features": "v", "by": "key", "learn": 100}, times=[float(t) for t in range(len(keys))],
        values={"v": values}, keys=keys,
    )  # fmt: skip
    assert [line.split()[1:] for line in said[-2:]] == [["critical", "x"], ["ok", "y"]]


def test_many_keys_with_one_record_each_only_learn():
    keys = [f"k{i}" for i in range(1000)]
    said = judge(
        "outlier", {"features": "v", "by": "key", "learn": 10}, times=[float(t) for t in range(1000)],
        values={"v": [float(i) for i in range(1000)]}, keys=keys,
    )  # fmt: skip
    assert {line.split()[1] for line in said} == {"learning"}


def judged(values: np.ndarray, *, compiled: bool, apart: np.ndarray | None = None) -> np.ndarray:
    """The strengths of records of one key."""
    state = outlier.OutlierState(values.shape[1], 50)
    state.make_room(1)
    n = len(values)
    strength, limits = np.empty(n), np.array([50, 500, 20_000])
    with jit.running(compiled=compiled):
        kernels.judge_records(
            np.zeros(n, np.int32), values, np.zeros(n, np.bool_) if apart is None else apart, state.normal,
            state.rarity, outlier.drawn(values.shape[1], 50, 0), limits, strength, np.empty(n, np.int32),
        )  # fmt: skip
    return strength


def test_compiled_and_plain_agree_beyond_the_first_tables():
    values = np.random.default_rng(3).lognormal(size=(700, 3))
    values[::17, 1], values[640, 0], values[641, 2] = np.nan, np.inf, 1e200
    assert np.array_equal(judged(values, compiled=True), judged(values, compiled=False), equal_nan=True)


def test_of_ordinary_records_one_in_ten_thousand_reaches_the_limit():
    draw = np.random.default_rng(5)
    for values in (draw.normal(size=(60_000, 3)), draw.standard_t(4, size=(60_000, 3))):
        assert (judged(values, compiled=True) > 6).sum() <= 30


def alarms(values: np.ndarray, budget: str, seconds: float) -> int:
    """How many incidents records that come so many seconds apart would make."""
    strength, n = judged(values, compiled=True), len(values)
    limits = outlier.Config.model_validate({"features": "a", "budget": budget}).limits()
    times = (np.arange(n) * seconds * 1e6).astype(np.int64)
    severity, told_at = np.empty(n, np.int8), np.full(1, -(2**62))
    with jit.running(compiled=True):
        kernels.decide(
            np.zeros(n, np.int32), times, strength, np.zeros(n, np.bool_), told_at, rarity.new_pool(), limits,
            severity, np.empty(n),
        )  # fmt: skip
    fired = times[severity == kernels.CRITICAL]
    return int((np.diff(fired, prepend=-(2**62)) > limits.hold).sum())


@pytest.mark.parametrize("shape", ["normal", "heavy tails", "one-sided"])
def test_false_alarms_come_within_a_factor_two_of_the_budget(shape: str):
    draw = np.random.default_rng(11)
    size = (60_000, 2)
    values = {"normal": draw.normal(size=size), "heavy tails": draw.standard_t(4, size=size)}
    found = alarms(values.get(shape, draw.exponential(size=size)), "1 per day", 30.0)
    days = 60_000 * 30 / 86_400
    assert days / 2 <= found <= 2 * days


def test_rarity_is_said_once_it_is_known():
    a, b = ordinary()
    asked = {"detect": {"type": "outlier", "features": ["v", "pos"], "learn": 100}}
    rows = [record(t, "x", v=a[t % ROWS], pos=b[t % ROWS]) for t in range(900)]
    lines = run(config({"m": asked}), [*rows, record(900, "x", v=500.0, pos=60.0)], flush=False).lines
    last = [line for line in lines if line["kind"] == "verdict"][-1]
    assert last["severity"] == "critical"
    assert last["rarity"] < 1 / 86_400
    assert last["evidence"]["furthest"] == "v"
    assert set(last["observed"]) == {"v", "pos"}


def test_records_in_maintenance_teach_nothing():
    values = np.random.default_rng(1).normal(size=(2000, 2))
    apart = np.zeros(2000, np.bool_)
    apart[1500:1900] = True
    wild = values.copy()
    wild[1500:1900] += 1000
    a, b = judged(values, compiled=True, apart=apart), judged(wild, compiled=True, apart=apart)
    assert np.array_equal(a[1900:], b[1900:])
    assert (b[1500:1900] > 6).all()


def test_a_mix_is_seen_that_no_number_shows_alone():
    draw = np.random.default_rng(2)
    one = draw.normal(size=5000)
    values = np.column_stack([one, one + 0.05 * draw.normal(size=5000)])
    values[4000] = 2.0, -2.0
    values[4001] = 2.0, 2.0
    strength = judged(values, compiled=True)
    assert strength[4000] > 6 > strength[4001]


def test_what_another_layout_saved_is_not_taken_over():
    asked = {"detect": {"type": "outlier", "features": ["v", "pos"]}}
    detect = config({"m": asked}).monitors["m"].detect
    assert isinstance(detect, outlier.Config)
    assert "layout" in detect.shaped_by
    assert detect.layout == outlier.OutlierState.version


def test_of_many_features_no_two_are_compared():
    values = np.random.default_rng(4).normal(size=(150, 65))
    state = outlier.OutlierState(65, 3)
    state.make_room(1)
    n, strength = len(values), np.empty(len(values))
    values[-1, 7] = 1e4
    kernels.judge_records(
        np.zeros(n, np.int32), values, np.zeros(n, np.bool_), state.normal, state.rarity,
        outlier.drawn(65, 3, 0), np.array([20, 40, 1000]), strength, np.empty(n, np.int32),
    )  # fmt: skip
    assert state.rarity.together.root.size == 0
    assert strength[-1] > 6


def test_the_seed_decides_the_mixes_and_the_grids():
    same, again, other = (outlier.drawn(6, 50, seed) for seed in (0, 0, 1))
    assert np.array_equal(same.projections.weights, again.projections.weights)
    assert not np.array_equal(same.projections.weights, other.projections.weights)
    assert np.array_equal(same.cuts.shift, again.cuts.shift)
    assert not np.array_equal(same.cuts.shift, other.cuts.shift)
    assert np.allclose((same.projections.weights**2).sum(axis=1), 1)


WILD = [
    ("one number of one feature", 1, 8.0, "normal"),
    ("one of twelve", 12, 8.0, "normal"),
    ("one of thirty", 30, 8.0, "normal"),
    ("one of thirty that all vary wildly", 30, 60.0, "Student"),
]


@pytest.mark.parametrize(("sentence", "features", "far", "shape"), WILD, ids=[row[0] for row in WILD])
def test_one_number_beyond_all_seen_is_stronger_than_all_before(
    sentence: str, features: int, far: float, shape: str
):
    draw = np.random.default_rng(21)
    size = (5000, features)
    values = draw.normal(size=size) if shape == "normal" else draw.standard_t(4, size=size)
    values[-1, 0] = far
    strength = judged(values, compiled=True)
    assert strength[-1] > strength[1000:-1].max()
    values[-1, 0] = 10 * far
    assert judged(values, compiled=True)[-1] > strength[-1], "what is seen never ends the scale"


def test_a_hole_in_the_middle_is_seen():
    draw = np.random.default_rng(22)
    angle = draw.uniform(0, 2 * np.pi, 6000)
    values = np.column_stack([np.cos(angle), np.sin(angle)]) + 0.05 * draw.normal(size=(6000, 2))
    values[-1] = 0.0
    strength = judged(values, compiled=True)
    assert strength[-1] > np.quantile(strength[1000:], 0.99)


def test_a_budget_and_fixed_scores_exclude_each_other():
    with pytest.raises(ValueError, match="both say when to alarm"):
        outlier.Config.model_validate({"features": "a", "budget": "1 per day", "warning": 0.7})


def test_fixed_scores_are_reached_at_their_strengths():
    limits = outlier.Config.model_validate({"features": "a", "warning": 0.8, "critical": 1}).limits()
    assert limits.warning == pytest.approx(6)
    assert limits.critical == np.inf
    assert strength_of(0.25) == 1.0


COLUMNS: dict[str, Any] = {"a": "float", "word": "string"}
REFUSED = [
    ("a name that is not there", {"features": ["b"]}, False, "unknown name `b`"),
    ("a text", {"features": ["word"]}, False, "`word` is string, and only numbers can be judged"),
    ("its own grouping behind a window", {"features": ["a"], "by": "word"}, True, "windows are grouped by"),
]


@pytest.mark.parametrize(
    ("sentence", "asked", "windowed", "message"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_refused(sentence: str, asked: dict[str, Any], windowed: bool, message: str):
    module = plugins.module("detectors", "outlier")
    with pytest.raises(ConfigError, match=message):
        module.build(module.Config.model_validate(asked), Context("m", COLUMNS, windowed=windowed))
