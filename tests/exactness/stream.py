"""The stream that the kill tests read: ordinary payments with faults planted at known places, same seed, same bytes.

Event time runs from :data:`BASE` for ``seconds``; each partition ends with a sentinel an hour later, so that
every window closes without anybody waiting.
"""

from __future__ import annotations

import json
import random
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.services.kafka import Broker

BASE = 1_767_225_600  # 2026-01-01T00:00:00Z
PARTITIONS = 6
COUNTRIES = ("CH", "DE", "FR", "IT", "AT", "PL", "ES", "PT")
LATENESS = 2
SENTINEL = (BASE + 3600) * 1_000_000
"""Event time of the last record of each partition, in microseconds."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How much there is of it."""

    records: int = 200_000
    seconds: int = 600
    accounts: int = 100
    seed: int = 1

    @property
    def times(self) -> float:
        """How many records there are per second, against the limits that :func:`watching.monitors` has by itself."""
        return self.records / self.seconds / (200_000 / 600)

    @property
    def dear(self) -> str:
        """The account that spends thirty times as much for half a minute."""
        return f"a-{min(77, self.accounts - 3)}"


SMALL = Shape(80_000, accounts=40)
"""As much per account, of fewer."""


def partition_of(account: str) -> int:
    """Where the producer places an account."""
    return zlib.crc32(account.encode()) % PARTITIONS


def payments(shape: Shape) -> Iterator[tuple[int, bytes]]:
    """(partition, payload) in the order of producing."""
    chance = random.Random(shape.seed)
    burst_at = sorted(chance.randrange(20, shape.seconds - 20) for _ in range(30))
    for n in range(shape.records):
        at = n * shape.seconds / shape.records
        account = f"a-{chance.randrange(shape.accounts)}"
        if burst_at and at >= burst_at[0]:
            yield from _burst(burst_at.pop(0), chance)
        yield partition_of(account), _payload(n, account, at, chance, dear=account == shape.dear)
    for partition in range(PARTITIONS):
        yield partition, _sentinel(partition, shape)


def _payload(n: int, account: str, at: float, chance: random.Random, *, dear: bool) -> bytes:
    if n % 997 == 500 or (400 < at < 410 and n % 83 == 0):
        return (b'{"account": "' + account.encode(), b"\xff\xfe", b"", b'{"account": 7, "at": "soon"}')[n % 4]
    late = n % 613 == 0 and at > 60
    moment = at - 40 if late else at - chance.random() * LATENESS
    country = _country(at, chance)
    amount = round(chance.expovariate(1 / 40), 2)
    large = 30 if dear and 450 < at < 480 else 1
    return _record(account, country, large * amount, moment, refused=_refused(at, chance))


def _country(at: float, chance: random.Random) -> str:
    country = chance.choice(COUNTRIES)
    silent = (country == "PT" and 100 < at < 160) or (country == "ES" and 300 < at < 345)
    return "CH" if silent else country


def _refused(at: float, chance: random.Random) -> bool:
    return chance.random() < (0.6 if 200 < at < 230 else 0.02)


def _burst(at: float, chance: random.Random) -> Iterator[tuple[int, bytes]]:
    account = f"a-{chance.randrange(40)}"
    for k in range(chance.randrange(40, 120)):
        yield partition_of(account), _record(account, "CH", 5.0, at + k / 50, refused=False)


def _record(account: str, country: str, amount: float, at: float, *, refused: bool) -> bytes:
    record = {"account": account, "country": country, "amount": amount, "refused": refused}
    return json.dumps({**record, "at": round((BASE + at) * 1000)}).encode()


def _sentinel(partition: int, shape: Shape) -> bytes:
    accounts = (f"a-{n}" for n in range(shape.accounts))
    account = next(name for name in accounts if partition_of(name) == partition)
    return _record(account, "CH", 1.0, SENTINEL // 1_000_000 - BASE, refused=False)


def readings(count: int, seed: int = 2) -> Iterator[bytes]:
    """One partition of a machine's temperatures, which drifts off twice."""
    chance = random.Random(seed)
    for n in range(count):
        hot = 15 if n // 2_000 % 5 == 3 else 0
        yield json.dumps(
            {
                "machine": f"m-{chance.randrange(5)}",
                "heat": round(chance.gauss(60 + hot, 4), 3),
                "at": (BASE + n) * 1000,
            }
        ).encode()


def fill(broker: Broker, topic: str, shape: Shape) -> str:
    """Write the payments to a new topic of six partitions."""
    broker.create_topic(topic, PARTITIONS, retention_ms=-1)
    produce(broker, topic, payments(shape))
    return topic


def produce(broker: Broker, topic: str, records: Iterable[tuple[int, bytes]]) -> None:
    """Write (partition, payload) to a topic; returns once all are there."""
    producer: Any = broker.new_producer({"linger.ms": 20, "batch.num.messages": 10_000})
    for row, (partition, payload) in enumerate(records):
        producer.produce(topic, payload or None, partition=partition)
        if row % 5_000 == 0:
            producer.poll(0)
    assert producer.flush(60) == 0
