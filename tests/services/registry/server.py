"""One registry that keeps its schemas in memory, and what tests do to it."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any, Self

import httpx

from tests.services.fetching import alone, maven, whole
from tests.services.kafka.install import java
from tests.services.process import Server, ServerProcess, free_ports

VERSION = "2.6.13.Final"
CACHE = Path(__file__).parents[3] / ".cache" / "registry"
_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"


class Registry(Server):
    """Apicurio on a free loopback port.

    Attributes:
        url: where Confluent's API is.
    """

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="streamgauge-registry-"))
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}/apis/ccompat/v7"
        self._process: ServerProcess | None = None

    def start(self, *, within: float = 120.0) -> Self:
        """Start; returns when it answers.

        Raises:
            CannotBeHadError: Java or Maven is missing.
            RuntimeError: it did not come up.
        """
        program = installed()
        memory = ["-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
        listen = [f"-Dquarkus.http.port={self.port}", "-Dquarkus.http.host=127.0.0.1"]
        self._process = ServerProcess(
            [java(), *memory, *listen, "-jar", str(program)], self.folder / "registry.log"
        )
        deadline = time.monotonic() + within
        while not self._answers():
            if not self._process.running or time.monotonic() > deadline:
                words = self._process.last_words()
                self.close()
                raise RuntimeError(f"the schema registry did not come up:\n{words}")
            time.sleep(0.05)
        return self

    def register(self, subject: str, schema: Any, references: list[dict[str, Any]] | None = None) -> int:
        """Add a version of a subject; returns the schema's id."""
        body = {"schema": json.dumps(schema), "references": references or []}
        answer = httpx.post(f"{self.url}/subjects/{subject}/versions", json=body, timeout=30)
        answer.raise_for_status()
        return int(answer.json()["id"])

    def close(self) -> None:
        """End it."""
        if self._process:
            self._process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/subjects", timeout=1).status_code == 200
        except httpx.HTTPError:
            return False


def installed() -> Path:
    """The program, brought once per clone; several processes may ask at once, one of them fetches.

    Raises:
        CannotBeHadError: no Java, no Maven, or no way to Maven Central.
    """
    java()
    folder = CACHE / VERSION
    if not folder.is_dir():
        with alone(CACHE):
            if not folder.is_dir():
                with whole(folder) as unfinished:
                    _fetch(unfinished)
    return next(folder.glob("*-runner.jar"))


def _fetch(folder: Path) -> None:
    artifact = f"-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
    maven("a schema registry", _COPY, artifact, f"-DoutputDirectory={folder}", cwd=folder)
    (packed,) = folder.glob("*.tar.gz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    packed.unlink()
