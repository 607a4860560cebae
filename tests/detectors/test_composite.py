"""Composite as a truth table: what it makes of the end of a series whose first 300 values are around 10."""

from typing import Any

import pytest

from tests.detectors.series import judged, said, usual

LOW: dict[str, Any] = {"sensitivity": "low"}

ENDINGS: list[tuple[str, dict[str, Any], list[float | None], str]] = [
    ("within a few deviations all is well", LOW, [12.0, 8.0, 10.0], "..."),
    ("six deviations off is an alarm that ends with it", LOW, [17.5, 10.0, 10.0], "!.."),
    ("also below", LOW, [2.5, 10.0], "!."),
    ("not on a side that nobody asked for", {**LOW, "side": "above"}, [2.5], "."),
    ("the mean of the last values moves before any one of them", {"sensitivity": "medium"}, [12.0] * 20, "!"),
    ("a missing value is no data", LOW, [None, 17.5], "?!"),
]


@pytest.mark.parametrize(("sentence", "how", "values", "expected"), ENDINGS, ids=[row[0] for row in ENDINGS])
def test_endings(sentence: str, how: dict[str, Any], values: list[float | None], expected: str):
    found = said("composite", [*usual(300), *values], **how)[300:]
    assert (expected in found) if len(expected) == 1 and len(values) > 1 else found == expected


def test_a_lasting_step_is_accepted_after_the_stated_time_and_teaches_nothing_before():
    found = said(
        "composite", [*usual(300), *[v + 20 for v in usual(120, seed=1)]], accept_after="30m", **LOW
    )[300:]
    assert found == "!" * 30 + "." * 90


def test_it_says_which_number_was_furthest_and_the_band_of_the_value():
    one = judged("composite", [*usual(300), 17.5], **LOW).row(300)
    assert one.evidence["unusual"] in ("value", "difference")
    assert one.expected == pytest.approx(10, abs=0.3)
    assert one.lower == pytest.approx(4, abs=2)
    assert one.upper == pytest.approx(16, abs=2)


def test_a_constant_series_is_fine_and_anything_else_in_it_is_not():
    assert said("composite", [*[5.0] * 200, 5.1], **LOW) == "~" * 150 + "." * 50 + "!"
