"""Brings Flink and its Kafka connector, once per clone, into ``.cache/`` (ignored by git): half a minute for 850 MB."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path

from tests.services.environments import environment
from tests.services.fetching import ROOT, alone, maven, program, run

VERSION = "2.3.0"
CONNECTOR = "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"
_CACHE = ROOT / ".cache"
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
    with alone(_CACHE, "flink-lock"):
        if not file.exists():
            folder.mkdir(parents=True, exist_ok=True)
            goal = ("dependency:copy", f"-Dartifact={CONNECTOR}", f"-DoutputDirectory={folder}")
            maven("Flink's connector", *goal, cwd=folder)
    return file


def function() -> Path:
    """The jar of ``LookedAt``, which a job calls for each record.

    Raises:
        CannotBeHadError: no Java compiler.
    """
    digest = hashlib.sha256(_FUNCTION.read_bytes()).hexdigest()[:12]
    file = _CACHE / "flink-jars" / f"looked-at-{digest}.jar"
    classpath = f"{home() / 'lib'}/*"
    with alone(_CACHE, "flink-lock"):
        if not file.exists():
            compiler = program("javac", "Flink's job", "openjdk-17-jdk-headless")
            with tempfile.TemporaryDirectory() as classes:
                run([compiler, "--release", "17", "-cp", classpath, "-d", classes, str(_FUNCTION)])
                made = shutil.make_archive(str(Path(classes) / "made"), "zip", classes, "LookedAt.class")
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.move(made, file)
    return file
