"""The network example from files to incidents, on real Kafka, Redis and PostgreSQL: no gap, no double, what is planted."""

from __future__ import annotations

import json
import os
import runpy
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.incident import Incident
from tests.cli.in_process import Verb
from tests.docs.pages import ROOT
from tests.exactness.running import Run, peek, until
from tests.services.kafka import Broker, unique
from tests.services.postgresql import Database, PostgresServer
from tests.services.redis import RedisServer
from tests.sinks.writing import read, row_id, told

EXAMPLE = ROOT / "examples" / "network"
PLACES = {f"10.0.0.{n}": n - 1 for n in range(1, 7)}
"""The sixth by the rule for addresses that are not in the map."""
COLUMNS = ("unq_dst_ip", "unq_dst_port", "allow", "drop", "bytesout")

make: dict[str, Any] = runpy.run_path(str(EXAMPLE / "generate.py"))


class Network:
    """The example as it stands in a folder of its own, but for the names of topics and the jobs' times."""

    def __init__(self, folder: Path, broker: Broker, hot: RedisServer, database: Database) -> None:
        self.folder, self.broker, self.hot, self.database = folder, broker, hot, database
        self.logs, self.averages = unique("LogTopic"), unique("SparkStreamingTopic")
        self.environ = {"BROKERS": broker.bootstrap, "REDIS_URL": hot.url, "DATABASE_URL": database.url()}
        self.sender, self.watch = self._copy("sender.yaml"), self._copy("streamgauge.yaml")
        self.sent: dict[tuple[str, str], dict[str, str]] = {}

    def days(self, first: int, last: int) -> None:
        """Files of some more days."""
        make["write"](self.folder / "data", last, timedelta(hours=1), first=first)
        for _, record in make["records"](last, timedelta(hours=1), first):
            self.sent[record["src_ip"], record["timestamp"]] = record

    def send(self) -> None:
        """What is new, to its end."""
        Session(load(self.sender, environ=self.environ)).run()

    def send_and_die(self) -> None:
        """Killed after the broker's answer, before that was noted."""
        child = {**self.environ, "STREAMGAUGE_JIT": "off"}
        with Run(self.sender, failpoint="rows.after-before-mark", env=child) as run:
            assert run.ended() == -signal.SIGKILL, run.log

    def samples(self) -> int:
        """In Redis."""
        with self.hot.client() as client:
            pipe = client.pipeline(transaction=False)
            for ip in PLACES:
                for column in COLUMNS:
                    pipe.execute_command("TS.RANGE", f"{column}_{ip}", "-", "+")
            answers = pipe.execute(raise_on_error=False)
        return sum(len(answer) for answer in answers if isinstance(answer, list))

    def incidents(self) -> list[Incident]:
        found: list[Incident] = peek(self.watch, lambda look: look.incidents()) or []
        return [one for one in found if one.monitor == "unusual"]

    def _copy(self, name: str) -> Path:
        text = (EXAMPLE / name).read_text()
        text = text.replace("LogTopic", self.logs).replace("SparkStreamingTopic", self.averages)
        loaded = yaml.safe_load(text.replace("data/*", f"{self.folder}/data/*"))
        loaded.pop("schedule", None)  # run by hand below, not at full hours
        loaded["store"] = {"url": f"sqlite:///{self.folder}/{name}.db", "history": "60d"}
        if name == "streamgauge.yaml":
            loaded["store"] = f"sqlite:///{self.folder}/store.db"
        path = self.folder / name
        path.write_text(yaml.safe_dump(loaded, sort_keys=False))
        return path


@pytest.mark.services
def test_from_files_to_incidents_history_and_forecasts(
    kafka: Broker,
    own_redis: Callable[..., RedisServer],
    postgres: PostgresServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    network = Network(tmp_path, kafka, own_redis(), postgres.new_database())
    for name, value in network.environ.items():
        monkeypatch.setenv(name, value)
    network.days(0, 7)
    network.send_and_die()
    network.send()
    network.days(7, 14)
    network.send()
    assert_sent_once(network)
    with Run(network.watch, env={**os.environ, "STREAMGAUGE_JIT": "off"}) as run:
        wanted = len(network.sent) * len(COLUMNS)
        until(lambda: network.samples() == wanted, "all samples in Redis", alive=run)
        until(lambda: len([one for one in network.incidents() if not one.open]) == 3, "incidents", alive=run)
        assert run.stop() == 0
    assert_planted(network)
    assert_averages(network)
    handed = Verb("handover", capsys)("--config", network.watch, "--json")
    assert (handed.code, handed.objects[0]["points"], network.samples()) == (0, wanted, 0)
    assert_history(network)
    words = ("unusual", "--value", "unq_dst_ip", "--key", "ip", "--horizon", "1d", "--workers", "0")
    where = ("--config", network.watch, "--table", "forecasts", "--database", network.database.url())
    forecast = Verb("forecast", capsys)(*words, *where, "--keep", tmp_path / "kept")
    assert forecast.code == 0, forecast.err
    assert_forecasts(network)
    network.database.drop()


def everything(broker: Broker, topic: str) -> list[Any]:
    """All messages of a topic of six partitions."""
    from confluent_kafka import Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": unique("g"), **broker.client()})
    ends = [consumer.get_watermark_offsets(TopicPartition(topic, n), timeout=30)[1] for n in range(6)]
    consumer.close()
    return read(broker, topic, sum(ends), 6)


def assert_sent_once(network: Network) -> None:
    """Each record is there, on its address' partition, as it was; those of the kill come again under their ids."""
    messages = everything(network.broker, network.logs)
    rows = {row_id(message): (message.partition(), *told(message)) for message in messages}
    assert len(rows) == len(network.sent) < len(messages)
    assert {(key, partition) for partition, key, _ in rows.values()} == set(PLACES.items())
    assert [row for _, _, row in rows.values() if row != network.sent[row["src_ip"], row["timestamp"]]] == []


def assert_planted(network: Network) -> None:
    """What was planted is told, within its hours, and nothing else."""
    planted = json.loads((network.folder / "data/planted.json").read_text())
    found = {one.key: one for one in network.incidents()}
    assert len(network.incidents()) == len(planted)
    for fault in planted:
        start, end = (datetime.fromisoformat(fault[name]).replace(tzinfo=UTC) for name in ("start", "end"))
        opened = datetime.fromtimestamp(found[fault["src_ip"]].opened_at / 1e6, UTC)
        assert start < opened <= end + timedelta(hours=1)


def assert_averages(network: Network) -> None:
    """Both kinds, on the partitions of the map; windowed ones are the hours' own, running ones all hours' so far."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for message in everything(network.broker, network.averages):
        key, row = told(message)
        assert message.partition() == PLACES[str(key)]
        rows.setdefault((row["kind"], str(key)), {})[row["window_end"]] = row["average"]
    hours = sorted((at, int(one["unq_dst_ip"])) for (ip, at), one in network.sent.items() if ip == "10.0.0.1")
    values = [value for _, value in hours]
    windowed, running = (list(rows[kind, "10.0.0.1"].values()) for kind in ("windowed", "running"))
    assert len(windowed) >= len(values) - 1  # the last hour is over when time has passed it
    assert windowed == values[: len(windowed)]
    assert running[99] == pytest.approx(sum(values[:100]) / 100)


def assert_history(network: Network) -> None:
    """A row per address and moment, with all numbers."""
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    found = network.database.sql(f"SELECT ip, ds, {columns} FROM logs")
    there = {(row[0], f"{row[1]:%Y-%m-%d %H:%M:%S}"): row[2:] for row in found}
    assert len(found) == len(there)
    assert there == {
        place: tuple(float(one[name]) for name in COLUMNS) for place, one in network.sent.items()
    }


def assert_forecasts(network: Network) -> None:
    """A day ahead of each address, in its band."""
    rows = network.database.sql(
        "SELECT ip, count(*), bool_and(yhat BETWEEN yhat_lower AND yhat_upper), min(ds) >= '2022-01-16T23:00Z' "
        "FROM forecasts GROUP BY ip ORDER BY ip"
    )
    assert [row[0] for row in rows] == list(PLACES)
    often = [row for row in rows if row[0] != "10.0.0.4"]  # the silent one speaks too rarely for a band
    assert [row[1:] for row in often] == [(24, True, True)] * 5


def test_the_generator_is_deterministic_and_writes_numbers_as_texts(tmp_path: Path):
    for folder in ("a", "b"):
        assert make["write"](tmp_path / folder, 2, timedelta(hours=6), one_per_file=folder == "b") == 42
    days = "".join(path.read_text() for path in sorted((tmp_path / "a").glob("*.ndjson")))
    singles = "".join(path.read_text() for path in sorted((tmp_path / "b").glob("*.ndjson")))
    assert sorted(days.splitlines()) == sorted(singles.splitlines())
    first = json.loads(days.splitlines()[0])
    assert list(first) == [
        "src_ip", "unq_dst_ip", "unq_dst_port", "allow", "drop", "frequency", "pkts_sent", "pkts_received",
        "bytesin", "bytesout", "timestamp",
    ]  # fmt: skip
    assert all(isinstance(value, str) for value in first.values())
    assert first["timestamp"] == "2022-01-03 00:00:00"


@pytest.mark.parametrize("name", ["sender.yaml", "streamgauge.yaml"])
def test_the_files_have_no_mistake(name: str):
    environ = {"BROKERS": "b:1", "REDIS_URL": "redis://h", "DATABASE_URL": "postgresql://u@h/d"}
    assert load(EXAMPLE / name, environ=environ).warnings == ()
