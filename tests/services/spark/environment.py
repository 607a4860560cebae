"""Brings Spark, once per clone, into ``.cache/`` (ignored by git): half a minute for 850 MB."""

from __future__ import annotations

import hashlib
import shutil
import sys
from pathlib import Path

from tests.services.fetching import ROOT, alone, maven, program, run, whole

HERE = Path(__file__).parent
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
    with alone(CACHE):
        if not ready.exists() or ready.read_text() != lock:
            uv = shutil.which("uv") or ROOT / ".cache/uv/bin/uv"
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
            run(command, environ={"UV_PROJECT_ENVIRONMENT": str(folder)})
            ready.write_text(lock)
    return folder / "bin" / "python"


def connector() -> str:
    """Spark's Kafka connector, as ``spark.jars`` wants it.

    Raises:
        CannotBeHadError: no Java, no Maven, or no way to Maven Central.
    """
    program("java", "Spark", "openjdk-17-jre-headless")
    folder = CACHE / f"jars-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    with alone(CACHE):
        if not folder.is_dir():
            with whole(folder) as unfinished:
                goal = ("dependency:copy-dependencies", f"-DoutputDirectory={unfinished}")
                maven("Spark's connector", "-f", POM, *goal)
    return ",".join(map(str, sorted(folder.glob("*.jar"))))
