"""One window of a drift monitor beside its reference, feature by feature, as people look at it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from streamgauge.batch import FloatArray
from streamgauge.detectors.against_reference import STATES, AgainstReference, Judged, judge
from streamgauge.statistics.binning import MISSING, UNSEEN, Cells
from streamgauge.statistics.comparison import CellComparison, NormalComparison, Seen, starts_of
from streamgauge.statistics.reference import Feature
from streamgauge.verdict import Severity

BARS = 20
"""Bars that are drawn of a distribution that is compared by narrow cells."""

_WORDS = ("ok", "warning", "critical")


def compared(detector: AgainstReference, seen: Seen) -> tuple[list[dict[str, Any]], Severity]:
    """Each feature of the one window in ``seen``, the most drifted first; and what is said of the window."""
    judged = judge(detector.comparison, seen, detector.warning, detector.critical)
    enough = int(seen.rows[0]) >= detector.least
    order = judged.order(0)
    features = [_feature(detector, judged, seen, f, enough=enough) for f in order]
    if not enough:
        return features, Severity.NOT_ENOUGH_DATA
    return features, Severity(int(judged.states[0].max(initial=0)))


def _feature(
    detector: AgainstReference, judged: Judged, seen: Seen, f: int, *, enough: bool
) -> dict[str, Any]:
    feature = detector.comparison.features[f]
    state = int(judged.states[0, f]) if enough else 0
    masked = feature.name in detector.masked
    normal = isinstance(detector.comparison, NormalComparison)
    bins = [] if normal else _bins(detector, seen, f)
    return {
        "feature": feature.name,
        "kind": feature.kind,
        "value": _plain(judged.values[0, f]),
        "floor": _plain(judged.floors[0, f]),
        "state": STATES[state],
        "severity": _WORDS[state],
        "masked": masked,
        "missing": _missing(feature, seen, bins, f),
        "bins": [] if masked else bins,
        "moments": None if masked or not normal else _moments(feature, seen, f),
        "moved": detector.comparison.moved(seen, 0, f) if state and not masked else [],
    }


def _bins(detector: AgainstReference, seen: Seen, f: int) -> list[dict[str, Any]]:
    comparison = detector.comparison
    by_cells = isinstance(comparison, CellComparison)
    every = [feature.fine[0] if by_cells else feature.bins for feature in comparison.features]
    start = int(starts_of(every)[f])
    feature, bins = comparison.features[f], every[f]
    count = len(bins.labels)
    now = seen.counts[0, start : start + count + 2].astype(np.float64) / max(1, int(seen.rows[0]))
    if by_cells:
        held = np.concatenate([feature.fine[1], [feature.missing, 0.0]])
    else:
        held = feature.counts.astype(np.float64)
    before = held / max(1.0, float(held.sum()))
    bounds = _bounds(bins) if isinstance(bins, Cells) else [(None, None)] * count
    shown: list[dict[str, Any]] = [
        {"bin": label, "low": low, "high": high, "reference": float(before[b]), "current": float(now[b])}
        for b, (label, (low, high)) in enumerate(zip(bins.labels, bounds, strict=True))
    ]
    if by_cells:
        shown = _wider(shown)
    for b, label in ((count, MISSING), (count + 1, UNSEEN)):
        if before[b] or now[b]:
            shown.append({"bin": label, "low": None, "high": None,
                          "reference": float(before[b]), "current": float(now[b])})  # fmt: skip
    return [
        one | {"reference": round(one["reference"], 6), "current": round(one["current"], 6)} for one in shown
    ]


def _bounds(bins: Cells) -> list[tuple[float | None, float | None]]:
    """By bin, from where to where; a bin of one value begins and ends there."""
    lower = np.concatenate([[-np.inf], bins.edges])
    upper = np.concatenate([bins.edges, [np.inf]])
    found: list[tuple[float | None, float | None]] = []
    for b in range(len(bins.labels)):
        mine = bins.table == b
        low, high = (lower[mine].min(), upper[mine].max()) if mine.any() else (-np.inf, np.inf)
        low = high if np.nextafter(high, -np.inf) == low else low
        found.append((_plain(low), _plain(high)))
    return found


def _wider(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbours together, so that each bar holds about the same share of the reference."""
    bars: list[dict[str, Any]] = []
    upto = 0.0
    for cell in cells:
        place = min(BARS - 1, int(upto * BARS))
        upto += cell["reference"]
        if bars and bars[-1]["place"] == place:
            bar = bars[-1]
            bar["high"] = cell["high"]
            bar["reference"] += cell["reference"]
            bar["current"] += cell["current"]
        else:
            bars.append({**cell, "place": place})
    for bar in bars:
        del bar["place"]
        low, high = bar["low"], bar["high"]
        bar["bin"] = (
            f"> {low:.6g}" if high is None and low is not None
            else f"<= {high:.6g}" if low is None and high is not None
            else "any number" if low is None or high is None
            else f"({low:.6g}, {high:.6g}]"
        )  # fmt: skip
    return bars


def _missing(feature: Feature, seen: Seen, bins: list[dict[str, Any]], f: int) -> dict[str, float]:
    before = feature.missing / max(1, feature.rows)
    if seen.known is not None:
        now = 1 - float(seen.known[0, f]) / max(1, int(seen.rows[0]))
    else:
        now = next((one["current"] for one in bins if one["bin"] == MISSING), 0.0)
    return {"reference": round(before, 6), "current": round(max(0.0, now), 6)}


def _moments(feature: Feature, seen: Seen, f: int) -> dict[str, dict[str, float | None]]:
    assert seen.means is not None
    assert seen.deviations is not None
    of = feature.moments
    return {
        "reference": {"mean": of.mean if of else None, "deviation": of.deviation if of else None},
        "current": {"mean": _plain(seen.means[0, f]), "deviation": _plain(seen.deviations[0, f])},
    }


def _plain(number: FloatArray | float) -> float | None:
    value = float(number)
    return value if math.isfinite(value) else None
