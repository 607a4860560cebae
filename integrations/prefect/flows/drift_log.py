# ruff: noqa: INP001  a folder of scripts: Prefect loads them by their paths
"""The log of drift: a line per slice in a CSV file, as ``streamgauge.drift_stream`` writes it too."""

from __future__ import annotations

import fcntl
from pathlib import Path

HEADER = "timestamp,psi_score,drift_status\n"


def noted(file: Path, moment: str, score: float, status: str) -> bool:
    """Append a line, unless it stands there; False: it did. Two runs at once wait for each other.

    A line that a power cut left unfinished is completed to a line of its own, and ours comes below it.
    """
    line = f"{moment},{score:.6f},{status}\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a+", encoding="utf-8", newline="") as log:
        fcntl.flock(log, fcntl.LOCK_EX)
        log.seek(0)
        before = log.read()
        if line in before.splitlines(keepends=True):
            return False
        log.write(("" if before else HEADER) + ("\n" if before and not before.endswith("\n") else "") + line)
    return True
