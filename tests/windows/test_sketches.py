"""Estimates keep the error that they state, depend on no order, and come back from bytes as they were."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamgauge.statistics.distinct_count import DistinctCount
from streamgauge.statistics.frequent_items import TRACKED, FrequentItems
from streamgauge.statistics.quantiles import EXACT, MOST, Quantiles

SHARES = (0.0, 0.01, 0.25, 0.5, 0.95, 0.999, 1.0)
DRAW = np.random.default_rng(7)
SERIES = {
    "normal": DRAW.normal(250, 30, 5_000),
    "eight powers of ten, both signs": np.concatenate([10 ** DRAW.uniform(-4, 4, 4_000), -(10 ** DRAW.uniform(-4, 4, 4_000))]),
    "the edges of a double": np.concatenate([DRAW.uniform(-1, 1, 300), [0.0, -0.0, 5e-324, -5e-324, 1.7e308, -1.7e308]]),
    "one value": np.full(1_000, 3.25),
}  # fmt: skip


def quantiles_of(*parts: np.ndarray) -> Quantiles:
    made = Quantiles()
    for part in parts:
        made.add(part)
    return made


def exactly(values: np.ndarray, share: float) -> float:
    return float(np.sort(values)[max(1, int(np.ceil(share * len(values) - 1e-9))) - 1])


@pytest.mark.parametrize("values", SERIES.values(), ids=list(SERIES))
@pytest.mark.parametrize("share", SHARES)
def test_a_quantile_lies_within_its_bounds(values, share):
    found = quantiles_of(values).at(share)
    assert found is not None
    assert found.lower <= exactly(values, share) <= found.upper
    assert found.lower <= found.value <= found.upper


def test_a_quantile_of_values_within_four_powers_of_ten_is_within_a_hundredth():
    values = 10 ** DRAW.uniform(0, 4, 20_000)
    for share in SHARES:
        found = quantiles_of(values).at(share)
        assert found is not None
        assert abs(found.value / exactly(values, share) - 1) < 0.01


def test_few_values_are_exact_and_missing_ones_do_not_count():
    values = DRAW.normal(size=EXACT)
    found = quantiles_of(values, np.array([np.nan, np.inf, -np.inf])).at(0.5)
    assert found is not None
    assert found.value == found.lower == found.upper == exactly(values, 0.5)
    assert Quantiles().at(0.5) is None


@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=40),
    st.integers(1, 40),
    st.randoms(use_true_random=False),
)
@settings(max_examples=30)
def test_quantiles_do_not_depend_on_order_division_or_a_restart(few, repeats, random):
    values = np.concatenate([np.array(few, np.float64), DRAW.normal(size=8 * repeats)])
    shuffled = np.array(random.sample(values.tolist(), len(values)))
    cut = len(values) // 3
    whole, divided, merged, other = (quantiles_of() for _ in range(4))
    whole.add(values)
    for part in (shuffled[:cut], shuffled[cut:]):
        divided = Quantiles.unpack(divided.pack())
        divided.add(part)
    merged.add(shuffled[cut:])
    other.add(shuffled[:cut])
    merged.merge(Quantiles.unpack(other.pack()))
    assert [whole.at(s) for s in SHARES] == [divided.at(s) for s in SHARES] == [merged.at(s) for s in SHARES]


def test_quantiles_are_bounded():
    made = quantiles_of(SERIES["eight powers of ten, both signs"], 10 ** DRAW.uniform(-300, 300, 20_000))
    assert len(made.pack()) <= 16 * MOST + 64


@pytest.mark.parametrize("count", [0, 1, 300, 5_000, 30_000])
def test_a_distinct_count_lies_within_its_bounds_and_forgets_the_order(count):
    forth, back = DistinctCount(), DistinctCount()
    names = [f"käufer-{number}" for number in range(count)]
    forth.add(names)
    back.add(reversed(names))
    back.add(names[: count // 2])
    found = forth.estimate()
    assert found.lower <= count <= found.upper
    assert abs(found.value - count) <= 0.035 * count
    assert back.estimate() == DistinctCount.unpack(forth.pack()).estimate() == found
    assert len(forth.pack()) < 4_400


def test_merged_distinct_counts_are_those_of_the_union():
    left, right, whole = DistinctCount(), DistinctCount(), DistinctCount()
    left.add(range(6_000))
    right.add(range(4_000, 12_000))
    whole.add(range(12_000))
    left.merge(right)
    assert left.estimate() == whole.estimate()


def test_frequent_items_are_exact_while_all_are_tracked():
    words = [f"w{number % 7}" for number in range(100)] + ["ß"] * 5
    made = FrequentItems()
    made.add(words)
    expected = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    assert made.most(3) == [(word, count, count) for word, count in expected[:3]]


def test_frequent_items_lie_within_their_bounds_beyond_and_after_a_merge():
    words = [str(number) for number in DRAW.zipf(1.3, 20_000)]
    left, right = FrequentItems(), FrequentItems()
    left.add(words[:12_000])
    right.add(words[12_000:])
    again = FrequentItems.unpack(left.pack())
    for each in (left, again):
        each.merge(FrequentItems.unpack(right.pack()))
    counts = Counter(words)
    assert len(counts) > TRACKED
    assert left.most(20) == again.most(20)
    for word, lower, upper in left.most(20):
        assert lower <= counts[word] <= upper <= lower + 0.0035 * len(words)
    assert [word for word, _, _ in left.most(3)] == [word for word, _ in counts.most_common(3)]


def test_frequent_items_after_a_restart_go_on_as_without_one():
    words = [str(number) for number in DRAW.zipf(1.2, 12_000)]
    straight, restarted = FrequentItems(), FrequentItems()
    straight.add(words)
    for start in range(0, len(words), 1_000):
        restarted = FrequentItems.unpack(restarted.pack())
        restarted.add(words[start : start + 1_000])
    assert straight.most(50) == restarted.most(50)
