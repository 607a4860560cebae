"""A converter that reads Avro with a registry's ids, for ``plugin.path``; brought once per clone into ``.cache/connect/``."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.services.connect.plugin import CACHE
from tests.services.kafka.install import java
from tests.services.missing import CannotBeHadError

POM = Path(__file__).parent / "avro-pom.xml"
CONVERTER = "io.apicurio.registry.utils.converter.AvroConverter"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies"


def converter() -> Path:
    """The folder to put into ``plugin.path``.

    Raises:
        CannotBeHadError: no Java, no Maven, or no way to Maven Central.
    """
    java()
    folder = CACHE / f"avro-{hashlib.sha256(POM.read_bytes()).hexdigest()[:12]}"
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "avro-lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise CannotBeHadError(
            "the tests fetch an Avro converter with Maven; install it, such as `apt-get install maven`"
        )
    unfinished = folder.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    done = subprocess.run(
        [
            *(
                maven,
                "-q",
                "-B",
                "-ntp",
                "-f",
                str(POM),
                _COPY,
                "-DexcludeGroupIds=org.apache.kafka,org.slf4j",
            ),
            f"-DoutputDirectory={unfinished / 'avro'}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CannotBeHadError(
            f"Maven could not fetch an Avro converter; can this machine reach Maven Central?\n{done.stdout[-2000:]}"
        )
    unfinished.rename(folder)
