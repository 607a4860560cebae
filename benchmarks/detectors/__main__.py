"""``make bench-detectors``: all parts, one after the other; the tables go into ``README.md`` beside this file.

``STREAMGAUGE_NAB`` and ``STREAMGAUGE_ADBENCH`` name the corpora that are not part of this repository; what is not named
is left out and said.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent / "README.md"
PARTS = {
    "quiet": None,
    "faults": None,
    "speed": None,
    "drift": None,
    "nab": "STREAMGAUGE_NAB",
    "outlier": "STREAMGAUGE_ADBENCH",
    "forecast": "STREAMGAUGE_NAB",
}
"""The modules here, and the variable that names what they read."""


def main() -> None:
    """Run each part in a process of its own; a table replaces the one before it."""
    for part, needed in PARTS.items():
        if needed and not os.environ.get(needed):
            print(f"{part}: left out, {needed} names no folder")
            continue
        command = [sys.executable, "-m", f"benchmarks.detectors.{part}"]
        made = subprocess.run(command, text=True, stdout=subprocess.PIPE, check=False)
        print(f"{part}:\n{made.stdout}")
        if made.returncode == 0:
            keep(part, made.stdout)


def keep(part: str, text: str) -> None:
    """Put a table in its place, where the page has one."""
    place = re.compile(rf"(<!-- measured: {part} -->\n).*?(<!-- end -->)", re.DOTALL)
    page = README.read_text("utf-8")
    README.write_text(place.sub(lambda found: f"{found[1]}{text.strip()}\n{found[2]}", page), "utf-8")


if __name__ == "__main__":
    main()
