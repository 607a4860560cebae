"""Brings Flink and its Kafka connector, once per clone, into ``.cache/`` (ignored by git): half a minute for 850 MB."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.services.environments import environment
from tests.services.missing import CannotBeHadError

VERSION = "2.3.0"
CONNECTOR = "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"
_ROOT = Path(__file__).parents[3]
_CACHE = _ROOT / ".cache"
_FUNCTION = Path(__file__).with_name("LookedAt.java")


def python() -> Path:
    """The Python of an environment with Flink alone: its pins would fight ours.

    Raises:
        CannotBeHadError: uv or the packages cannot be had.
    """
    return environment("flink", f"apache-flink=={VERSION}", "setuptools")


def home() -> Path:
    """Flink's own folder in the wheel, with ``bin``, ``lib``, ``opt`` and ``plugins``."""
    return next(python().parents[1].glob("lib/python*/site-packages/pyflink"))


def connector() -> Path:
    """The jar that reads and writes Kafka.

    Raises:
        CannotBeHadError: no Maven, or no way to Maven Central.
    """
    _, name, version = CONNECTOR.split(":")
    folder = _CACHE / "flink-jars"
    file = folder / f"{name}-{version}.jar"
    with _alone():
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            maven = shutil.which("mvn")
            if maven is None:
                raise CannotBeHadError(
                    "Flink's connector comes with Maven; install it, such as `apt-get install maven`"
                )
            goal = ["-q", "-B", "-ntp", "dependency:copy", f"-Dartifact={CONNECTOR}"]
            _say([maven, *goal, f"-DoutputDirectory={folder}"], where=folder)
    return file


def function() -> Path:
    """The jar of ``LookedAt``, which a job calls for each record.

    Raises:
        CannotBeHadError: no Java compiler.
    """
    digest = hashlib.sha256(_FUNCTION.read_bytes()).hexdigest()[:12]
    file = _CACHE / "flink-jars" / f"looked-at-{digest}.jar"
    classpath = f"{home() / 'lib'}/*"
    with _alone():
        if not file.exists():
            compiler = shutil.which("javac")
            if compiler is None:
                raise CannotBeHadError(
                    "Flink's job needs a Java compiler; install it, such as `apt-get install openjdk-17-jdk-headless`"
                )
            with tempfile.TemporaryDirectory() as classes:
                _say([compiler, "--release", "17", "-cp", classpath, "-d", classes, str(_FUNCTION)])
                made = shutil.make_archive(str(Path(classes) / "made"), "zip", classes, "LookedAt.class")
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(made, file)
    return file


@contextmanager
def _alone() -> Iterator[None]:
    """Several test processes may ask at once; one of them fetches."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "flink-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _say(command: Sequence[str], where: Path = _ROOT) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=where)
    except FileNotFoundError as error:
        raise CannotBeHadError(f"the Flink tests need {command[0]}: {error}") from None
    if done.returncode != 0:
        raise CannotBeHadError(f"{' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}")
