"""Which number a series detector judges, and what is said where that is not clear."""

from typing import Any

import numpy as np
import pytest

from streamgauge.batch import Column
from streamgauge.detectors.contract import Context
from streamgauge.detectors.judged import the_value
from streamgauge.errors import ConfigError

COLUMNS: dict[str, Any] = {"who": "string", "mean": "float", "events": "int"}

CHOSEN = [
    ("a column by its name", "mean", COLUMNS, "mean"),
    ("an expression over columns", "mean / events", COLUMNS, "mean / events"),
    ("the only number where nothing is said", None, {"who": "string", "mean": "float"}, "mean"),
]


@pytest.mark.parametrize(("sentence", "text", "columns", "name"), CHOSEN, ids=[row[0] for row in CHOSEN])
def test_the_number(sentence: str, text: str | None, columns: dict[str, Any], name: str):
    assert the_value(text, Context("m", columns)).name == name


REFUSED = [
    ("two numbers", None, COLUMNS, True, "`value: mean`; `compute:` makes the numbers mean, events"),
    ("no number", None, {"who": "string"}, False, r"the stream has no number, only who \(string\)"),
    ("a text", "who", COLUMNS, True, "`who` is string, and a series is of numbers"),
    ("a name that is not there", "maen", COLUMNS, True, "maen"),
]


@pytest.mark.parametrize(
    ("sentence", "text", "columns", "windowed", "message"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_refused(sentence: str, text: str | None, columns: dict[str, Any], windowed: bool, message: str):
    with pytest.raises(ConfigError, match=message):
        the_value(text, Context("m", columns, windowed=windowed))


def test_a_record_detector_asks_for_its_fields():
    judged = the_value("mean / events", Context("m", COLUMNS, windowed=False))
    assert judged.fields(Context("m", COLUMNS, windowed=False)) == {"mean", "events"}
    assert judged.fields(Context("m", COLUMNS)) == frozenset()


def test_what_is_not_finite_is_missing():
    results: Any = Given()
    found = the_value("mean", Context("m", {"mean": "float"})).numbers(results)
    assert np.array_equal(found, [1.0, np.nan, np.nan], equal_nan=True)


class Given:
    """As much of results as a number is read from."""

    def __init__(self):
        self.columns = {"mean": Column("float", numbers=np.array([1.0, np.inf, np.nan]))}

    def __len__(self):
        return 3
