"""What one answer about many consumer groups costs: ``python -m benchmarks.group_lag [GROUPS [PARTITIONS]]``.

The brokers' answers are simulated, of the library's own kinds where it lets one make them; all behind them is real: the
records, the inbox of a SQLite store, the decoder, the detector `lag`, the text of ``/metrics``. Prints a JSON object for
each side, as both are processes of their own when it runs: who asks, and the engine. Times are those of the processor.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from confluent_kafka import TopicPartition

from streamgauge.clock import SystemClock
from streamgauge.sources.kafka_lag.brokers import Brokers
from streamgauge.sources.kafka_lag.config import Config
from streamgauge.sources.kafka_lag.first_unread import Ends
from streamgauge.sources.kafka_lag.records import records, unread

GROUPS, PARTITIONS, ANSWERS = 1_000, 50, 4
CONFIG = Config(brokers=("simulated:9092",))


def done(value: Any) -> Future[Any]:
    """An answer that is there."""
    future: Future[Any] = Future()
    future.set_result(value)
    return future


class Simulated:
    """Answers as an ``AdminClient`` does, for groups that all read one topic; it grows with each question."""

    def __init__(self, groups: int, partitions: int) -> None:
        self._groups = [f"group-{number:05d}" for number in range(groups)]
        self._numbers = range(partitions)
        self._end = 1_000_000

    def list_topics(self, timeout: float) -> Any:
        """One broker and one topic."""
        self._end += 1_000
        looks = {n: SimpleNamespace(leader=1, replicas=[1, 2, 3], isrs=[1, 2, 3]) for n in self._numbers}
        topic = SimpleNamespace(error=None, partitions=looks)
        return SimpleNamespace(
            brokers={1: SimpleNamespace(host="simulated", port=9092)}, topics={"orders": topic}
        )

    def list_consumer_groups(self, request_timeout: float) -> Any:
        """All of them."""
        kind = SimpleNamespace(name="CLASSIC")
        valid = [SimpleNamespace(group_id=group, type=kind) for group in self._groups]
        return done(SimpleNamespace(valid=valid, errors=[]))

    def describe_consumer_groups(self, groups: list[str], request_timeout: float) -> Any:
        """Five members each."""
        return {group: done(self._described(group)) for group in groups}

    def _described(self, group: str) -> Any:
        members = [
            SimpleNamespace(
                client_id=f"{group}-{member}",
                assignment=SimpleNamespace(
                    topic_partitions=[TopicPartition("orders", n) for n in self._numbers if n % 5 == member]
                ),
            )
            for member in range(5)
        ]
        return SimpleNamespace(state=SimpleNamespace(name="STABLE"), members=members)

    def list_consumer_group_offsets(self, asked: Any, request_timeout: float) -> Any:
        """A little behind the end."""
        places = [TopicPartition("orders", n, self._end - 100 - n) for n in self._numbers]
        return {asked[0].group_id: done(SimpleNamespace(topic_partitions=places))}

    def list_offsets(self, asked: Any, request_timeout: float) -> Any:
        """The beginning is 0."""
        return {
            place: done(SimpleNamespace(offset=self._end if "Latest" in type(spec).__name__ else 0))
            for place, spec in asked.items()
        }

    def describe_configs(self, asked: Any, request_timeout: float) -> Any:
        """Records are kept for a week."""
        told = {
            "cleanup.policy": SimpleNamespace(value="delete"),
            "retention.ms": SimpleNamespace(value="604800000"),
        }
        return {resource: done(told) for resource in asked}


def asking(groups: int, partitions: int, folder: Path) -> dict[str, Any]:
    """The process that asks: from the brokers' answers to the records."""
    brokers, ends = Brokers(CONFIG, Simulated(groups, partitions)), Ends()
    seconds = []
    for number in range(ANSWERS):
        began, now = time.process_time(), 1_700_000_000.0 + 10 * number
        picture = brokers.ask(60)
        ends.add(picture.ends, now)
        found = records(picture, dict.fromkeys(list(unread(picture))[:500], now - 1), ends, now)
        seconds.append(time.process_time() - began)
        (folder / f"{number}.ndjson").write_bytes(b"\n".join(found))
    size = sum(map(len, found))
    return {"case": "who asks", "records": len(found), "bytes": size, "seconds": max(seconds), **memory()}


def counting(folder: Path) -> dict[str, Any]:
    """The engine: from the records through the inbox to verdicts, and the text for a scrape."""
    from datetime import timedelta

    from streamgauge.config import load
    from streamgauge.engines.decoding.decoder import open_decoder
    from streamgauge.engines.running.stream_runner import StreamRunner
    from streamgauge.incidents.board import Board
    from streamgauge.plan import make_plan
    from streamgauge.sources.inbox_source import InboxSource
    from streamgauge.sources.kafka_lag.exposing import samples
    from streamgauge.sources.polling.asking import Asking
    from streamgauge.stores import Owner, open_store
    from streamgauge.stores.inbox import Inbox

    source = {"type": "kafka_lag", "brokers": "simulated:9092"}
    monitors = {"lag": {"stream": "s", "detect": {"type": "lag"}}}
    config = load({"streams": {"s": {"source": source}}, "monitors": monitors})
    plan = make_plan(config).streams["s"]
    url, clock = f"sqlite:///{folder}/store.db", SystemClock()
    open_store(url, owner=Owner.this_process(), clock=clock).close()
    reading, decoder = InboxSource("s", clock, Inbox(url)), open_decoder(config.streams["s"], plan.layout)
    from streamgauge.engines.running.warm_up import warm_up
    from streamgauge.kernels import jit

    jit.choose(live=True)
    warm_up(make_plan(config))
    before = memory()["megabytes"]
    runner = StreamRunner(plan, Board(), Deaf())
    runner.attach(reading._partition, None, from_start=True)
    asking = Asking(CONFIG, "s", Deaf(), clock, Inbox(url))
    reading.open({})
    seconds, scraped = [], 0.0
    for number in range(ANSWERS):
        lines = (folder / f"{number}.ndjson").read_bytes().split(b"\n")
        began = time.process_time()
        asking._keep(lines)
        while slices := reading.poll(5_000, timedelta(0)).slices:
            for piece in slices:
                runner.take([decoder.decode(piece, clock.now())], None)
        runner.pass_time()
        seconds.append(time.process_time() - began)
        began = time.process_time()
        shown = sum(1 for _ in samples(lines))
        scraped = time.process_time() - began
    more = memory()["megabytes"] - before
    return {
        "case": "engine", "seconds": max(seconds), "each": seconds, "samples": shown, "scrape_seconds": scraped,
        "megabytes_more": round(more, 1), **memory(),
    }  # fmt: skip


class Deaf:
    """Hears everything and keeps nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def memory() -> dict[str, float]:
    """The largest resident memory of this process so far."""
    return {"megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)}


def main() -> None:
    """Both sides in turn, each in a process of its own."""
    given = sys.argv[1:]
    if given[:1] == ["--asking"]:
        answer = asking(int(given[1]), int(given[2]), Path(given[3]))
    elif given[:1] == ["--counting"]:
        answer = counting(Path(given[1]))
    else:
        counts = [*given, str(GROUPS), str(PARTITIONS)][:2] if len(given) < 2 else given
        with tempfile.TemporaryDirectory() as folder:
            for part in (["--asking", *counts, folder], ["--counting", folder]):
                subprocess.run([sys.executable, "-m", "benchmarks.group_lag", *part], check=True)
        return
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
