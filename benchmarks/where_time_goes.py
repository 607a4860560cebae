"""Where the loop spends its time: samples of a whole run, each given to the part that it was in."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks import whole_path
from benchmarks.records import Spec

PARTS = (
    ("_consume (streamgauge/sources/kafka", "the client: librdkafka's messages as Python objects"),
    ("streamgauge/sources/", "values, partitions and offsets out of messages"),
    ("_rows (streamgauge/formats/json.py", "JSON (msgspec)"),
    ("streamgauge/formats/", "columns and event times"),
    ("streamgauge/keys.py", "keys to slots"),
    ("streamgauge/kernels/", "the compiled window loop"),
    ("streamgauge/windows/", "windows around that loop, watermarks"),
    ("streamgauge/stores/", "commits"),
    ("commit (streamgauge/engines/", "commits"),
    ("streamgauge/detectors/", "detectors, incidents"),
    ("streamgauge/expressions/", "detectors, incidents"),
    ("streamgauge/incidents/", "detectors, incidents"),
    ("streamgauge/pipeline.py", "detectors, incidents"),
    ("streamgauge/", "the engine's loop; letting go of what was read"),
)
"""What a frame's text holds, and the part it belongs to; the innermost frame that is known decides."""


def measure(brokers: str, topic: str, spec: Spec) -> list[dict[str, Any]]:
    """One row per part, largest first; ``nanoseconds`` per record are its share of the loop's processor time."""
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder:
        samples = Path(folder) / "samples"
        answer = whole_path.case(brokers, topic, spec, profile=str(samples))
        parts = _shares(samples.read_text())
    total = sum(parts.values())
    each = answer["loop_cpu_seconds"] * 1e9 / answer["records"]
    return [
        {"name": name, "share": round(count / total, 4), "nanoseconds": round(each * count / total)}
        for name, count in parts.most_common()
    ]


def _shares(raw: str) -> Counter[str]:
    """Samples per part, of the loop's thread while it turned."""
    found: Counter[str] = Counter()
    for line in raw.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        if any("watched_turn" in frame for frame in frames):
            found[_part(frames)] += int(count)
    return found


def _part(frames: list[str]) -> str:
    for frame in reversed(frames):
        for sign, name in PARTS:
            if sign in frame:
                return name
    return "measuring"
