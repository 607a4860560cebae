"""Brings the broker's jars from Maven Central, once per clone, into ``.cache/kafka/`` (ignored by git)."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.services.missing import CannotBeHadError

HERE = Path(__file__).parent
CACHE = HERE.parents[2] / ".cache" / "kafka"
POM = HERE / "pom.xml"


def java() -> str:
    """The Java program.

    Raises:
        CannotBeHadError: there is none.
    """
    found = shutil.which("java")
    if found is None:
        raise CannotBeHadError(
            "the Kafka tests need Java 17 or newer; install it, such as `apt-get install openjdk-17-jre-headless`"
        )
    return found


def jars() -> Path:
    """The folder with the jars of the pom; several processes may ask at once, one of them fetches.

    Raises:
        CannotBeHadError: no Java, no Maven, or no way to Maven Central.
    """
    java()
    folder = CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if folder.is_dir():
        return folder
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise CannotBeHadError(
            "the Kafka tests fetch Kafka with Maven; install it, such as `apt-get install maven`"
        )
    unfinished = folder.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    done = subprocess.run(
        [
            maven,
            "-q",
            "-B",
            "-ntp",
            "-f",
            str(POM),
            "dependency:copy-dependencies",
            f"-DoutputDirectory={unfinished}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotBeHadError(
            f"Maven could not fetch Kafka for the tests; can this machine reach Maven Central?\n{done.stdout[-2000:]}"
        )
    unfinished.rename(folder)
