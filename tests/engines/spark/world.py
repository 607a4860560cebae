"""Two topics on a real Kafka, and the verbs that read them: embedded, on Spark, and ``notify``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from streamgauge.config import load
from streamgauge.engines.spark.hearing import ROW
from streamgauge.errors import StoreError
from streamgauge.keys import Key
from streamgauge.stores import open_reading
from streamgauge.stores.sql import SqlVisitor
from streamgauge.testing import eventually
from tests.engines.spark.both import held
from tests.services.kafka import Broker, unique
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.process import ServerProcess
from tests.services.spark import connector, python

PATIENCE = timedelta(seconds=400)
"""Spark's first batch takes ten seconds on a quiet machine; this one has others to do, too."""

T0 = 1_700_000_000
FILE = """\
streams:
  payments:
    source: {{type: kafka, brokers: "{brokers}", topic: {payments}, start: earliest}}
    format: json
    fields: {{account: string, amount: {{type: float, min: 0}}, at: timestamp}}
    partitioned_by: account
    time: at
    lateness: 2s
    deadline: 2h
    dead_letters: {{topic: {dead}}}
  beats:
    source: {{type: kafka, brokers: "{brokers}", topic: {beats}, start: earliest}}
    format: json
    fields: {{host: string, at: timestamp}}
    partitioned_by: host
    time: at
monitors:
  burst:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account, compute: {{n: count(*), spent: sum(amount)}}}}
    detect: {{type: threshold, when: n > 6 or spent > 90}}
  mean:
    stream: payments
    window: {{type: hopping, size: 6s, advance: 2s, by: account, compute: {{mean: avg(amount)}}}}
    detect: {{type: threshold, when: mean > 12, clear_when: mean < 8}}
  visits:
    stream: payments
    where: amount > 5
    window: {{type: session, gap: 3s, by: account, compute: {{n: count(*)}}}}
    detect: {{type: threshold, when: n > 4}}
  usual:
    stream: payments
    window: {{type: count, size: 5, every: 5, by: account, compute: {{mean: avg(amount)}}}}
    detect: {{type: zscore, value: mean, learn: 5}}
  overall:
    stream: payments
    window: {{type: tumbling, size: 4s, compute: {{n: count(*), mean: avg(amount), most: max(amount)}}, early: false}}
    detect: {{type: threshold, when: n > 14 or mean > 12}}
  crowd:
    stream: payments
    window: {{type: hopping, size: 10s, advance: 5s, compute: {{n: count(*)}}}}
    detect: {{type: threshold, when: n > 36}}
  amounts:
    stream: payments
    window: {{type: tumbling, size: 8s, by: amount, compute: {{n: count(*), who: approx_distinct(account)}}}}
    detect: {{type: zscore, value: n, learn: 5}}
  stays:
    stream: payments
    window: {{type: session, gap: 900ms, by: amount, compute: {{n: count(*), who: distinct(account)}}, early: false}}
    detect: {{type: threshold, when: n > 6}}
  people:
    stream: payments
    window: {{type: tumbling, size: 6s, compute: {{who: distinct(account)}}, early: false}}
    detect: {{type: threshold, when: who > 5}}
  missed:
    stream: payments
    where: amount > 15
    window: {{type: tumbling, size: 5s, compute: {{n: count(*)}}, include_empty: true, early: false}}
    detect: {{type: threshold, when: n < 4}}
  changing:
    stream: payments
    window: {{type: tumbling, size: {size}, by: account, compute: {{n: count(*)}}}}
    detect: {{type: threshold, when: n > 999}}
  quiet:
    stream: beats
    detect: {{type: silence, by: host, after: 4s}}
  alive:
    stream: beats
    window: {{type: tumbling, size: 2s, by: host, compute: {{n: count(*)}}}}
    detect: {{type: threshold, when: n > 2}}
store: sqlite:///{store}
"""
ADDED = """\
  large:
    stream: payments
    where: amount > 19
    window: {{type: tumbling, size: 10s, by: account, compute: {{n: count(*)}}}}
    detect: {{type: threshold, when: n > 999}}
"""


SENT = ("stays", "people", "missed")
"""Monitors whose records leave the cluster."""


class World:
    """Two topics, a file for each engine, and what was read last."""

    def __init__(self, kafka: Broker, folder: Path) -> None:
        self.kafka = kafka
        self.folder = folder
        self.names = {
            name: kafka.create_topic(unique(name), 3, retention_ms=-1) for name in ("payments", "beats")
        }
        self.verdicts = kafka.create_topic(unique("verdicts"))
        self.dead = {name: kafka.create_topic(unique(f"dead-{name}")) for name in ("embedded", "spark")}
        self.count = dict.fromkeys(self.names, 0)
        self.embedded = self.file("embedded")
        self.spark = self.file("spark")

    def file(self, engine: str, added: str = "", size: str = "7s") -> Path:
        """The configuration of an engine, with a store of its own; ``size``: of the windows of one monitor."""
        path = self.folder / f"{engine}.yaml"
        text = FILE.replace("store:", f"{added}store:")
        store = self.folder / f"{engine}.db"
        given = {"brokers": self.kafka.bootstrap, "store": store, "dead": self.dead[engine], "size": size}
        path.write_text(text.format(**given, **self.names), "utf-8")
        return path

    def copied(self, engine: str) -> list[tuple[str, bytes | None]]:
        """The records that an engine has copied to its topic of dead letters, once each, with where they lay and why."""
        consumer = Consumer(
            {"bootstrap.servers": self.kafka.bootstrap, "group.id": unique("dead"), "log_level": 0}
        )
        consumer.assign([TopicPartition(self.dead[engine], 0, 0)])
        found: set[tuple[str, bytes | None]] = set()
        for _ in range(10):
            for message in consumer.consume(10_000, 0.1):
                if message.error() is None:
                    found.add((str(sorted(message.headers() or [])), message.value()))
        consumer.close()
        return sorted(found, key=str)

    def payments(self, first: int, last: int) -> None:
        """Bursts, disorder, late records and bad ones on two partitions; a third gets one now and then, and is idle."""
        rows: dict[int, list[bytes | None]] = {0: [], 1: [], 2: []}
        for i in range(first, last):
            at = T0 + i * 0.25 - (9 if i % 37 == 5 else 0) - (1.4 if i % 7 == 3 else 0)
            number = i % 2
            amount = float((i * 7) % 23 if not 100 < i < 130 else 20)
            who = f"{'ab'[number]}-{(i // 2) % 3 if not 140 < i < 170 else 0}"
            rows[number].append(json.dumps({"account": who, "amount": amount, "at": at}).encode())
            if i % 61 == 17:
                rows[number] += [
                    b"{no",
                    json.dumps({"account": who, "amount": "much", "at": at}).encode(),
                    None,
                ]
        if not first:
            rows[2].append(json.dumps({"account": "c-0", "amount": 1.0, "at": T0 + 3}).encode())
        rows[2].append(json.dumps({"account": "c-0", "amount": 1.0, "at": T0 + last * 0.25}).encode())
        self._produce("payments", rows)

    def beats(self) -> None:
        """Two hosts that fall silent at different moments; then nothing comes any more."""
        rows: dict[int, list[bytes | None]] = {
            0: [json.dumps({"host": "a", "at": T0 + i * 0.5}).encode() for i in range(20)],
            1: [json.dumps({"host": "b", "at": T0 + i * 0.5}).encode() for i in range(9)],
        }
        self._produce("beats", rows)

    def _produce(self, name: str, rows: dict[int, list[bytes | None]]) -> None:
        for number, values in rows.items():
            if values:
                self.kafka.produce(self.names[name], values, partition=number)
                self.count[name] += len(values)

    def held(self, engine: str) -> dict[str, Any]:
        """What an engine's store holds of what does not depend on when it was told: without samples."""
        path = self.spark if engine == "spark" else self.embedded
        config = load(path)
        look = open_reading(config.store.url)
        try:
            found = held(look, config)
        finally:
            look.close()
        found["incidents"] = [_decided_alike(incident) for incident in found["incidents"]]
        for name in ("large", "changing"):
            found["windows"].pop(name, None)
        found["late"] = [late for late in found["late"] if late[0] != "changing"]
        return found


class Verdicts:
    """What Spark has written, as it comes."""

    def __init__(self, kafka: Broker, topic: str) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": kafka.bootstrap, "group.id": unique("look"), "log_level": 0}
        )
        self._whole = TopicPartition(topic, 0, 0)
        self._consumer.assign([self._whole])
        self._next = 0
        self.lines: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        """All lines so far."""
        for message in self._consumer.consume(10_000, 0.1):
            if message.error() is None:
                self._next = (message.offset() or 0) + 1
                self.lines.append(json.loads(message.value() or b"{}"))
        return self.lines

    def reached(self, stream: str) -> int:
        """How many records of a stream are counted."""
        last = {
            line["source"]: line["next_offset"]
            for line in self.read()
            if line["kind"] == "time" and line["stream"] == stream
        }
        return sum(max(at, 0) for at in last.values())

    def batches(self) -> int:
        """How many micro-batches have written; all but the last are committed."""
        calls = Counter((line["source"], line["n"]) for line in self.read() if line["kind"] == "time")
        return max(Counter(source for source, _ in calls).values(), default=0)

    def read_all(self) -> None:
        """As far as the topic goes now: whoever writes may go on."""
        _, end = self._consumer.get_watermark_offsets(self._whole, timeout=30)

        def reached() -> bool:
            self.read()
            return self._next >= end

        eventually(reached, f"line {end} of the verdicts is read")

    def close(self) -> None:
        """Let go."""
        self._consumer.close()


def _decided_alike(incident: dict[str, Any]) -> dict[str, Any]:
    """An incident without what an order of partitions, or of micro-batches, decides."""
    incident["samples"] = []
    if incident["monitor"] in ("overall", "crowd", "amounts", *SENT):
        incident["offset"] = None  # the last record that was read, of all partitions
    if incident["monitor"] == "crowd":
        return {name: incident[name] for name in ("id", "monitor", "state", "severity", "window_start")}
    return incident


def need_spark() -> None:
    """Skip, or fail, where Spark cannot be had."""
    try:
        python(), connector()
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))


def at_end(world: World, look: Verdicts) -> bool:
    """Whether both have read all, and time has passed where nothing comes any more."""
    look.read()  # waits a moment
    try:
        return _embedded_at_end(world) and _notify_at_end(world, look)
    except StoreError:
        return False  # not made yet


def _embedded_at_end(world: World) -> bool:
    with closing(open_reading(load(world.embedded).store.url)) as store:
        counted = sum(position.next_offset for position in store.positions("payments").values())
        return counted == world.count["payments"] and _quiet(store) == {"a", "b"}


def _notify_at_end(world: World, look: Verdicts) -> bool:
    """Whether it has heard all that Spark has said by now."""
    if look.reached("payments") != world.count["payments"]:
        return False
    last = {f"{ROW}{line['run']}/{line['source']}": int(line["n"]) for line in look.lines}
    with closing(open_reading(load(world.spark).store.url)) as store:
        heard = {name: int(row["n"]) for name, row in store.telling(ROW).items()}
        return _quiet(store) == {"a", "b"} and all(heard.get(name, 0) >= n for name, n in last.items())


def _quiet(store: SqlVisitor) -> set[Key]:
    return {incident.key for incident in store.incidents(monitor="quiet")}


def wait(process: ServerProcess, holds: Callable[[], bool], within: timedelta = PATIENCE) -> None:
    """Until it holds, while the process lives."""
    eventually(lambda: not process.running or holds(), within=within)
    assert process.running, process.last_words(40)
