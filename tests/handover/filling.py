"""A configuration whose stream writes to Redis, its series filled, and what lies on both sides afterwards."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from streamgauge.sinks.contract import SpooledRow
from streamgauge.sinks.redis_timeseries import Config, open_sink
from tests.services.postgresql import Database
from tests.services.redis import RedisServer

START = 1_772_445_600_000
"""2026-03-02T10:00:00Z in milliseconds."""
KEYS, MOMENTS = 30, 20
"""Sixty series, so that a hand-over has two parts."""


class Filled:
    """``KEYS`` keys with two numbers at ``MOMENTS`` moments each, a minute apart."""

    def __init__(
        self, server: RedisServer, database: Database, folder: Path, stream: str, **write: Any
    ) -> None:
        self.server, self.database, self.stream = server, database, stream
        self.write = {
            "type": "redis_timeseries",
            "url": server.url,
            "series": f"{stream}_{{column}}_{{key}}",
            "history": {"url": database.url(), "table": "logs", "key": "ip"},
            **write,
        }
        fields = {"ip": "string", "a": "float", "b": "int", "at": "timestamp"}
        source = {"type": "files", "path": "none.ndjson"}
        declared = {"source": source, "format": "json", "fields": fields, "time": "at", "key": "ip"}
        self.config = folder / "network.yaml"
        self.config.write_text(yaml.safe_dump({"streams": {stream: {**declared, "write": self.write}}}))

    def put(
        self, *, keys: int = KEYS, moments: int = MOMENTS, add: float = 0.0
    ) -> dict[tuple[str, int], Any]:
        """Write samples as the sink does; what the history must then hold, by key and millisecond."""
        columns: Any = {"ip": "string", "a": "float", "b": "int", "at": "timestamp"}
        sink = open_sink(Config.model_validate(self.write), f"stream {self.stream}", columns)
        wanted: dict[tuple[str, int], Any] = {}
        rows: list[SpooledRow] = []
        for key in range(keys):
            for minute in range(moments):
                ip, at = f"10.0.0.{key}", START + minute * 60_000
                wanted[ip, at] = (key + minute / 10 + add, minute)
                body = {"at": f"2026-03-02T10:{minute:02}:00.000Z", "a": wanted[ip, at][0], "b": minute}
                rows.append(SpooledRow(len(rows) + 1, "x", ip, json.dumps(body).encode()))
        outcome = sink.write(rows)
        assert (outcome.trouble, len(outcome.written)) == ("", len(rows))
        sink.close()
        return wanted

    def history(self) -> dict[tuple[str, int], Any]:
        """What PostgreSQL has; no two rows of one key and moment."""
        found = self.database.sql("SELECT ip, extract(epoch FROM ds) * 1000, a, b FROM logs")
        made = {(ip, int(at)): (a, b) for ip, at, a, b in found}
        assert len(made) == len(found)
        return made

    def hot(self) -> int:
        """How many samples Redis has."""
        with self.server.client() as client:
            pipe = client.pipeline(transaction=False)
            for name in client.hkeys(f"streamgauge:stream {self.stream}"):
                pipe.execute_command("TS.RANGE", name, "-", "+")
            return sum(len(found) for found in pipe.execute())
