"""References as the verb `reference` writes and shows them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streamgauge.statistics.reference import Feature, Reference


def write(made: Reference, out: Path) -> None:
    """Write a file by rename, so that nobody reads half of it.

    Raises:
        OutsideError: it cannot be written.
    """
    from streamgauge.errors import OutsideError
    from streamgauge.statistics.reference_file import encoded

    beside = out.with_name(f"{out.name}.new")
    try:
        beside.write_bytes(encoded(made))
        beside.replace(out)
    except OSError as error:
        raise OutsideError(f"{out} cannot be written: {(error.strerror or str(error)).lower()}") from error


def tell(made: Reference, *, json: bool) -> None:
    """Print what a reference knows of each column."""
    from streamgauge.cli._table import print_lines, print_table

    if json:
        print_lines(_plain(feature) for feature in made.features.values())
        return
    rows = [list(_plain(feature).values()) for feature in made.features.values()]
    print_table(["feature", "kind", "rows", "missing", "bins"], [row[:5] for row in rows], "no columns")


def _plain(feature: Feature) -> dict[str, Any]:
    labels = [*feature.bins.labels, "missing", "unseen"]
    counts = dict(zip(labels, feature.counts.tolist(), strict=True))
    return {
        "feature": feature.name,
        "kind": feature.kind,
        "rows": feature.rows,
        "missing": feature.missing,
        "bins": len(feature.bins.labels),
        "counts": counts,
    }
