"""What Go's module proxy has: source of others, fetched once into ``.cache/kubernetes/`` (ignored by git)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from tests.services.missing import CannotBeHadError

CACHE = Path(__file__).parents[3] / ".cache" / "kubernetes"


def downloaded(module: str) -> dict[str, str]:
    """Where a module (``path@version``) lies: ``Dir`` its files, ``GoMod`` its go.mod.

    Raises:
        CannotBeHadError: there is no Go, or the module cannot be fetched.
    """
    told: dict[str, str] = json.loads(go("mod", "download", "-json", module))
    return told


def go(*arguments: str, folder: Path = CACHE, seconds: float = 300, **environment: str) -> str:
    """What a command of Go prints.

    Raises:
        CannotBeHadError: there is no Go, or the command failed.
    """
    if shutil.which("go") is None:
        raise CannotBeHadError(
            "Go is needed to fetch what the charts are held against: install Go 1.26 or newer"
        )
    flags = {"GOFLAGS": "-mod=mod", "GOWORK": "off", **environment}
    done = subprocess.run(
        ["go", *arguments], cwd=folder, env={**os.environ, **flags}, capture_output=True, text=True,
        timeout=seconds, check=False,
    )  # fmt: skip
    if done.returncode != 0:
        raise CannotBeHadError(f"`go {' '.join(arguments)}` failed: {(done.stderr or done.stdout)[-500:]}")
    return done.stdout
