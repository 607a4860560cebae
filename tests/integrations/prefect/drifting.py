"""A topic that drifts: calm records, then others, and the reference of the calm ones."""

from __future__ import annotations

import csv
import json
import random
import subprocess
from typing import Any

from tests.integrations.prefect.program import COMMAND, Home
from tests.services.kafka import Broker, unique

ROWS = 400


class Drifting:
    """One topic, its reference, and a home whose environment names both."""

    def __init__(self, broker: Broker, folder: Any, **variables: str) -> None:
        self.broker = broker
        self.topic = broker.create_topic(unique("drift"), 2, retention_ms=-1)
        self._random = random.Random(7)
        self.reference = folder / "calm.reference"
        self.log = folder / "logs" / "psi_drift_log.csv"
        self.home = Home(
            folder,
            KAFKA_BOOTSTRAP_SERVERS=broker.bootstrap,
            KAFKA_TOPIC=self.topic,
            KAFKA_GROUP_ID=unique("flow"),
            DRIFT_REFERENCE=self.reference.name,
            DRIFT_WINDOW_SIZE=str(ROWS),
            **variables,
        )
        self._make_reference(folder)

    def _make_reference(self, folder: Any) -> None:
        calm = folder / "calm.ndjson"
        calm.write_text("".join(json.dumps(self._record(0.0)) + "\n" for _ in range(2_000)))
        words = ["reference", "build", "--from", str(calm), "--out", str(self.reference)]
        subprocess.run([COMMAND, *words], check=True, capture_output=True)

    def _record(self, shift: float) -> dict[str, float | str]:
        return {
            "amount": self._random.gauss(10 + 5 * shift, 3),
            "country": self._random.choice(["CH", "DE"]),
        }

    def send(self, shift: float, rows: int = ROWS) -> None:
        """Records of one slice, half on each partition."""
        for partition in (0, 1):
            lines = [json.dumps(self._record(shift)).encode() for _ in range(rows // 2)]
            self.broker.produce(self.topic, lines, partition=partition)

    def logged(self) -> list[dict[str, str]]:
        """The lines of the CSV log."""
        with self.log.open() as file:
            return list(csv.DictReader(file))

    def statuses(self) -> list[str]:
        """The states in it."""
        return [line["drift_status"] for line in self.logged()]

    def waiting(self) -> dict[str, Any]:
        """What `slice next` says of the flow's group."""
        group = self.home.environ["KAFKA_GROUP_ID"]
        words = ["slice", "next", self.topic, "--brokers", self.broker.bootstrap, "--group", group, "--json"]
        done = subprocess.run([COMMAND, *words], check=True, capture_output=True, text=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found
