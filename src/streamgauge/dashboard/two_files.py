"""Two tables compared without any server: by ``streamgauge.drift``, told in the shape of the API's answer."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from streamgauge.dashboard.answers import Bin, Drift, Feature
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.statistics.columns import Table
    from streamgauge.statistics.reference import Feature as Known
    from streamgauge.statistics.reference import Reference

METHODS = (
    "psi", "jensen_shannon", "hellinger", "chi_square", "kolmogorov_smirnov", "wasserstein", "gaussian",
)  # fmt: skip
ENDINGS = ("csv", "parquet", "ndjson", "jsonl")
MOST = 200
"""Bins that are drawn."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the reader gave."""

    name: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Asked:
    """How to compare; what is None is the detector's own."""

    method: str = "psi"
    features: Sequence[str] = ()
    warning: float | None = None
    critical: float | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """For ``streamgauge.drift``."""
        given: dict[str, Any] = {
            "features": list(self.features) or None,
            "warning": self.warning,
            "critical": self.critical,
        }
        return {name: value for name, value in given.items() if value is not None}


def table_of(upload: Upload) -> tuple[Any, int]:
    """The columns of a file, or the reference that it is; and how many of its lines are no records.

    Raises:
        ConfigError: it cannot be read.
        SourceError: likewise.
    """
    from streamgauge.sources.table_files import read_table
    from streamgauge.statistics import reference_file

    if upload.name.endswith(".reference"):
        return reference_file.decoded(upload.data), 0
    with tempfile.TemporaryDirectory(prefix="streamgauge-ui-") as folder:
        path = Path(folder) / f"upload{Path(upload.name).suffix.lower()}"
        path.write_bytes(upload.data)
        frame, unreadable = read_table(path)
    if not frame.width or not frame.height:
        raise ConfigError(f"{upload.name} holds no records")
    return frame, unreadable


def columns_of(table: Any) -> list[str]:
    """The names that may be compared."""
    return list(table.features) if hasattr(table, "recipe") else list(table.columns)


def compared(reference: Any, current: pl.DataFrame, asked: Asked) -> tuple[Drift, Sequence[str]]:
    """What differs, and the columns that only the current table has.

    Raises:
        ConfigError: they do not fit each other.
    """
    import streamgauge

    found = streamgauge.drift(reference, current, asked.method, **asked.settings)
    known = reference if hasattr(reference, "recipe") else None
    bins = _bins(known, reference, current, [row["feature"] for row in found])
    features = [_feature(row, bins.get(row["feature"], ())) for row in found]
    features.sort(key=lambda one: -(one.value or 0.0))
    overall = found.overall
    drift = Drift(
        method=asked.method,
        severity=overall["severity"],
        features=features,
        warning=asked.warning,
        critical=asked.critical,
        drifted=overall["drifted"],
    )
    return drift, overall["not_compared"]


def _feature(row: Mapping[str, Any], bins: Sequence[Bin]) -> Feature:
    moved = [{"bin": _name(one), **one} for one in row.get("moved", ())]
    return Feature(
        feature=row["feature"],
        value=row["value"],
        floor=row["floor"],
        state=row["state"],
        severity=row["severity"],
        bins=list(bins),
        moved=moved,
        missing=dict(row.get("missing", {})),
    )


def _name(moved: Mapping[str, Any]) -> str:
    return next((str(moved[key]) for key in ("bin", "of", "at_most") if key in moved), "")


def _bins(
    known: Reference | None, reference: Any, current: pl.DataFrame, names: Sequence[str]
) -> dict[str, list[Bin]]:
    """Shares by bin of each feature."""
    from streamgauge.statistics.columns import table
    from streamgauge.statistics.reference import build

    if known is None:
        raw = table(reference).chosen(names)
        known = build(raw.columns, booleans=raw.booleans)
    given = table(current)
    return {name: _shares(known.features[name], given) for name in names}


def _shares(feature: Known, given: Table) -> list[Bin]:
    from streamgauge.detectors.once import fitting
    from streamgauge.statistics.binning import counts_of

    codes = feature.bins.codes(fitting(feature, given))  # type: ignore[arg-type]
    now = counts_of(codes, feature.bins.labels)
    before = feature.counts
    labels = [*feature.bins.labels, "missing", "unseen"]
    of_before, of_now = max(1, int(before.sum())), max(1, int(now.sum()))
    found = [
        Bin(label, float(before[n]) / of_before, float(now[n]) / of_now) for n, label in enumerate(labels)
    ]
    named = found[:-2]
    return [*named[:MOST], *(one for one in found[-2:] if one.reference or one.current)]
