"""Brings Spark, once per clone, into ``.cache/`` (ignored by git): half a minute for 850 MB."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.services.missing import CannotBeHadError

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
CACHE = ROOT / ".cache" / "spark"
POM = HERE / "pom.xml"
EXTRAS = ("spark", "model")
"""Of this project: what the environment has."""


def python() -> Path:
    """The Python of an environment with this project, its extras ``spark`` and ``model``, and what the lock file says.

    Raises:
        CannotBeHadError: uv or the packages cannot be had.
    """
    folder = CACHE / "venv"
    lock = hashlib.sha256(
        (ROOT / "uv.lock").read_bytes() + (ROOT / "pyproject.toml").read_bytes() + " ".join(EXTRAS).encode()
    ).hexdigest()
    ready = folder / "ready"
    with _alone():
        if not ready.exists() or ready.read_text() != lock:
            uv = _program("uv", "pip install uv") if shutil.which("uv") else ROOT / ".cache/uv/bin/uv"
            command = [
                uv,
                "sync",
                "--frozen",
                "--quiet",
                "--no-dev",
                *(word for extra in EXTRAS for word in ("--extra", extra)),
                "--python",
                sys.executable,
            ]
            _say(command, {"UV_PROJECT_ENVIRONMENT": str(folder)})
            ready.write_text(lock)
    return folder / "bin" / "python"


def connector() -> str:
    """Spark's Kafka connector, as ``spark.jars`` wants it.

    Raises:
        CannotBeHadError: no Java, no Maven, or no way to Maven Central.
    """
    _program("java", "apt-get install openjdk-17-jre-headless")
    folder = CACHE / f"jars-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    with _alone():
        if not folder.is_dir():
            maven = _program("mvn", "apt-get install maven")
            unfinished = folder.with_suffix(".part")
            shutil.rmtree(unfinished, ignore_errors=True)
            goal = ["dependency:copy-dependencies", f"-DoutputDirectory={unfinished}"]
            _say([maven, "-q", "-B", "-ntp", "-f", POM, *goal], {})
            unfinished.rename(folder)
    return ",".join(map(str, sorted(folder.glob("*.jar"))))


class _alone:  # noqa: N801  a context, read like a word
    """Several test processes may ask at once; one of them fetches."""

    def __enter__(self) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        self._lock = (CACHE / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self._lock.close()


def _program(name: str, how: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise CannotBeHadError(f"the Spark tests need {name}; install it, such as `{how}`")
    return found


def _say(command: Sequence[str | Path], environ: dict[str, str]) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(
        words, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, **environ}
    )
    if done.returncode != 0:
        raise CannotBeHadError(f"{' '.join(words)} failed:\n{(done.stdout + done.stderr)[-2000:]}")
