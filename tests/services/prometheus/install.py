"""Brings Prometheus: the machine's own, or Debian's package unpacked into ``.cache/prometheus/`` (ignored by git)."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path
from typing import Literal

from tests.services.missing import CannotBeHadError

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
        CACHE.mkdir(parents=True, exist_ok=True)
        with (CACHE / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not file.exists():
                _fetch()
    return file


def _fetch() -> None:
    """The package needs no installing: its programs are static but for libc."""
    what = "install it, such as `apt-get install prometheus`"
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise CannotBeHadError(f"Prometheus is not here: {what}")
    for before in CACHE.glob("*.deb"):
        before.unlink()
    done = subprocess.run(
        ["apt-get", "download", "prometheus"], cwd=CACHE, capture_output=True, text=True, check=False
    )
    packages = list(CACHE.glob("*.deb"))
    if done.returncode != 0 or not packages:
        raise CannotBeHadError(f"Prometheus is not here, and cannot be fetched: {what}\n{done.stderr[-500:]}")
    subprocess.run(["dpkg-deb", "-x", str(packages[0]), str(CACHE)], check=True, capture_output=True)
    packages[0].unlink()
