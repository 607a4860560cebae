"""``streamgauge.score``: the same answers as the stream gives, over plain arrays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest

import streamgauge
from streamgauge.errors import ConfigError
from tests.detectors.series import usual
from tests.replaying import config, record, run

VALUES = [*usual(300), 25.0, *usual(20, seed=1)]


def test_one_row_per_value_with_what_was_expected():
    frame = streamgauge.score(VALUES, sensitivity="medium")
    assert frame.columns == ["score", "severity", "expected", "lower", "upper"]
    assert len(frame) == len(VALUES)
    assert frame["severity"][300] == "critical"
    assert frame["score"][:150].null_count() == 150
    assert frame["lower"][300] < frame["expected"][300] < frame["upper"][300] < 25


@pytest.mark.parametrize("detector", ["auto", "composite", "seasonal", "change_point"])
def test_nothing_looks_ahead(detector: str):
    whole = streamgauge.score(VALUES, detector)
    for cut in (160, 250, 301):
        assert whole[:cut].equals(streamgauge.score(VALUES[:cut], detector))


@pytest.mark.parametrize("detector", ["auto", "composite", "seasonal", "change_point"])
def test_it_is_what_the_stream_says(detector: str):
    monitor = {"detect": {"type": detector, "value": "v", "sensitivity": "medium"}}
    lines = run(
        config({"m": monitor}), [record(1800 * i, v=v) for i, v in enumerate(VALUES)], batch_size=7
    ).lines
    told = [(line["score"], line["severity"], line["lower"]) for line in lines if line["kind"] == "verdict"]
    frame = streamgauge.score(VALUES, detector, times=np.arange(len(VALUES)) * 1800.0, sensitivity="medium")
    assert frame.select("score", "severity", "lower").rows() == told


def test_each_key_by_itself():
    both = [value for value in VALUES for _ in "ab"]
    frame = streamgauge.score(both, keys=list("ab") * len(VALUES), limit=1.0)
    alone = streamgauge.score(VALUES, limit=1.0)
    for first in (0, 1):
        assert frame.gather_every(2, first)["score"].equals(alone["score"])


START = datetime(2026, 1, 1, tzinfo=UTC)
TIMES = [
    ("datetimes", [START + timedelta(hours=i) for i in range(200)]),
    ("naive ones are UTC", [(START + timedelta(hours=i)).replace(tzinfo=None) for i in range(200)]),
    ("datetime64", np.datetime64("2026-01-01") + np.arange(200) * np.timedelta64(1, "h")),
    ("seconds", START.timestamp() + 3600.0 * np.arange(200)),
    ("a Polars series", pl.Series([START.replace(tzinfo=None) + timedelta(hours=i) for i in range(200)])),
]


@pytest.mark.parametrize(("sentence", "times"), TIMES, ids=[row[0] for row in TIMES])
def test_moments_in_any_form(sentence: str, times: Any):
    expected = streamgauge.score(VALUES[:200], "seasonal", times=START.timestamp() + 3600.0 * np.arange(200))
    assert streamgauge.score(VALUES[:200], "seasonal", times=times).equals(expected)


@pytest.mark.parametrize(
    "values",
    [np.array(VALUES), pl.Series(VALUES), tuple(VALUES), [None, *VALUES[1:]]],
    ids=lambda v: type(v).__name__,
)
def test_values_in_any_form(values: Any):
    assert streamgauge.score(values, sensitivity="medium")["severity"][300] == "critical"


def test_missing_values_and_none_at_all():
    assert streamgauge.score([None, float("inf"), float("nan")])["severity"].to_list() == ["no_data"] * 3
    assert len(streamgauge.score([])) == 0


REFUSED: list[tuple[str, Any, dict[str, Any], type[Exception], str]] = [
    ("no such detector", [1.0], {"detector": "autp"}, ConfigError, "did you mean `auto`"),
    ("one that judges no number", [1.0], {"detector": "silence", "after": "5s"}, ConfigError, "does not judge one number"),
    ("too few moments", [1.0, 2.0], {"times": [1.0]}, ValueError, "1 times for 2 values"),
    ("too few keys", [1.0, 2.0], {"keys": ["a"]}, ValueError, "1 keys for 2 values"),
    ("a table", [[1.0], [2.0]], {}, ValueError, "2 dimensions"),
    ("a setting that does not exist", [1.0], {"lernen": 3}, ValueError, "unknown key"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "values", "how", "error", "message"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_refused(sentence: str, values: Any, how: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        streamgauge.score(values, **how)
