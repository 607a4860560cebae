"""``streamgauge.drift``: tables of any kind against each other or a reference."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import stats

import streamgauge
from streamgauge.errors import ConfigError
from streamgauge.statistics.reference import build
from streamgauge.statistics.reference_file import encoded

RNG = np.random.default_rng(2)
BEFORE: dict[str, Any] = {"x": RNG.normal(size=2_000), "country": ["CH", "DE", None, "FR"] * 500}
AFTER: dict[str, Any] = {"x": RNG.normal(0.5, 1.3, size=600), "country": ["CH", "DE", None, "FR"] * 150}


def test_frames_and_mappings_say_the_same():
    found = streamgauge.drift(BEFORE, AFTER)
    same = streamgauge.drift(pl.DataFrame(BEFORE), pl.DataFrame(AFTER))
    assert list(found) == list(same)
    assert found.frame.columns == ["feature", "value", "severity", "floor", "rows"]
    assert [row["severity"] for row in found] == ["critical", "ok"]
    assert found.overall["worst"] == "x"
    assert (found.overall["drifted"], found.overall["rows"], len(found)) == (0.5, 600, 2)
    with pytest.raises(KeyError):
        found["nobody"]


def test_of_two_tables_distances_are_exact():
    a, b = BEFORE["x"], AFTER["x"]
    assert streamgauge.drift(BEFORE, AFTER, "kolmogorov_smirnov")["x"]["value"] == pytest.approx(
        stats.ks_2samp(a, b).statistic, abs=1e-12
    )
    assert streamgauge.drift(BEFORE, AFTER, "wasserstein")["x"]["value"] == pytest.approx(
        stats.wasserstein_distance(a, b) / np.std(a, ddof=1), abs=1e-12
    )


@pytest.mark.parametrize(
    ("method", "within"),
    [("psi", 1e-12), ("kolmogorov_smirnov", 0.005), ("wasserstein", 0.01), ("gaussian", 1e-9)],
)
def test_a_reference_stands_for_its_table(method, within, tmp_path):
    columns = {"x": BEFORE["x"], "country": BEFORE["country"]}
    path = tmp_path / "b.reference"
    path.write_bytes(encoded(build(columns)))
    exact, kept = (streamgauge.drift(one, AFTER, method, features=["x"]) for one in (BEFORE, path))
    assert kept["x"]["value"] == pytest.approx(exact["x"]["value"], abs=within)
    assert kept["x"]["severity"] == exact["x"]["severity"]


def test_limits_and_bins_are_taken():
    assert streamgauge.drift(BEFORE, AFTER, warning=5, critical=9)["x"]["severity"] == "ok"
    assert streamgauge.drift(BEFORE, AFTER, min=601)["x"]["severity"] == "not_enough_data"
    wide = streamgauge.drift(BEFORE, AFTER, binning="width", bins=4)["x"]["value"]
    fixed = streamgauge.drift(BEFORE, AFTER, binning="fixed", edges={"x": [0.0]})["x"]["value"]
    below, now = (np.asarray(BEFORE["x"]) <= 0).mean(), (np.asarray(AFTER["x"]) <= 0).mean()
    assert fixed == pytest.approx(
        (now - below) * np.log(now / below) + (below - now) * np.log((1 - now) / (1 - below))
    )
    assert wide != fixed


def test_numbers_that_are_categories_in_the_reference_are_counted_so():
    reference = build({"shop": [1, 2, 3] * 100})
    assert streamgauge.drift(reference, {"shop": [1, 2, 4] * 100})["shop"]["unseen"] == {"4": 100}


@pytest.mark.parametrize(
    ("current", "config", "said"),
    [
        ({"country": ["CH"]}, {}, "no column `x`, which the reference has"),
        ({"x": ["a"], "country": ["CH"]}, {}, "`x` is a number in the reference and holds texts"),
        ({"x": [1.0], "country": [2.0]}, {}, "`country` is a category in the reference and holds numbers"),
        (AFTER, {"method": "psy"}, "did you mean `psi`"),
        (AFTER, {"wraning": 1}, "wraning"),
        (AFTER, {"features": ["y"]}, "no column `y`"),
        (AFTER, {"bins": 1}, "2 to 1000"),
        ({"x": [1.0], "country": ["CH", "DE"]}, {}, "differ in length"),
        ([1, 2], {}, "expected a frame or a mapping"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(current, config, said):
    with pytest.raises(ConfigError, match=said):
        streamgauge.drift(BEFORE, current, **config)


def test_a_column_of_nothing_is_missing_whatever_its_kind():
    found = streamgauge.drift(BEFORE, {"x": [None] * 200, "country": [None] * 200})
    assert {row["severity"] for row in found} == {"critical"}


def test_moments_in_time_are_numbers():
    from datetime import UTC, datetime, timedelta

    start = datetime(2026, 1, 1, tzinfo=UTC)
    before = pl.DataFrame({"at": [start + timedelta(hours=n) for n in range(500)]})
    after = pl.DataFrame({"at": [start + timedelta(hours=n + 400) for n in range(500)]})
    assert streamgauge.drift(before, after)["at"]["severity"] == "critical"
    assert streamgauge.drift(before, before)["at"]["severity"] == "ok"


def test_importing_streamgauge_stays_light():
    code = "import streamgauge, sys; assert not {'numpy', 'polars', 'scipy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


PAYMENTS = {"amount": [float(i % 70) for i in range(300)], "country": ["CH", "DE", "FR"] * 100}


def test_what_never_comes_again_is_left_out_of_two_tables():
    start = datetime(2026, 1, 1, tzinfo=UTC)
    given = {
        **PAYMENTS,
        "id": [f"t{i}" for i in range(300)],
        "at": pl.Series([start + timedelta(hours=i) for i in range(300)]),
    }
    later = {
        **PAYMENTS,
        "id": [f"u{i}" for i in range(300)],
        "at": pl.Series([start + timedelta(days=i) for i in range(300)]),
    }
    found = streamgauge.drift(given, later)
    assert [row["feature"] for row in found] == ["amount", "country"]
    assert (found.overall["left_out"], found.overall["not_compared"]) == (["id", "at"], [])
    assert streamgauge.drift(given, later, features=["id"])["id"]["severity"] == "critical"
    assert streamgauge.drift(given, later, features=["amount"]).overall["not_compared"] == []


def test_what_a_method_cannot_compare_is_named():
    assert streamgauge.drift(PAYMENTS, PAYMENTS, "kolmogorov_smirnov").overall["not_numbers"] == ["country"]


WRONG_TABLES: list[tuple[str, Any, Any, dict[str, Any], str]] = [
    ("a binning that does not exist", PAYMENTS, PAYMENTS, {"binning": "equal"}, "binning: expected quantile, width, fixed, got 'equal'"),
    ("fixed bins without edges", PAYMENTS, PAYMENTS, {"binning": "fixed"}, "`fixed` needs the edges"),
    ("edges of no column", PAYMENTS, PAYMENTS, {"binning": "fixed", "edges": {"amuont": [1]}}, "no column `amuont`"),
    ("edges of texts", PAYMENTS, PAYMENTS, {"binning": "fixed", "edges": {"country": [1]}}, "`country` holds no numbers"),
    ("edges without fixed bins", PAYMENTS, PAYMENTS, {"edges": {"amount": [1]}}, "hold for the binning `fixed` alone"),
    ("no method", PAYMENTS, PAYMENTS, {"method": None}, "there is no method `None`"),
    ("a reference without rows", {"a": []}, {"a": ["x"]}, {}, "the reference table has no rows"),
    ("a reference that knows no value", {"a": [None] * 200}, {"a": ["x"] * 200}, {}, "missing in every row of the reference"),
    ("one value", {"a": 1}, {"a": 2}, {}, "column `a` is one value"),
    ("a name twice", pd.DataFrame([[1, 2]], columns=["a", "a"]), {"a": [1]}, {}, "two columns are called `a`"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "reference", "current", "how", "message"), WRONG_TABLES, ids=[row[0] for row in WRONG_TABLES]
)
def test_what_cannot_be_compared_is_said(
    sentence: str, reference: Any, current: Any, how: dict[str, Any], message: str
):
    with pytest.raises(ConfigError, match=message):
        streamgauge.drift(reference, current, **how)


@pytest.mark.parametrize("method", ["gaussian", "wasserstein", "kolmogorov_smirnov", "psi"])
def test_values_beyond_what_can_be_squared_are_drift(method: str):
    now = np.where(np.arange(600) % 3 == 0, 1e300, AFTER["x"])
    assert streamgauge.drift({"x": BEFORE["x"]}, {"x": now}, method)["x"]["severity"] == "critical"
