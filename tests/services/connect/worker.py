"""One distributed worker, to be killed and started again, and its REST API."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx

from tests.services.connect.plugin import built
from tests.services.kafka import unique
from tests.services.kafka.install import jars, java
from tests.services.process import Server, ServerProcess, free_ports

_PROPERTIES = """
bootstrap.servers={bootstrap}
group.id={group}
listeners=http://127.0.0.1:{port}
rest.advertised.host.name=127.0.0.1
plugin.path={plugins}
plugin.discovery={discovery}
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
config.storage.topic={group}-configs
offset.storage.topic={group}-offsets
status.storage.topic={group}-status
config.storage.replication.factor=1
offset.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=1
status.storage.partitions=1
scheduled.rebalance.max.delay.ms=0
session.timeout.ms=6000
heartbeat.interval.ms=2000
consumer.session.timeout.ms=6000
consumer.heartbeat.interval.ms=2000
config.providers=file
config.providers.file.class=org.apache.kafka.common.config.provider.FileConfigProvider
"""
_LOGGING = """
status=error
appender.console.type=Console
appender.console.name=STDOUT
appender.console.layout.type=PatternLayout
appender.console.layout.pattern=%d{HH:mm:ss.SSS} %p %c - %m%n%throwable
rootLogger.level=INFO
rootLogger.appenderRef.stdout.ref=STDOUT
"""


class ConnectWorker(Server):
    """A worker on a free loopback port; the state of its connectors lies in the broker and outlives a kill.

    Args:
        bootstrap: of the broker.
        plugins: further folders of ``plugin.path``.
        fast_start: stop Java's compiler at its first tier; not for benchmarks.

    Attributes:
        url: of the REST API.
        log: what it wrote, over all its lives.
    """

    def __init__(self, bootstrap: str, *, plugins: Sequence[Path] = (), fast_start: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="streamgauge-connect-"))
        self.log = self.folder / "worker.log"
        (self.port,) = free_ports(1)
        self.url = f"http://127.0.0.1:{self.port}"
        self._bootstrap, self._plugins, self._fast = bootstrap, plugins, fast_start
        self._group = unique("connect-workers")
        self._process: ServerProcess | None = None

    def start(self, *, within: float = 120.0) -> Self:
        """Start, or start again after :meth:`kill`; returns when it answers.

        Raises:
            CannotBeHadError: Java or Maven is missing.
            RuntimeError: it did not come up; the text ends with its log.
        """
        self._process = ServerProcess(self._command(), self.log)
        deadline = time.monotonic() + within
        while not self._answers():
            if not self._process.running or time.monotonic() > deadline:
                words = self._process.last_words()
                self.kill()
                raise RuntimeError(f"the Connect worker did not come up:\n{words}")
            time.sleep(0.1)
        return self

    def kill(self) -> None:
        """kill -9."""
        if self._process:
            self._process.kill()

    def put(self, name: str, config: Mapping[str, str]) -> httpx.Response:
        """Create or change a connector; the answer may be 409 while the workers agree among themselves."""
        return httpx.put(f"{self.url}/connectors/{name}/config", json=dict(config), timeout=60)

    def get(self, path: str) -> Any:
        """What an address of the REST API answers."""
        return httpx.get(f"{self.url}{path}", timeout=60).json()

    def states(self, name: str) -> list[str]:
        """Of a connector and its tasks, such as ``RUNNING``; empty while there is none."""
        status = self.get(f"/connectors/{name}/status")
        return (
            [part["state"] for part in [status["connector"], *status["tasks"]]] if "tasks" in status else []
        )

    def close(self) -> None:
        """End it and remove its files."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _command(self) -> list[str]:
        properties, logging = self.folder / "connect.properties", self.folder / "log4j2.properties"
        plugins = ",".join(map(str, [built(), *self._plugins]))
        # ours say what they hold; others' plug-ins must be searched
        discovery = "hybrid_warn" if self._plugins else "service_load"
        given = {"bootstrap": self._bootstrap, "group": self._group, "port": self.port}
        properties.write_text(_PROPERTIES.format(**given, plugins=plugins, discovery=discovery))
        logging.write_text(_LOGGING)
        quick = ["-XX:TieredStopAtLevel=1"] if self._fast else []
        memory = ["-Xms64m", "-Xmx384m", "-XX:+UseSerialGC", *quick]
        switches = [f"-Dlog4j2.configurationFile={logging}", "-Dlog4j2.disableJmx=true"]
        main = ["-cp", f"{jars()}/*", "org.apache.kafka.connect.cli.ConnectDistributed", str(properties)]
        return [java(), *memory, *switches, *main]

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/connectors", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False
