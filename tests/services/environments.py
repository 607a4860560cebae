"""Environments of programs whose pins would fight ours: each its own, made once under ``.cache/`` with uv."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from tests.services.fetching import ROOT, alone, run

_CACHE = ROOT / ".cache"


def environment(name: str, *packages: str) -> Path:
    """The Python of ``.cache/NAME-venv`` with exactly these packages; made anew when they change.

    Several test processes may ask at once; one of them makes it.

    Raises:
        CannotBeHadError: uv or the packages cannot be had.
    """
    folder = _CACHE / f"{name}-venv"
    python = folder / "bin" / "python"
    asked = "\n".join(packages)
    with alone(_CACHE, f"{name}-lock"):
        ready = folder / "ready"
        if not ready.exists() or ready.read_text() != asked:
            uv = shutil.which("uv") or str(_CACHE / "uv" / "bin" / "uv")
            run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)])
            run([uv, "pip", "install", "--quiet", "--python", str(python), *packages])
            ready.write_text(asked)
    return python
