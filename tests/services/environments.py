"""Environments of programs whose pins would fight ours: each its own, made once under ``.cache/`` with uv."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.services.missing import CannotBeHadError

_ROOT = Path(__file__).parents[2]
_CACHE = _ROOT / ".cache"


def environment(name: str, *packages: str) -> Path:
    """The Python of ``.cache/NAME-venv`` with exactly these packages; made anew when they change.

    Several test processes may ask at once; one of them makes it.

    Raises:
        CannotBeHadError: uv or the packages cannot be had.
    """
    folder = _CACHE / f"{name}-venv"
    python = folder / "bin" / "python"
    asked = "\n".join(packages)
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{name}-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ready = folder / "ready"
        if not ready.exists() or ready.read_text() != asked:
            uv = shutil.which("uv") or str(_CACHE / "uv" / "bin" / "uv")
            _say([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
            _say([uv, "pip", "install", "--quiet", "--python", str(python), *packages])
            ready.write_text(asked)
    return python


def _say(command: Sequence[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=_ROOT)
    except FileNotFoundError as error:
        raise CannotBeHadError(f"this environment is made with {command[0]}: {error}") from None
    if done.returncode != 0:
        raise CannotBeHadError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")
