"""The files of ``deploy/compose`` as a container sees them, with this machine's addresses in place of the services'."""

from __future__ import annotations

from pathlib import Path

from tests.deploy.compose import ROOT
from tests.deploy.images.building import Image
from tests.deploy.images.running import Container
from tests.services.kafka import Broker, unique
from tests.services.process import free_ports


class Stack:
    """What the services of Streamgauge share: their files, their topics, and the volumes of their tokens.

    Attributes:
        port: where the server listens on this machine.
        payments: the topic that is watched; ``alerts`` the one that is written.
        tokens: the folder that holds the token that may all; ``scrape`` the one that only reads.
    """

    def __init__(self, folder: Path, kafka: Broker, database: str) -> None:
        (self.port,) = free_ports(1)
        self.payments, self.alerts = (kafka.create_topic(unique(name)) for name in ("payments", "alerts"))
        self.files, self.tokens, self.scrape = (folder / name for name in ("files", "tokens", "scrape"))
        for place in (self.files, self.tokens, self.scrape):
            place.mkdir()
        for volume in (self.tokens, self.scrape):
            volume.chmod(0o777)  # an engine gives a new volume the owner that its folder has in the image
        here = {
            "topic: payments": f"topic: {self.payments}",
            "topic: alerts": f"topic: {self.alerts}",
            "postgresql://streamgauge@postgres:5432/streamgauge": database,
            "host: 0.0.0.0, port: 8000": f"host: 127.0.0.1, port: {self.port}",
        }
        for name in ("streamgauge.yaml", "monitors.yaml"):
            text = (ROOT / "deploy/compose" / name).read_text("utf-8")
            for theirs, ours in here.items():
                text = text.replace(theirs, ours)
            (self.files / name).write_text(text, "utf-8")
        self._environment = {"KAFKA_BROKERS": kafka.bootstrap}

    def container(self, app: Image, service: str, *command: str, entrypoint: str | None = None) -> Container:
        """A service as the file starts it, or with another command, or another program."""
        return Container(
            app, service, command or None, entrypoint=None if entrypoint is None else [entrypoint],
            environment=self._environment, mounts={"/etc/streamgauge": self.files},
            writable={"/run/streamgauge": self.tokens, "/run/scrape": self.scrape},
        )  # fmt: skip
