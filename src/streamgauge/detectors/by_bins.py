"""Drift detectors that count bins: what their windows keep, and how results are read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from streamgauge.batch import ColumnKind
from streamgauge.detectors.against_reference import (
    AgainstReference,
    Family,
    ReferenceConfig,
    checked,
    chosen,
    no_window,
)
from streamgauge.detectors.contract import Context
from streamgauge.statistics.binning import Categories, Cells
from streamgauge.statistics.comparison import Seen
from streamgauge.statistics.reference import Feature
from streamgauge.windows.aggregates import Part
from streamgauge.windows.collected.tally import BinCounts, Tallied, Tally
from streamgauge.windows.contract import WindowResults

COUNTED = "bins of the reference"
"""The column of results that holds the counts."""


def tallied(config: ReferenceConfig, family: Family, kinds: Mapping[str, ColumnKind]) -> Mapping[str, Part]:
    """The counts that a window keeps for a detector.

    Raises:
        ConfigError: the reference does not fit the stream.
    """
    counts = _counts(checked(config, family, kinds), family)
    return {COUNTED: Tallied(_text(counts), counts)}


def detector_of(
    config: ReferenceConfig, family: Family, context: Context, warning: float, critical: float
) -> AgainstReference:
    """The detector of one monitor.

    Raises:
        ConfigError: the reference cannot be read or does not fit, or there is no window.
    """
    no_window(family, context)
    features = chosen(config, family)
    counts = _counts(features, family)
    return AgainstReference(
        context.monitor, family, family.compare(features), _Look(counts), warning, critical, config.min,
        frozenset([COUNTED]), context.masked,
    )  # fmt: skip


class _Look:
    """Reads the counts out of results."""

    def __init__(self, counts: BinCounts) -> None:
        self._counts = counts
        self._first = slice(0, len(counts.bins[0].labels) + 2)

    def __call__(self, results: WindowResults) -> Seen:
        """All windows at once."""
        tallies: list[Tally] = results.columns[COUNTED].values() if len(results) else []
        counts = self._counts.folded(tallies)
        rows = counts[:, self._first].sum(axis=1)

        def unseen(row: int, feature: int) -> dict[str, int]:
            is_category = isinstance(self._counts.bins[feature], Categories)
            return self._counts.named_counts(tallies[row], feature) if is_category else {}

        return Seen(rows, counts, unseen=unseen)


def _counts(features: Sequence[Feature], family: Family) -> BinCounts:
    bins = tuple(feature.fine[0] if family.numbers else feature.bins for feature in features)
    return BinCounts(tuple(feature.name for feature in features), bins)


def _text(counts: BinCounts) -> str:
    """Names what is counted and by which bins."""
    from hashlib import blake2b

    digest = blake2b(digest_size=8)
    for name, bins in zip(counts.features, counts.bins, strict=True):
        digest.update(repr((name, bins.labels)).encode())
        digest.update(_content(bins))
    return f"tally {digest.hexdigest()}"


def _content(bins: Cells | Categories) -> bytes:
    if isinstance(bins, Cells):
        return bins.edges.tobytes() + bins.table.tobytes()
    plain: Any = (list(bins.code_of.items()), bins.whole)
    return repr(plain).encode()
