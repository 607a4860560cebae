"""Brings Prometheus: the machine's own, or Debian's package unpacked into ``.cache/prometheus/`` (ignored by git)."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from tests.services.fetching import alone, debian

CACHE = Path(__file__).parents[3] / ".cache" / "prometheus"


def program(name: Literal["prometheus", "promtool"]) -> Path:
    """Where it lies; several processes may ask at once, one of them fetches.

    Raises:
        CannotBeHadError: it is not installed, and there is no package of it.
    """
    own = shutil.which(name)
    if own is not None:
        return Path(own)
    file = CACHE / "usr" / "bin" / name
    if not file.exists():
        with alone(CACHE):
            if not file.exists():
                debian("prometheus", CACHE)  # its programs are static but for libc
    return file
