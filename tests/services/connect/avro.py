"""A converter that reads Avro with a registry's ids, for ``plugin.path``; brought once per clone into ``.cache/connect/``."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tests.services.connect.plugin import CACHE
from tests.services.fetching import alone, maven, whole
from tests.services.kafka.install import java

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
    with alone(CACHE, "avro-lock"):
        if not folder.is_dir():
            with whole(folder) as unfinished:
                place = f"-DoutputDirectory={unfinished / 'avro'}"
                maven(
                    "an Avro converter",
                    "-f",
                    POM,
                    _COPY,
                    "-DexcludeGroupIds=org.apache.kafka,org.slf4j",
                    place,
                )
    return folder
