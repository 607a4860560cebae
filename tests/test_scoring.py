"""``streamgauge.score``: the same answers as the stream gives, over plain arrays."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
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
    ("texts", [(START + timedelta(hours=i)).isoformat() for i in range(200)]),
    (
        "texts of an array",
        np.array([(START + timedelta(hours=i)).strftime("%Y-%m-%d %H:%M") for i in range(200)]),
    ),
    (
        "a zone of pandas",
        pd.Series(pd.date_range(START, periods=200, freq="h")).dt.tz_convert("Europe/Berlin"),
    ),
    ("an index of pandas", pd.date_range(START, periods=200, freq="h")),
    ("moments of pandas", list(pd.date_range(START, periods=200, freq="h"))),
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


def test_rows_in_any_order_are_learned_in_the_order_of_their_moments():
    times = START.timestamp() + 3600.0 * np.arange(len(VALUES))
    frame = streamgauge.score(VALUES, times=times, sensitivity="medium")
    newest_first = streamgauge.score(VALUES[::-1], times=times[::-1], sensitivity="medium")
    assert newest_first.reverse().equals(frame)


def test_a_notebook_offers_the_functions():
    assert {"drift", "load", "replay", "run", "score"} <= set(dir(streamgauge))


REFUSED: list[tuple[str, Any, dict[str, Any], type[Exception], str]] = [
    ("no such detector", [1.0], {"detector": "autp"}, ConfigError, "did you mean `auto`"),
    ("one that judges no number", [1.0], {"detector": "silence", "after": "5s"}, ConfigError, "does not judge one number"),
    ("too few moments", [1.0, 2.0], {"times": [1.0]}, ValueError, "1 times for 2 values"),
    ("too few keys", [1.0, 2.0], {"keys": ["a"]}, ValueError, "1 keys for 2 values"),
    ("a table", [[1.0], [2.0]], {}, ValueError, "2 dimensions"),
    ("a setting that does not exist", [1.0], {"lernen": 3}, ConfigError, "auto: lernen: unknown key"),
    ("a wrong setting", [1.0], {"sensitivity": "hgih"}, ConfigError, 'sensitivity: "hgih" is not known.*did you mean `high`'),
    ("no name of a detector", [1.0], {"detector": None}, ConfigError, "detector: expected a name"),
    ("one of drift", [1.0], {"detector": "psi"}, ConfigError, r"psi: `reference` is missing.*drift\(\)"),
    ("one of windows", [1.0], {"detector": "volume"}, ConfigError, r"volume judges windows.*score\(\) takes series"),
    ("words", [1.0, "x"], {}, ConfigError, "row 1 holds 'x', which is no number"),
    ("no series", {"a": [1.0]}, {}, ConfigError, "values are of type `dict`"),
    ("nothing", None, {}, ConfigError, "values are None"),
    ("complex numbers", [1j], {}, ConfigError, "complex"),
    ("one moment for all", [1.0, 2.0], {"times": "2026-01-01"}, ConfigError, "times are of type `str`"),
    ("a text that is no time", [1.0], {"times": ["31/01/2026"]}, ConfigError, "'31/01/2026' in row 0 is no time"),
    ("milliseconds", [1.0], {"times": [1.767e12]}, ConfigError, r"seem to be milliseconds; give seconds \(divide by 1,000\)"),
    ("nanoseconds", [1.0], {"times": np.array([1767 * 10**15])}, ConfigError, "seem to be nanoseconds"),
    ("endless seconds", [1.0], {"times": np.array([1e30])}, ConfigError, "no time; give seconds, datetimes"),
    ("a moment that is missing", [1.0, 2.0], {"times": [0.0, float("nan")]}, ConfigError, "row 1 is missing"),
    ("one of None", [1.0, 2.0], {"times": [START, None]}, ConfigError, "row 1 is missing"),
    ("one of pandas", [1.0, 2.0], {"times": [START, pd.NaT]}, ConfigError, "row 1 is missing"),
    ("one of datetime64", [1.0], {"times": np.array(["NaT"], "M8[s]")}, ConfigError, "row 0 is missing"),
    ("durations", [1.0], {"times": [timedelta(1)]}, ConfigError, "row 0 holds a `timedelta`"),
    ("too few marks", [1.0, 2.0], {"apart": [True]}, ConfigError, "1 marks for 2 values"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "values", "how", "error", "message"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_refused(sentence: str, values: Any, how: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        streamgauge.score(values, **how)
