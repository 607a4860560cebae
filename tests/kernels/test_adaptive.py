"""The buckets of ``adwin`` hold a window's mean and variance exactly, in a bounded place."""

import numpy as np
import pytest

from streamgauge.kernels import adaptive


def buckets() -> adaptive.Buckets:
    """Those of one key, empty."""
    shape = (1, adaptive.BUCKETS)
    return adaptive.Buckets(
        np.zeros(1), np.zeros(1, np.int32), np.zeros(shape, np.int32), np.zeros(shape), np.zeros(shape),
        np.zeros(shape, np.int64), np.zeros(1),
    )  # fmt: skip


def test_a_window_is_its_newest_values_in_buckets_that_grow_with_age():
    held = buckets()
    values = np.random.default_rng(1).standard_normal(6_000).cumsum()
    for i, value in enumerate(values):
        adaptive.append(held, 0, float(value), i)
        if i in (0, 4, 99, 1_000, 5_999):
            used = int(held.used[0])
            sizes = held.results[0, :used].tolist()
            results, mean, variance = adaptive.whole(held, 0)
            window = values[i + 1 - int(results) : i + 1]
            assert used <= adaptive.BUCKETS
            assert sizes == sorted(sizes, reverse=True)
            assert max(map(sizes.count, sizes)) <= adaptive.ALIKE
            assert held.began[0, 0] == i + 1 - results
            assert mean == pytest.approx(window.mean())
            assert variance == pytest.approx(window.var())
    assert 3_500 < results < 4_100, "the oldest were dropped"
