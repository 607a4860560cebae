"""The compiled pass finds the bins that NumPy finds, at edges, beyond them, and for what is missing."""

import numpy as np
import pytest

from streamgauge.kernels import jit
from streamgauge.kernels.bin_codes import bin_codes
from streamgauge.statistics import binning


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("bins", [2, 10, 17, 200])
def test_bins_are_those_that_numpy_finds(bins, compiled):
    rng = np.random.default_rng(bins)
    cells = binning.cells(rng.normal(size=1_000), bins=bins)
    numbers = np.concatenate([rng.normal(size=200), cells.edges, [np.nan, np.inf, -np.inf, -0.0]])
    found = np.empty(len(numbers), np.int16)
    with jit.running(compiled=compiled):
        bin_codes(numbers, cells.edges, cells.table, len(cells.labels), found)
    assert found.tolist() == cells.codes(numbers).tolist()


def test_a_reference_of_nothing_but_missing_values_has_one_bin():
    cells = binning.cells(np.array([np.nan, np.nan]))
    found = np.empty(2, np.int16)
    bin_codes(np.array([1.0, np.nan]), cells.edges, cells.table, len(cells.labels), found)
    assert found.tolist() == cells.codes(np.array([1.0, np.nan])).tolist()
