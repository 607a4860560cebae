"""Which cases there are, in which order they run, and which ratios follow."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from benchmarks import child, delay, flink, query, quix, start_up, where_time_goes, whole_path
from benchmarks.broker import BenchBroker
from benchmarks.records import Spec

KEYS = (1, 1_000, 100_000)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured."""

    records: int
    rounds: int
    memory_records: int
    crossings: int

    @property
    def few(self) -> int:
        """Records for those who are slow: two windows at least must close."""
        return max(600_000, self.records // 5)


def reading(broker: BenchBroker, scale: Scale) -> Iterator[Row]:
    """(a), (b) and (c) for each number of keys, in turn, so that all meet the same machine."""
    for keys in KEYS:
        spec = Spec(scale.records, keys)
        for number in range(scale.rounds):
            yield from _reading(broker, spec, number)
        if keys != 1_000:
            broker.drop(spec)


def _reading(broker: BenchBroker, spec: Spec, number: int) -> Iterator[Row]:
    topic = broker.topic(spec)
    told = {"keys": spec.keys, "round": number}
    for name, function in (("(a) bare consume", "bare"), ("(b) consume + decode", "decoded")):
        answer = child.run("reading", function, brokers=broker.bootstrap, topic=topic, records=spec.records)
        yield {"name": name, **told, **answer}
    yield {"name": "(c) whole path", **told, **whole_path.case(broker.bootstrap, topic, spec)}


def monitors(broker: BenchBroker, scale: Scale) -> Iterator[Row]:
    """One monitor, twenty that share its window, twenty windows, windows over all partitions, late records."""
    spec = Spec(scale.records, 1_000)
    late = Spec(scale.records, 1_000, late=0.01)
    for number in range(scale.rounds):
        for name, more in (
            ("(c) one monitor", {}),
            ("(c) 20 monitors, one window", {"monitors": 20}),
            ("(c) 20 windows", {"sizes": 20}),
            ("(c) partitions merged", {"aligned": False}),
        ):
            answer = whole_path.case(broker.bootstrap, broker.topic(spec), spec, **more)
            yield {"name": name, "keys": 1_000, "round": number, **answer}
        answer = whole_path.case(broker.bootstrap, broker.topic(late), late)
        yield {"name": "(c) 1 % late records", "keys": 1_000, "round": number, **answer}
    broker.drop(late)


def profiled(broker: BenchBroker, scale: Scale) -> Iterator[Row]:
    """Where the loop of (c) spends its time."""
    spec = Spec(scale.records, 1_000)
    yield from where_time_goes.measure(broker.bootstrap, broker.topic(spec), spec)


def memory(broker: BenchBroker, scale: Scale) -> Iterator[Row]:
    """Resident memory each second over a long run."""
    for keys in (1_000, 100_000):
        spec = Spec(scale.memory_records, keys)
        answer = whole_path.case(broker.bootstrap, broker.topic(spec), spec, watch_memory=True)
        yield {"name": "(c) long run", "keys": keys, **answer}
        broker.drop(spec)


def starting(_: BenchBroker, scale: Scale) -> Iterator[Row]:
    """``--help``, ``check`` and the compiler."""
    yield from start_up.measure(5 * scale.rounds)


def queries(_: BenchBroker, scale: Scale) -> Iterator[Row]:
    """A question to one large file."""
    yield from query.measure(scale.memory_records, scale.rounds)


def delays(broker: BenchBroker, scale: Scale) -> Iterator[Row]:
    """From acknowledgement to webhook."""
    for rate in (1_000, 20_000):
        yield {"name": "delay", **delay.measure(broker, rate, scale.crossings, f"delay-{rate}")}


def beside_flink(broker: BenchBroker, scale: Scale) -> Iterator[Row]:
    """Flink SQL cold, then warm and (c) in turn."""
    spec = Spec(scale.records, 1_000)
    topic = broker.topic(spec)
    with flink.Flink() as cluster:
        yield {"name": "Flink SQL, cold", "keys": 1_000, **cluster.run(broker, spec, limit=0)}
        for number in range(max(2, scale.rounds)):
            told = {"keys": 1_000, "round": number}
            yield {"name": "Flink SQL, warm", **told, **cluster.run(broker, spec, limit=spec.limit)}
            yield {"name": "(c) beside Flink", **told, **whole_path.case(broker.bootstrap, topic, spec)}


def beside_quix(broker: BenchBroker, scale: Scale) -> Iterator[Row]:
    """Quix Streams over fewer records, then (c)."""
    spec = Spec(scale.records, 1_000)
    yield {"name": "Quix Streams", "keys": 1_000, **quix.run(broker, Spec(scale.few, 1_000))}
    yield {
        "name": "(c) beside Quix",
        "keys": 1_000,
        **whole_path.case(broker.bootstrap, broker.topic(spec), spec),
    }


CASES: dict[str, Callable[[BenchBroker, Scale], Iterator[Row]]] = {
    "start-up": starting,
    "reading": reading,
    "monitors": monitors,
    "delay": delays,
    "query": queries,
    "flink": beside_flink,
    "quix": beside_quix,
    "profile": profiled,
    "memory": memory,
}


@dataclass(frozen=True, slots=True)
class Ratio:
    """One goal: ``above`` over ``below``, medians of one run."""

    words: str
    value: float
    goal: str
    met: bool


def ratios(rows: list[Row]) -> list[Ratio]:
    """The ratios that the rows allow."""

    def rate(name: str, keys: int = 1_000) -> float | None:
        found = [r["records_per_second"] for r in rows if r["name"] == name and r.get("keys", keys) == keys]
        return statistics.median(found) if found else None

    found: list[Ratio] = []

    def add(
        words: str, above: float | None, below: float | None, goal: str, met: Callable[[float], bool]
    ) -> None:
        if above and below:
            found.append(Ratio(words, round(above / below, 2), goal, met(above / below)))

    whole = "(c) whole path"
    for keys in KEYS:
        words = f"(c) / (b), {keys:,} keys"
        add(words, rate(whole, keys), rate("(b) consume + decode", keys), ">= 0.7", lambda r: r >= 0.7)
    add(
        "(c) / Flink SQL warm",
        rate("(c) beside Flink"),
        rate("Flink SQL, warm"),
        ">= 1.5",
        lambda r: r >= 1.5,
    )
    add("(c) / Quix Streams", rate("(c) beside Quix"), rate("Quix Streams"), ">= 25", lambda r: r >= 25)
    cost = "cost of 20 monitors on one window / of one"
    alone = rate("(c) one monitor")
    add(cost, alone, rate("(c) 20 monitors, one window"), "< 1.3", lambda r: r < 1.3)
    asked, scanned = rate("streamgauge query"), rate("Polars, scan and group-by")
    add("`query` / Polars' scan and group-by", asked, scanned, ">= 0.5", lambda r: r >= 0.5)
    add("cost of 20 windows / of one", alone, rate("(c) 20 windows"), "< 20", lambda r: r < 20)
    return found
