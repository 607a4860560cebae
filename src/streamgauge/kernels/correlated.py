"""How far a record lies from the others once it is known which numbers rise and fall together.

The distance of P. C. Mahalanobis, *On the generalised distance in statistics* (1936), of standardised numbers: where two
of them mostly agree, a record in which they do not is far away, though neither number is.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamgauge.kernels.jit import inner

MOST = 64
"""Of more features it is not kept: it takes their square, in memory and per record."""
RIDGE = 1e-3
"""Added to each variance, so that numbers that always agree do not divide by nothing: of what they share, less than
3 % of a deviation is not looked into."""
FLOOR = 1e-3
"""Added before a logarithm is taken."""


class Together(NamedTuple):
    """Which features go together, over all keys.

    ``products`` is float64[D, D]: the mean product of each two; ``root`` the same: its lower Cholesky root as of the last
    making. Both are float64[0, 0] for more than ``MOST`` features.
    """

    products: NDArray[np.float64]
    root: NDArray[np.float64]


@inner
def learn_products(together: Together, learned: NDArray[Any], share: float) -> None:
    """Move the mean products (their lower half) towards those of a record, float64[D]."""
    for a in range(together.products.shape[0]):
        for b in range(a + 1):
            together.products[a, b] += share * (learned[a] * learned[b] - together.products[a, b])


@inner
def make_root(together: Together) -> None:
    """Cholesky's root of the mean products."""
    products, root = together.products, together.root
    for a in range(products.shape[0]):
        for b in range(a + 1):
            rest = products[a, b] + (RIDGE if a == b else 0.0)
            for c in range(b):
                rest -= root[a, c] * root[b, c]
            root[a, b] = math.sqrt(max(rest, RIDGE)) if a == b else rest / root[b, b]


@inner
def apart_together(together: Together, z: NDArray[Any], solved: NDArray[Any]) -> float:
    """Log of the distance of ``z`` (float64[D]; what is missing counts as average) per feature.

    ``solved`` is float64[D] to work in.
    """
    root, total, known = together.root, 0.0, 0
    for a in range(root.shape[0]):
        rest = 0.0
        if not math.isnan(z[a]):
            rest = z[a]
            known += 1
        for b in range(a):
            rest -= root[a, b] * solved[b]
        solved[a] = rest / root[a, a]
        total += solved[a] * solved[a]
    return math.log(FLOOR + math.sqrt(total / max(known, 1)))
