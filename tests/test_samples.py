"""The records shown with an incident."""

from typing import Any

import pytest

from streamgauge.samples import REACH
from tests.replaying import FIELDS, config, record, run

MASKED = {**FIELDS, "w": {"type": "string", "mask": True}}


def samples(rows: list[dict[str, Any]], **more: Any) -> list[dict[str, Any]]:
    window = {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(w)"}}
    monitor = {"window": window, "detect": {"type": "threshold", "when": "n > 2"}, **more}
    configured = config({"m": monitor}, fields=MASKED)
    found: list[list[dict[str, Any]]] = []
    for size in (100_000, max(1, len(rows) // 5)):
        lines = run(configured, rows, batch_size=size).lines
        found.append(next(line["samples"] for line in lines if line["kind"] == "incident"))
    assert found[0] == found[1]
    return found[0]


def test_the_last_records_of_the_key_in_that_window_up_to_the_one_that_decided():
    rows = [record(t, "a", w=f"w{t}") for t in (4, 5, 6, 7, 8, 9)]
    assert [sample["at"][-7:-5] for sample in samples(rows)] == ["05", "06", "07"]


def test_other_keys_are_not_shown():
    rows = [record(5, "a", w="x"), record(5, "b", w="x"), record(6, "a", w="x"), record(7, "a", w="x")]
    assert [sample["k"] for sample in samples(rows)] == ["a", "a", "a"]


def test_as_many_as_asked_for():
    rows = [record(t, "a", w="x") for t in (5, 6, 7)]
    assert len(samples(rows, samples=1)) == 1
    assert samples(rows, samples=0) == []


def test_masked_fields_are_masked_and_missing_ones_stay_missing():
    rows = [
        record(5, "a", w="secret"),
        record(5.5, "a"),
        record(6, "a", w="secret"),
        record(7, "a", w="secret"),
    ]
    assert [sample["w"] for sample in samples(rows, samples=4)] == ["***", None, "***", "***"]


def test_moments_are_shown_as_people_read_them():
    rows = [record(t, "a", w="x") for t in (5, 6, 7)]
    assert samples(rows)[0]["at"] == "1970-01-01T00:00:05.000Z"


@pytest.mark.parametrize(("between", "shown"), [(REACH - 4, 3), (REACH + 10, 1)])
def test_they_are_looked_for_so_many_records_back(between: int, shown: int):
    rows = [
        record(5, "a", w="x"),
        record(5, "a", w="x"),
        *[record(6, "b") for _ in range(between)],
        record(7, "a", w="x"),
    ]
    assert len(samples(rows)) == shown
