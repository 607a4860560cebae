"""Tallies: counts of bins per window that add up, name what is new, and survive a restart."""

import numpy as np
import pytest

from streamgauge.batch import Column, Partition
from streamgauge.kernels import jit
from streamgauge.keys import KeySlots
from streamgauge.statistics.binning import categories, cells
from streamgauge.windows.collected.last_codes import LastCodes
from streamgauge.windows.collected.tally import NAMED, BinCounts
from streamgauge.windows.contract import Rows

COUNTS = BinCounts(("x", "word"), (cells(np.arange(100.0)), categories({"a": 5, "b": 3})))


def columns(numbers, words):
    return {
        "x": Column("float", numbers=np.array(numbers, float)),
        "word": Column("string", values=list(words)),
    }


def tally(numbers, words):
    held = COUNTS.start()
    COUNTS.add(held, COUNTS.read(columns(numbers, words), len(numbers)))
    return held


def rows_of(slots, numbers, words):
    n = len(slots)
    keys = KeySlots()
    keys.slots(["k0", "k1", "k2"])
    zero = np.zeros(n, np.int64)
    return Rows(
        keys, np.array(slots, np.int32), np.arange(n), np.arange(n), zero, zero, 0, columns(numbers, words),
        [Partition("t")], np.zeros(n, np.int32),
    )  # fmt: skip


def test_each_feature_is_counted_by_its_bins():
    counts = COUNTS.folded([tally([1.0, 95.0, np.nan], ["a", None, "new"])])[0]
    assert counts.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1]


def test_unknown_categories_are_named_until_there_are_too_many():
    words = [f"w{n % 20}" for n in range(60)]
    held = tally([0.0] * 60, words)
    assert COUNTS.named_counts(held, 1) == {f"w{n}": 3 for n in range(NAMED)}
    assert COUNTS.folded([held])[0][-1] == 60, "the others are counted together"


def test_parts_merge_by_name_and_not_by_place():
    first, second = tally([0.0] * 3, ["x", "y", "x"]), tally([0.0] * 4, ["y", "z", "y", "a"])
    COUNTS.merge(first, second)
    assert COUNTS.named_counts(first, 1) == {"x": 2, "y": 3, "z": 1}
    assert COUNTS.folded([first])[0][-4:].tolist() == [1, 0, 0, 6]


def test_names_beyond_the_bound_are_pooled_when_parts_merge():
    first = tally([0.0] * NAMED, [f"p{n}" for n in range(NAMED)])
    COUNTS.merge(first, tally([0.0] * 3, ["q", "q", "p1"]))
    assert COUNTS.named_counts(first, 1)["p1"] == 2
    assert "q" not in COUNTS.named_counts(first, 1)
    assert COUNTS.folded([first])[0][-1] == NAMED + 3


def test_a_tally_comes_back_as_it_was():
    held = tally([1.0, np.nan], ["new", "b"])
    back = COUNTS.unpack(COUNTS.pack(held))
    assert back.counts.tolist() == held.counts.tolist()
    assert back.names == held.names


def test_what_is_told_does_not_change_with_what_comes_after():
    held = tally([1.0], ["a"])
    told = COUNTS.tell(held, None).value
    COUNTS.add(held, COUNTS.read(columns([2.0], ["new"]), 1))
    assert told.counts.sum() == 2
    assert told.names == [{}, {}]


@pytest.mark.parametrize("compiled", [False, True])
def test_a_ring_counts_the_last_records_of_each_key(compiled):
    rng = np.random.default_rng(4)
    slots, numbers = rng.integers(-1, 3, 400), rng.integers(0, 100, 400).astype(float)
    words = rng.choice(["a", "b", "new", "other"], 400).tolist()
    ring, reports = LastCodes(COUNTS, 50), np.nonzero(slots == 1)[0]
    with jit.running(compiled=compiled):
        half = 200
        first = ring.take_in(rows_of(slots[:half], numbers[:half], words[:half]), reports[reports < half])
        again = LastCodes(COUNTS, 50)
        saved = ring.tables("codes0")
        again.restore(saved["codes0"], saved["codes0.unknown"])
        late = reports[reports >= half] - half
        second = again.take_in(rows_of(slots[half:], numbers[half:], words[half:]), late)
    for record, found in zip(reports.tolist(), [*first, *second], strict=True):
        own = np.nonzero(slots[: record + 1] == 1)[0][-50:]
        wanted = tally(numbers[own], [words[i] for i in own])
        assert COUNTS.folded([found]).tolist() == COUNTS.folded([wanted]).tolist()
        assert COUNTS.named_counts(found, 1) == COUNTS.named_counts(wanted, 1)


def test_a_forgotten_key_begins_anew():
    ring = LastCodes(COUNTS, 5)
    ring.take_in(rows_of([1, 1, 2], [1.0, 2.0, 3.0], ["a", "a", "b"]), np.array([2]))
    ring.drop(np.array([1], np.int32))
    (found,) = ring.take_in(rows_of([1], [99.0], ["b"]), np.array([0]))
    assert found.counts.sum() == 2
