"""The command line as people start it: a process, its exit code and what it printed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def streamgauge(
    *arguments: str | Path, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streamgauge", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "COLUMNS": "100", **(environ or {})},
    )
