"""``make bench-detectors``: all parts, one after the other; the tables go into ``README.md`` beside this file.

``STREAMGAUGE_NAB`` and ``STREAMGAUGE_ADBENCH`` name the corpora that are not part of this repository; what is not named
is left out and said. Names of parts as arguments run only these. The same tables go, as JSON, to ``benchmarks/results/``.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

README = Path(__file__).parent / "README.md"
RESULTS = Path(__file__).parents[1] / "results"
PARTS = {
    "quiet": None,
    "faults": None,
    "stable": None,
    "speed": None,
    "drift": None,
    "distances": None,
    "nab": "STREAMGAUGE_NAB",
    "outlier": "STREAMGAUGE_ADBENCH",
    "pairs": None,
    "forecast": "STREAMGAUGE_NAB",
    "addresses": None,
}
"""The modules here, and the variable that names what they read."""


def main() -> None:
    """Run each part in a process of its own; a table replaces the one before it."""
    for part, needed in PARTS.items():
        if sys.argv[1:] and part not in sys.argv[1:]:
            continue
        if needed and not os.environ.get(needed):
            print(f"{part}: left out, {needed} names no folder")
            continue
        command = [sys.executable, "-m", f"benchmarks.detectors.{part}"]
        one = {
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",
        }  # as the others have it; two would wait for each other
        made = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=False, env=one)
        print(f"{part}:\n{made.stdout}", flush=True)
        if made.returncode == 0:
            keep(part, made.stdout)


def keep(part: str, text: str) -> None:
    """Put a table in its place, where the page has one, and its rows into today's results."""
    place = re.compile(rf"(<!-- measured: {part} -->\n).*?(<!-- end -->)", re.DOTALL)
    page = README.read_text("utf-8")
    README.write_text(place.sub(lambda found: f"{found[1]}{text.strip()}\n{found[2]}", page), "utf-8")
    now = dt.datetime.now(dt.UTC)
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{now:%Y-%m-%d}-detectors.json"
    held = json.loads(file.read_text("utf-8")) if file.exists() else {}
    held[part] = {"at": f"{now:%Y-%m-%dT%H:%MZ}", "cpu": _processor(), "python": platform.python_version()}
    held[part] |= {"rows": rows(text), "said": said(text)}
    file.write_text(json.dumps(held, indent=1, ensure_ascii=False) + "\n", "utf-8")


def rows(text: str) -> list[dict[str, Any]]:
    """The rows of a table in Markdown, by its heads; a head that stands twice is numbered."""
    table = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"
    ]
    if len(table) < 2:
        return []
    heads: list[str] = []
    for head in table[0]:
        heads.append(head if head not in heads else f"{head} {heads.count(head) + 1}")
    return [dict(zip(heads, line, strict=False)) for line in table[2:]]


def said(text: str) -> list[str]:
    """What stands beside the table."""
    return [line for line in text.splitlines() if line and line[:1] != "|"]


def _processor() -> str:
    """The machine, as it calls itself."""
    info = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.*)", info.read_text()) if info.exists() else []
    return f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores"


if __name__ == "__main__":
    main()
