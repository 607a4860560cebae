"""Time that passes without records: only while all is read, never while anything is lost or under way."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.exactness.live import EXACTLY, MANY, Live, clock, record, records, stream
from tests.services.kafka import Broker, unique

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("plain_kernels")]


def test_a_window_closes_by_the_wall_clock_once_nothing_comes(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 2)
    base = clock() // 5 * 5
    with Live(
        tmp_path, {"streams": {"payments": stream(kafka, topic)}, "monitors": {"two": EXACTLY}}
    ) as live:
        kafka.produce(topic, records("a", [base, base + 1]), partition=0)
        sent = time.monotonic()
        live.until(lambda: live.open("two"), "the window's end")
        took = time.monotonic() - sent
    assert took > 4, "the window's end is 4 s behind its last record, and as many must pass"


def test_a_stream_that_never_speaks_is_told_and_its_first_record_ends_that(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 2)
    quiet = {"stream": "payments", "detect": {"type": "silence", "after": "2s"}}
    config = {"streams": {"payments": stream(kafka, topic)}, "monitors": {"quiet": quiet}}
    with Live(tmp_path, config) as live:
        (incident,) = live.until(lambda: live.open("quiet"), "the silence of a stream that never spoke")
        assert incident.key is None
        kafka.produce(topic, [record("a", clock())], partition=1)
        live.until(lambda: not live.open("quiet"), "its end")
    assert [i.reason for i in live.incidents("quiet")] == ["recovered"]


def test_an_empty_partition_does_not_hold_the_others_back(kafka: Broker, tmp_path: Path):
    topic = kafka.create_topic(unique(), 3)
    base = clock() // 5 * 5 - 100
    everything = {
        "stream": "payments",
        "window": {"type": "tumbling", "size": "5s", "compute": {"n": "count(*)"}},
        "detect": {"type": "threshold", "when": "n = 3", "clear_when": "n < 0"},
    }
    config = {"streams": {"payments": stream(kafka, topic)}, "monitors": {"all": everything}}
    with Live(tmp_path, config) as live:
        kafka.produce(topic, records("a", [base, base + 1]), partition=0)
        kafka.produce(topic, records("b", [base + 2, base + 60]), partition=1)
        live.until(lambda: live.open("all"), "the merged window of two partitions")
    assert live.windows("all")[0] == ("[]", int(base * 1e6), 3)


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_an_open_transaction_freezes_time_and_its_end_thaws_it(kafka: Broker, tmp_path: Path, end: str):
    topic = kafka.create_topic(unique(), 1)
    base = clock() // 5 * 5
    config = {"streams": {"payments": stream(kafka, topic)}, "monitors": {"two": EXACTLY, "many": MANY}}
    with Live(tmp_path, config) as live:
        kafka.produce(topic, records("a", [base, base + 1]), partition=0)
        producer = kafka.transaction(topic, records("b", [base + 2, base + 3]), partition=0, end="open")
        live.until(lambda: live.read() == 2, "the records before it")
        until_then = clock() + 7
        live.until(lambda: clock() > until_then, "7 s, after which the window would have closed")
        assert not live.incidents()
        assert not live.caught_up(topic)
        producer.commit_transaction(20) if end == "commit" else producer.abort_transaction(20)
        live.until(lambda: live.caught_up(topic), "the transaction's mark is no record, and holds up nothing")
        live.until(lambda: live.open("two"), "the window's end")
    told = {incident.key for incident in live.incidents("two")}
    assert told == ({"a", "b"} if end == "commit" else {"a"})
