"""``python -m benchmarks.detectors.nab FOLDER``: series detectors on a copy of the Numenta Anomaly Benchmark's corpus.

FOLDER (or ``STREAMGAUGE_NAB``) holds ``data/*/*.csv`` and ``labels/combined_windows.json`` of github.com/numenta/NAB; it may
be a part of it. Every series goes through ``streamgauge.score`` with default settings: one value after the other, nothing
known of range, length or labels. Scored as the benchmark describes: rows of probation never count, the first detection in a
labelled window counts the more the earlier it is, each detection outside costs, a missed window costs; one threshold per
profile for the whole corpus, the best (``own``), or for each folder the best of all other folders (``others``).
"""

from __future__ import annotations

import csv
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import streamgauge

PROFILES = {"standard": (0.11, 1.0), "low FP": (0.22, 1.0), "low FN": (0.11, 2.0)}
"""What a detection outside every window costs, and what a missed window does; a hit is worth at most 1."""

DETECTORS = ("auto", "composite", "seasonal")
CUTS = (0.3, 0.6, 0.9)


@dataclass(frozen=True, slots=True)
class Series:
    """One file. ``worth`` is what a detection in each row would bring or cost, ``window`` which window it lies in or -1."""

    folder: str
    times: NDArray[np.datetime64]
    values: NDArray[np.float64]
    worth: NDArray[np.float64]
    window: NDArray[np.int64]
    windows: int


def corpus(folder: Path) -> list[Series]:
    """All files that are there, with their windows."""
    labels = json.loads((folder / "labels/combined_windows.json").read_text("utf-8"))
    return [
        _series(folder / "data" / name, labels[name])
        for name in sorted(labels)
        if (folder / "data" / name).exists()
    ]


def _series(path: Path, labelled: Sequence[tuple[str, str]]) -> Series:
    with path.open(encoding="utf-8", newline="") as file:
        rows = [(row["timestamp"], float(row["value"])) for row in csv.DictReader(file)]
    times = np.array([moment for moment, _ in rows], "datetime64[us]")
    count = len(rows)
    worth, window = np.full(count, -1.0), np.full(count, -1)
    bounds = sorted(
        (
            int(np.searchsorted(times, np.datetime64(a))),
            int(np.searchsorted(times, np.datetime64(b), "right")) - 1,
        )
        for a, b in labelled
    )
    bounds = [(a, b) for a, b in bounds if b >= a]
    for k, (first, last) in enumerate(bounds):
        until = bounds[k + 1][0] if k + 1 < len(bounds) else count
        worth[last + 1 : until] = _sigmoid((np.arange(last + 1, until) - last) / max(last - first, 1))
    for k, (first, last) in enumerate(bounds):
        inside = np.arange(first, last + 1)
        worth[inside] = _sigmoid(-(last - inside + 1) / (last - first + 1)) / _sigmoid(np.array(-1.0))
        window[inside] = k
    window[: min(int(0.15 * count), 750)] = -2  # probation
    return Series(path.parent.name, times, np.array([value for _, value in rows]), worth, window, len(bounds))


def _sigmoid(y: Any) -> Any:
    return np.where(y > 3, -1.0, 2 / (1 + np.exp(5 * np.minimum(y, 3))) - 1)


def raw(
    series: Sequence[Series], scores: Sequence[NDArray[np.float64]], limit: float, costs: tuple[float, float]
) -> float:
    """The sum over series at one threshold: rows whose score is at least that are detections."""
    outside, missed = costs
    total = 0.0
    for one, score in zip(series, scores, strict=True):
        found = score >= limit
        total += outside * float(one.worth[found & (one.window == -1)].sum())
        for k in range(one.windows):
            hits = np.flatnonzero(found & (one.window == k))
            total += float(one.worth[hits[0]]) if len(hits) else -missed
    return total


def best(
    series: Sequence[Series], scores: Sequence[NDArray[np.float64]], costs: tuple[float, float]
) -> float:
    """The threshold that would have been best."""
    some = np.unique(np.concatenate([score[score > 0] for score in scores]))[::-1]
    places = np.unique(np.geomspace(1, len(some), 600).astype(int)) - 1  # the high ones matter, each of them
    limits = some[places]
    found: float = max([*limits.tolist(), 2.0], key=lambda limit: raw(series, scores, limit, costs))
    return found


def normalised(total: float, windows: int, missed: float) -> float:
    """0 for a detector that says nothing, 100 for one that is right at once and never wrong."""
    return 100 * (total + missed * windows) / (windows + missed * windows)


def measure(folder: Path, detectors: Sequence[str] = DETECTORS) -> Iterator[dict[str, Any]]:
    """One row per detector."""
    series = corpus(folder)
    points, windows = sum(len(one.values) for one in series), sum(one.windows for one in series)
    for name in detectors:
        streamgauge.score(np.zeros(3_000), name, times=np.arange(3_000))  # compiled and warm
        began = time.process_time()
        scores = [_scores(name, one) for one in series]
        seconds = time.process_time() - began
        row: dict[str, Any] = {"detector": name, "series": len(series), "points": points, "windows": windows}
        for profile, costs in PROFILES.items():
            own = raw(series, scores, best(series, scores, costs), costs)
            others = sum(
                _left_out(series, scores, part, costs) for part in sorted({one.folder for one in series})
            )
            row[profile] = {
                "own": normalised(own, windows, costs[1]),
                "others": normalised(others, windows, costs[1]),
            }
        row["points_per_second"] = points / seconds
        row["online"] = sum(_is_online(name, one, score) for one, score in zip(series, scores, strict=True))
        yield row


def _scores(name: str, one: Series, stop: int | None = None) -> NDArray[np.float64]:
    frame = streamgauge.score(one.values[:stop], name, times=one.times[:stop])
    return frame["score"].fill_null(0.0).to_numpy()


def _left_out(
    series: Sequence[Series], scores: Sequence[NDArray[np.float64]], part: str, costs: tuple[float, float]
) -> float:
    """What one folder brings at the threshold that is best for all others."""
    apart = [(one, score) for one, score in zip(series, scores, strict=True) if one.folder == part]
    rest = [(one, score) for one, score in zip(series, scores, strict=True) if one.folder != part]
    limit = best([one for one, _ in rest], [score for _, score in rest], costs)
    return raw([one for one, _ in apart], [score for _, score in apart], limit, costs)


def _is_online(name: str, one: Series, whole: NDArray[np.float64]) -> bool:
    """Whether later rows change nothing about earlier ones."""
    stops = [int(len(one.values) * cut) for cut in CUTS]
    return all(np.array_equal(_scores(name, one, stop), whole[:stop]) for stop in stops)


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = [
        "| detector | standard / low FP / low FN, own threshold | by leave-one-folder-out | points/s of CPU | online |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        own, others = (" / ".join(f"{row[p][which]:.1f}" for p in PROFILES) for which in ("own", "others"))
        rate = f"{row['points_per_second'] / 1e6:.2f} M"
        lines.append(
            f"| `{row['detector']}` | {own} | {others} | {rate} | {row['online']} of {row['series']} series |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("STREAMGAUGE_NAB", "")
    if not folder:
        sys.exit(
            "name a copy of the corpus: python -m benchmarks.detectors.nab FOLDER, or set STREAMGAUGE_NAB"
        )
    print(table(list(measure(Path(folder)))))


if __name__ == "__main__":
    main()
