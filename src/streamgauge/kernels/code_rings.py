"""Running counts over the last N records of a key: each record's codes come in, those of the record before N go."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import kernel


class CodeRings(NamedTuple):
    """The last N records per slot, as codes. S slots, N records, F features, W counts."""

    codes: NDArray[np.int16]  # [S, N, F]
    counts: NDArray[np.int64]  # [S, W], of the records held
    held: NDArray[np.int64]  # [S], how many were ever written


@kernel
def roll_codes(
    slots: NDArray[Any],
    codes: NDArray[Any],
    bases: NDArray[Any],
    rings: CodeRings,
    reports: NDArray[Any],
    counts: NDArray[Any],
) -> None:
    """Write records into their rings; what they count at each report goes to ``counts``.

    Args:
        slots: int32[n]; records with a negative one are passed over.
        codes: int16[F, n], a number of a bin for each feature.
        bases: int64[F], where each feature's counts begin.
        rings: changed in place.
        reports: int64[R], ascending: the records after which counts are wanted.
        counts: int64[R, W], filled.
    """
    size = rings.codes.shape[1]
    features = codes.shape[0]
    told = 0
    for i in range(slots.shape[0]):
        slot = slots[i]
        if slot < 0:
            continue
        held = rings.held[slot]
        at = held % size
        for f in range(features):
            if held >= size:
                rings.counts[slot, bases[f] + rings.codes[slot, at, f]] -= 1
            rings.codes[slot, at, f] = codes[f, i]
            rings.counts[slot, bases[f] + codes[f, i]] += 1
        rings.held[slot] = held + 1
        if told < reports.shape[0] and reports[told] == i:
            for w in range(counts.shape[1]):
                counts[told, w] = rings.counts[slot, w]
            told += 1


@kernel
def count_again(rings: CodeRings, bases: NDArray[Any]) -> None:
    """Make the counts anew from the codes held."""
    rings.counts[:] = 0
    size = rings.codes.shape[1]
    for slot in range(rings.held.shape[0]):
        for at in range(min(rings.held[slot], size)):
            for f in range(rings.codes.shape[2]):
                rings.counts[slot, bases[f] + rings.codes[slot, at, f]] += 1
