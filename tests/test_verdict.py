"""Rows of verdicts: one answer for all or one each, and what people read of them."""

from typing import Any

import numpy as np

from streamgauge.batch import Column
from streamgauge.keys import KeySlots
from streamgauge.verdict import Verdicts


def verdicts(count: int, **more: Any) -> Verdicts:
    keys, zeros = KeySlots(), np.zeros(count, np.int64)
    no = np.zeros(count, np.bool_)
    return Verdicts(
        "m", keys, keys.whole(count), zeros.astype(np.int8), zeros, zeros, zeros, no, no, zeros, {}, zeros, zeros, **more
    )  # fmt: skip


def test_expected_is_one_answer_or_one_per_row():
    for expected in ([1, 2], np.array([1.0, 2.0]), Column("float", numbers=np.array([1.0, 2.0]))):
        both = verdicts(2, expected=expected)
        assert [v.expected for v in both.all_rows()] == [1, 2]
        assert both.take(np.array([1])).row(0).expected == 2
    assert verdicts(2, expected="v <= 3").row(1).expected == "v <= 3"
    assert verdicts(1, expected=np.array([np.nan])).row(0).expected is None


def test_evidence_is_a_mapping_per_row_or_columns_of_which_a_row_shows_what_it_has():
    rows = verdicts(2, evidence=[{"a": 1}, {}])
    columns = verdicts(2, evidence={"a": Column("float", numbers=np.array([1.0, np.nan]))})
    for both in (rows, columns, columns.take(np.array([0, 1]))):
        assert [dict(v.evidence) for v in both.all_rows()] == [{"a": 1}, {}]


def test_people_read_strength_rarity_and_band_before_what_moved():
    week = np.array([1 / (7 * 86_400)])
    one = verdicts(
        1,
        score=np.array([0.75]),
        rarity=week,
        lower=np.array([1.0]),
        upper=np.array([3.0]),
        evidence=[{"x": 1}],
    )
    assert one.row(0).grounds == {
        "score": 0.75,
        "rarity": "once per week",
        "lower": 1.0,
        "upper": 3.0,
        "x": 1,
    }
    assert verdicts(1).row(0).grounds == {}
