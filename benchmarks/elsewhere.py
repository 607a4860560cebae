"""Environments of the others, each its own, made once under ``.cache/`` with uv and Maven."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.child import REPOSITORY

_CACHE = REPOSITORY / ".cache"


def environment(name: str, *packages: str) -> Path:
    """The Python of a virtual environment with ``packages``.

    Raises:
        RuntimeError: uv could not make it.
    """
    folder = _CACHE / f"{name}-venv"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        _say(["uv", "venv", "--quiet", "--clear", "--python", "3.11", str(folder)])
        _say(["uv", "pip", "install", "--quiet", "--python", str(python), *packages])
        (folder / "ready").touch()
    return python


def jar(artifact: str) -> Path:
    """A jar of Maven Central, such as ``org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2``.

    Raises:
        RuntimeError: Maven could not bring it.
    """
    _, name, version = artifact.split(":")
    folder = _CACHE / "flink-jars"
    file = folder / f"{name}-{version}.jar"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        goal = ["mvn", "-q", "-B", "-ntp", "dependency:copy", f"-Dartifact={artifact}"]
        _say([*goal, f"-DoutputDirectory={folder}"], where=folder)
    return file


def run_job(
    python: Path, script: str, arguments: dict[str, Any], *, env: dict[str, str] | None = None
) -> Any:
    """Run ``benchmarks/SCRIPT`` in another environment with JSON arguments; its last line is its JSON answer."""
    command = [str(python), str(Path(__file__).parent / script), json.dumps(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode != 0:
        raise RuntimeError(f"{script} failed:\n{(done.stdout + done.stderr)[-4000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def _say(command: list[str], where: Path | None = None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=where)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
