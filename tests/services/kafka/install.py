"""Brings the broker's jars from Maven Central, once per clone, into ``.cache/kafka/`` (ignored by git)."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from tests.services.fetching import alone, maven, whole
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
    with alone(CACHE):
        if not folder.is_dir():
            with whole(folder) as unfinished:
                maven("Kafka", "-f", POM, "dependency:copy-dependencies", f"-DoutputDirectory={unfinished}")
    return folder
