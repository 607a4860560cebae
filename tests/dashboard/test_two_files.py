"""Two tables without a server: the same answer as ``streamgauge.drift``, drawn bin by bin."""

import io

import numpy as np
import polars as pl
import pytest

import streamgauge
from streamgauge.dashboard.two_files import METHODS, Asked, Upload, columns_of, compared, table_of
from streamgauge.errors import ConfigError, SourceError
from streamgauge.statistics.reference import build
from streamgauge.statistics.reference_file import encoded

DRAW = np.random.default_rng(3)
BEFORE = pl.DataFrame({"amount": DRAW.normal(50, 5, 2_000), "country": ["CH", "DE", None, "FR"] * 500})
AFTER = pl.DataFrame(
    {"amount": DRAW.normal(56, 5, 800), "country": ["CH", "DE", "US", "FR"] * 200, "more": [1] * 800}
)


def as_file(frame: pl.DataFrame, ending: str) -> Upload:
    out = io.BytesIO()
    getattr(frame, f"write_{ending}")(out)
    return Upload(f"records.{ending}", out.getvalue())


@pytest.mark.parametrize("ending", ["csv", "parquet", "ndjson"])
def test_a_file_is_read_by_its_ending(ending):
    table, unread = table_of(as_file(AFTER, ending))
    assert (columns_of(table), table.height, unread) == (["amount", "country", "more"], 800, 0)


def test_lines_that_are_no_records_are_counted():
    table, unread = table_of(Upload("x.ndjson", b'{"a": 1}\nnothing\n{"a": 2}\n'))
    assert (table["a"].to_list(), unread) == ([1, 2], 1)


@pytest.mark.parametrize(
    ("upload", "error"),
    [
        (Upload("x.parquet", b"no parquet"), SourceError),
        (Upload("x.csv", b"a,b\n"), ConfigError),
        (Upload("x.reference", b"{}"), ConfigError),
    ],
)
def test_what_cannot_be_read_is_said(upload, error):
    with pytest.raises(error):
        table_of(upload)


def test_features_come_with_their_bins_the_furthest_first():
    drift, extra = compared(BEFORE, AFTER, Asked())
    expected = streamgauge.drift(BEFORE, AFTER)
    assert {one.feature: one.value for one in drift.features} == {
        row["feature"]: row["value"] for row in expected
    }
    assert (drift.severity, list(extra)) == ("critical", ["more"])
    assert [one.feature for one in drift.features] == ["country", "amount"]
    country = {one.bin: (one.reference, one.current) for one in drift.features[0].bins}
    assert country == {
        "CH": (0.25, 0.25), "DE": (0.25, 0.25), "FR": (0.25, 0.25), "missing": (0.25, 0.0), "unseen": (0.0, 0.25),
    }  # fmt: skip
    amount = drift.features[1].bins
    assert sum(one.reference for one in amount) == pytest.approx(1.0)
    assert sum(one.current for one in amount) == pytest.approx(1.0)
    assert {one["bin"] for one in drift.features[1].moved} <= {one.bin for one in amount}


def test_a_reference_stands_for_its_file():
    reference, _ = table_of(Upload("b.reference", encoded(build({"amount": BEFORE["amount"].to_numpy()}))))
    drift, _ = compared(reference, AFTER, Asked(features=["amount"]))
    assert drift.features[0].value == compared(BEFORE, AFTER, Asked(features=["amount"]))[0].features[0].value


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_told(method):
    drift, _ = compared(BEFORE, AFTER, Asked(method, ["amount"], warning=0.01, critical=90.0))
    assert (drift.method, drift.warning, len(drift.features)) == (method, 0.01, 1)


def test_what_does_not_fit_is_said():
    with pytest.raises(ConfigError, match="country"):
        compared(BEFORE, AFTER.drop("country"), Asked())
