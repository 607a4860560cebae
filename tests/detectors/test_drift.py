"""The drift detectors as a truth table: what is drift, what chance does, and what goes wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from streamgauge.config import ConfigErrors, load
from streamgauge.detectors.against_reference import judge
from streamgauge.statistics.columns import reference_of
from streamgauge.statistics.comparison import BinComparison, CellComparison, NormalComparison, Seen
from streamgauge.statistics.divergences import PSI
from streamgauge.statistics.reference import build
from streamgauge.statistics.reference_file import encoded
from tests.detectors.drifting import METHODS, OF_BINS, OF_NUMBERS, features, normal, verdicts

BEFORE = normal(3_000, seed=1)


@pytest.mark.parametrize("method", METHODS)
def test_the_same_distribution_is_no_drift_and_another_one_is(method):
    after = normal(500, seed=2) + normal(500, 1.0, seed=3)
    first, second = verdicts(method, {"x": BEFORE}, {"x": after})
    assert (first["severity"], features(first)["x"]["state"]) == ("ok", "no_drift")
    assert (second["severity"], features(second)["x"]["state"]) == ("critical", "drift")
    assert second["observed"]["feature"] == "x"
    assert second["observed"]["drifted"] == 1
    assert second["observed"]["rows"] == 500
    assert first["score"] < 0.5 <= second["score"] <= 1
    assert features(first)["x"]["floor"] > 0


@pytest.mark.parametrize("method", METHODS)
def test_a_small_shift_is_possible_drift(method):
    shift = {"chi_square": 0.36, "gaussian": 0.36, "wasserstein": 0.18, "kolmogorov_smirnov": 0.38}.get(
        method, 0.36
    )
    (found,) = verdicts(
        method, {"x": BEFORE}, {"x": normal(4_000, shift, seed=4)}, {"type": "count", "size": 4000}
    )
    assert (found["severity"], features(found)["x"]["state"]) == ("warning", "possible_drift")


@pytest.mark.parametrize("method", METHODS)
def test_few_rows_are_not_enough(method):
    (found,) = verdicts(method, {"x": BEFORE}, {"x": normal(99, 5.0)}, {"type": "count", "size": 99})
    assert found["severity"] == "not_enough_data"
    assert found["observed"]["feature"] is None
    assert found["evidence"] == {}


@pytest.mark.parametrize("method", METHODS)
def test_a_feature_that_vanishes_in_mid_stream_is_drift(method):
    after = [*normal(500, seed=5), *([None] * 500)]
    first, second = verdicts(method, {"x": BEFORE}, {"x": after})
    assert (first["severity"], second["severity"]) == ("ok", "critical")
    told = features(second)["x"]
    assert told.get("missing", {"current": 1})["current"] == 1
    assert "missing 0 → 1" in second["evidence"]["moved"]


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_is_itself_and_nothing_else(method):
    same, other = verdicts(
        method, {"x": [3.0] * 500}, {"x": [3.0] * 200 + [4.0] * 200}, {"type": "count", "size": 200}
    )
    assert (same["severity"], other["severity"]) == ("ok", "critical")


@pytest.mark.parametrize("method", METHODS)
def test_infinities_are_values(method):
    import polars as pl

    import streamgauge

    after = pl.DataFrame({"x": [*normal(300), *([float("inf")] * 200)]})
    found = streamgauge.drift(pl.DataFrame({"x": BEFORE}), after, method)
    assert found["x"]["severity"] == "critical"
    same = pl.DataFrame({"x": normal(500, seed=9)})
    assert (
        streamgauge.drift(pl.DataFrame({"x": [*BEFORE, float("inf")]}), same, method)["x"]["severity"] == "ok"
    )


@pytest.mark.parametrize("method", OF_BINS)
def test_categories_that_come_and_go_are_named(method):
    reference = {"country": ["CH"] * 60 + ["DE"] * 30 + ["FR"] * 10}
    after = ["CH"] * 150 + ["US"] * 250 + ["BR"] * 100
    (found,) = verdicts(method, reference, {"country": after})
    told = features(found)["country"]
    assert found["severity"] == "critical"
    assert told["unseen"] == {"US": 250, "BR": 100}
    assert {"bin": "unseen", "reference": 0.0, "current": 0.7} in told["moved"]
    assert "never seen before: US (250), BR (100)" in found["evidence"]["moved"]


@pytest.mark.parametrize("method", OF_BINS)
def test_zeros_that_double_are_seen(method):
    rng = np.random.default_rng(1)
    before = np.where(rng.random(3_000) < 0.4, 0.0, rng.lognormal(size=3_000)).tolist()
    after = np.where(rng.random(500) < 0.8, 0.0, rng.lognormal(size=500)).tolist()
    (found,) = verdicts(method, {"x": before}, {"x": after})
    assert found["severity"] == "critical"
    assert features(found)["x"]["moved"][0]["bin"] == "0"


def test_integers_are_categories_while_they_are_few():
    before = [1, 2, 3] * 200
    (found,) = verdicts("psi", {"grade": before}, {"grade": [1] * 150 + [2] * 150 + [5] * 200})
    assert {one["bin"] for one in features(found)["grade"]["moved"]} == {"unseen", "3", "1"}


def test_booleans_are_told_by_name():
    (found,) = verdicts("psi", {"ok": [True, True, False] * 100}, {"ok": [False] * 500})
    assert {one["bin"] for one in features(found)["ok"]["moved"]} == {"true", "false"}


def test_a_feature_that_was_never_there_is_unlike_one_that_comes():
    (found,) = verdicts("psi", {"x": [None, None] * 200, "y": BEFORE}, {"x": normal(500), "y": normal(500)})
    assert features(found)["x"]["state"] == "drift"
    assert features(found)["y"]["state"] == "no_drift"
    assert found["observed"]["drifted"] == 0.5


def test_one_row_says_nothing_unless_it_is_asked_to():
    (found,) = verdicts("psi", {"x": BEFORE}, {"x": [0.0]}, {"type": "count", "size": 1})
    assert found["severity"] == "not_enough_data"


def test_each_key_is_judged_by_itself_and_windows_in_time_too():
    records: dict[str, list[Any]] = {
        "key": [key for _ in range(300) for key in ("a", "b")],
        "x": [value for pair in zip(normal(300), normal(300, 2.0), strict=True) for value in pair],
    }
    for window in (
        {"type": "count", "size": 300, "by": "key"},
        {"type": "tumbling", "size": "10m", "by": "key"},
        {"type": "session", "gap": "1m", "by": "key"},
    ):
        found = {
            line["key"]: line["severity"]
            for line in verdicts("psi", {"x": BEFORE}, records, window, features="x")
        }
        assert found == {"a": "ok", "b": "critical"}, window


def test_the_rows_of_people_do_not_show_what_was_kept_for_the_detector():
    import streamgauge

    stream = {"source": {"type": "files", "path": "x"}, "format": "json", "fields": {"x": "float"}}
    monitor = {
        "stream": "s",
        "window": {"type": "count", "size": 2},
        "detect": {"type": "psi", "reference": {"x": [1.0, 2.0]}},
    }
    found = streamgauge.replay(
        {"streams": {"s": stream}, "monitors": {"m": monitor}}, {"s": [{"x": 1.0}, {"x": 2.0}]}
    )
    (window,) = [line for line in found.lines if line["kind"] == "window"]
    assert window["values"] == {"count": 2}


def test_masked_features_are_judged_and_their_values_not_told():
    (found,) = verdicts(
        "psi",
        {"name": ["ann", "bob"] * 100},
        {"name": ["cyd"] * 500},
        field={"name": {"type": "string", "mask": True}},
    )
    assert found["severity"] == "critical"
    assert not {"ann", "cyd"} & set(str(found["evidence"]).replace("'", " ").split())


@pytest.mark.parametrize("rows", [100, 300, 1_000])
@pytest.mark.parametrize("method", ["psi", "kolmogorov_smirnov", "wasserstein", "gaussian"])
def test_without_drift_at_most_one_check_in_a_hundred_warns(method, rows):
    """Five features, 2,000 checks; the reference is a sample of 5,000 itself."""
    rng = np.random.default_rng(7)
    sources: list[Callable[[int], Any]] = [
        lambda n: rng.normal(size=n), lambda n: rng.lognormal(size=n), lambda n: rng.exponential(size=n),
        lambda n: rng.uniform(size=n), lambda n: np.where(rng.random(n) < 0.5, 0.0, rng.gamma(2, size=n)),
    ]  # fmt: skip
    reference = list(build({f"f{i}": draw(5_000) for i, draw in enumerate(sources)}).features.values())
    checks = 2_000 if method != "gaussian" else 1_000
    samples = [draw(checks * rows).reshape(checks, rows) for draw in sources]
    compared: Any
    if method == "gaussian":
        compared = NormalComparison(reference)
        means, deviations = (
            np.column_stack([f(s) for s in samples])
            for f in (lambda s: s.mean(axis=1), lambda s: s.std(axis=1, ddof=1))
        )
        seen = Seen(
            np.full(checks, rows),
            np.empty((checks, 0), np.int64),
            np.full((checks, 5), float(rows)),
            means,
            deviations,
        )
        warning = 0.1
    else:
        compared = BinComparison(reference, PSI) if method == "psi" else CellComparison(reference, method)
        counts = []
        for bins, sample in zip(compared.bins, samples, strict=True):
            width = len(bins.labels) + 2
            codes = bins.codes(sample.ravel()).reshape(checks, rows) + width * np.arange(checks)[:, None]
            counts.append(np.bincount(codes.ravel(), minlength=width * checks).reshape(checks, width))
        seen, warning = Seen(np.full(checks, rows), np.concatenate(counts, axis=1)), 0.1
    judged = judge(compared, seen, warning, 0.25)
    assert (judged.states > 0).any(axis=1).mean() <= 0.01


@pytest.mark.parametrize("rows", [200, 500])
def test_tails_without_a_fourth_moment_alarm_no_more_often_by_their_spread(rows):
    """The worst that a normal can be fitted to: of Student's t with 3 degrees one value makes the spread of a window."""
    rng = np.random.default_rng(11)
    none, many = np.empty((200, 0), np.int64), np.full((200, 1), float(rows))
    shares = []
    for _ in range(20):
        compared = NormalComparison(list(build({"t": rng.standard_t(3, 5_000)}).features.values()))
        sample = rng.standard_t(3, (200, rows))
        mean, deviation = sample.mean(axis=1)[:, None], sample.std(axis=1, ddof=1)[:, None]
        whole = Seen(np.full(200, rows), none, many, mean, deviation)
        without = compared.without_farthest(whole, sample.min(axis=1)[:, None], sample.max(axis=1)[:, None])
        shares.append([(judge(compared, seen, 0.1, 0.25).states > 0).mean() for seen in (whole, without)])
    of_all, of_others = np.mean(shares, axis=0)
    assert of_others <= 0.005 < of_all


@pytest.mark.parametrize(
    ("detect", "said"),
    [
        ({"type": "psi", "reference": "none.reference"}, "none.reference cannot be read"),
        (
            {"type": "psi", "reference": {"amount": [1.0, 2.0]}, "features": ["amount", "age"]},
            "no column `age`; it has amount",
        ),
        ({"type": "psi", "reference": {"age": [1.0, 2.0]}}, "the stream has no field `age`"),
        (
            {"type": "psi", "reference": {"country": [1.0, 2.0]}},
            "`country` is a string in the stream and a number",
        ),
        (
            {"type": "wasserstein", "reference": {"country": ["a"]}, "features": "country"},
            "`country` is a category",
        ),
        ({"type": "wasserstein", "reference": {"country": ["a"]}}, "no column of numbers"),
        (
            {"type": "gaussian", "reference": {"amount": [None, None]}, "features": "amount"},
            "missing in every row",
        ),
        ({"type": "psi", "reference": {"amount": [1.0]}, "warning": 0.5}, "must not be above `critical`"),
        ({"type": "psi", "reference": {"amount": []}}, "must not be empty"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(detect, said):
    stream = {
        "source": {"type": "files", "path": "x"},
        "format": "json",
        "fields": {"amount": "float", "country": "string"},
    }
    monitor = {"stream": "s", "window": {"type": "count", "size": 5}, "detect": detect}
    with pytest.raises(ConfigErrors, match=said):
        load({"streams": {"s": stream}, "monitors": {"m": monitor}})


def test_single_records_are_refused():
    stream = {"source": {"type": "files", "path": "x"}, "format": "json", "fields": {"amount": "float"}}
    with pytest.raises(ConfigErrors, match="psi compares windows with a reference"):
        load(
            {
                "streams": {"s": stream},
                "monitors": {"m": {"stream": "s", "detect": {"type": "psi", "reference": {"amount": [1.0]}}}},
            }
        )


def test_a_reference_is_found_beside_the_file_that_names_it(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/p.reference").write_bytes(encoded(reference_of({"x": [1.0, 2.0]})))
    file = tmp_path / "deep/m.yaml"
    file.write_text(
        "streams: {s: {source: {type: files, path: x}, format: json, fields: {x: float}}}\n"
        "monitors: {m: {stream: s, window: {type: count, size: 5}, detect: {type: psi, reference: p.reference}}}\n"
    )
    detect: Any = load(file).monitors["m"].detect
    assert detect.reference == str(tmp_path / "deep/p.reference")


def test_another_reference_is_another_state_and_a_threshold_is_not():
    from streamgauge.plan import make_plan

    def shapes(reference, **more):
        stream = {"source": {"type": "files", "path": "x"}, "format": "json", "fields": {"x": "float"}}
        monitor = {
            "stream": "s",
            "window": {"type": "count", "size": 5},
            "detect": {"type": "psi", "reference": {"x": reference}, **more},
        }
        (group,) = make_plan(load({"streams": {"s": stream}, "monitors": {"m": monitor}})).streams["s"].groups
        return group.shape

    assert shapes([1.0, 2.0]) == shapes([1.0, 2.0], critical=0.7) != shapes([1.0, 3.0])


def test_methods_that_count_the_same_bins_share_a_window():
    from streamgauge.plan import make_plan

    stream = {"source": {"type": "files", "path": "x"}, "format": "json", "fields": {"x": "float"}}
    monitors = {
        name: {
            "stream": "s",
            "window": {"type": "count", "size": 5},
            "detect": {"type": name, "reference": {"x": [1.0, 2.0]}},
        }
        for name in (*OF_BINS, *OF_NUMBERS)
    }
    groups = make_plan(load({"streams": {"s": stream}, "monitors": monitors})).streams["s"].groups
    assert [len(group.monitors) for group in groups] == [4, 2, 1]
