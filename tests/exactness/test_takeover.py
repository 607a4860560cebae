"""Two processes and one store, or one group: never both at once, and the one that is refused says why."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from streamgauge.errors import SourceError
from streamgauge.testing import WebhookReceiver
from tests.exactness.live import MANY, Live, clock, records, stream
from tests.exactness.running import Run, peek, until, write
from tests.services.kafka import Broker, unique

pytestmark = pytest.mark.services

PLAIN = {"STREAMGAUGE_JIT": "off"}


def _read(path: Path) -> int:
    positions = peek(path, lambda look: look.positions("payments")) or {}
    return sum(position.next_offset for position in positions.values())


def _config(
    kafka: Broker, topic: str, receiver: WebhookReceiver | None = None, **more: Any
) -> dict[str, Any]:
    channels = {} if receiver is None else {"channels": {"ops": {"type": "webhook", "url": receiver.url}}}
    many = MANY if receiver is None else {**MANY, "notify": "ops"}
    return {"streams": {"payments": stream(kafka, topic, **more)}, "monitors": {"many": many}, **channels}


def test_frozen_beyond_its_time_the_store_is_another_s_and_it_writes_and_sends_nothing_more(
    kafka: Broker, tmp_path: Path
):
    topic, base = kafka.create_topic(unique(), 1), clock() // 5 * 5
    with WebhookReceiver() as receiver:
        path = write(tmp_path, _config(kafka, topic, receiver))
        with Run(path, env=PLAIN) as first:
            kafka.produce(topic, records("a", [base, base + 0.1, base + 0.2]))
            until(lambda: _read(path) == 3, "the first records", alive=first)
            first.freeze()
            frozen = time.monotonic()
            with Run(path, env=PLAIN) as early:
                assert early.ended() == 3
                assert "another Streamgauge" in early.log
                assert "has the store" in early.log
            second = _take_over(path)
            assert time.monotonic() - frozen > 9, "it could have been about to go on"
            with second:
                until(lambda: second.says('"reading"'), "the other one's reading", alive=second)
                kafka.produce(topic, records("a", [base + 0.3, base + 1]))
                until(lambda: _read(path) == 5, "the records after it", alive=second)
                until(lambda: receiver.received, "the notice", alive=second)
                sent = len(receiver.received)
                first.thaw()
                assert first.ended() == 3
                assert "another process" in first.log
                kafka.produce(topic, records("b", [base + 2]))
                until(lambda: _read(path) == 6, "what comes later", alive=second)
                assert second.stop() == 0
    assert [notice["observed"] for notice in receiver.notices] == [{"events": 4}]
    assert len(receiver.received) == sent == 1


def _take_over(path: Path) -> Run:
    """Start again until the store may be taken."""
    deadline = time.monotonic() + 60
    while not _answered(run := Run(path, env=PLAIN)):
        assert "another Streamgauge" in run.log
        assert time.monotonic() < deadline, run.log
    return run


def _answered(run: Run) -> bool:
    """Whether it has the store; else it has ended."""
    until(lambda: run.says("server listens") or not run.running, "its answer")
    return run.running


def test_a_second_member_of_the_group_is_refused_at_its_start(kafka: Broker, tmp_path: Path):
    topic, group = kafka.create_topic(unique(), 2), unique("group")
    own: dict[str, Any] = {"source": {"group": group}}
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    one = write(first, _config(kafka, topic, **own))
    other = write(second, _config(kafka, topic, **own))
    with Run(one, env=PLAIN) as reading:
        until(lambda: reading.says('"reading"'), "reading", alive=reading)
        with Run(other, env=PLAIN) as refused:
            assert refused.ended() == 3
            assert "read in the same consumer group" in refused.log
            assert "give this one another `group:` and another store" in refused.log
        assert reading.stop() == 0


@pytest.mark.usefixtures("plain_kernels")
def test_whoever_joins_later_ends_it_with_a_sentence(kafka: Broker, tmp_path: Path):
    from confluent_kafka import Consumer

    topic, group = kafka.create_topic(unique(), 2), unique("group")
    with Live(tmp_path, _config(kafka, topic, source={"group": group})) as live:
        kafka.produce(topic, records("a", [clock()]), partition=0)
        live.until(lambda: live.read() == 1, "the first record")
        stranger = Consumer(
            {
                "bootstrap.servers": kafka.bootstrap,
                "group.id": group,
                "client.id": "stranger",
                "partition.assignment.strategy": "cooperative-sticky",
            }
        )
        stranger.subscribe([topic])
        try:
            until(lambda: stranger.poll(0.05) or not live.running, "its end")
        finally:
            stranger.close()
    with pytest.raises(SourceError, match=r"stranger on .* read in the same consumer group"):
        live.stop()


def test_sigterm_drains_and_commits_and_the_next_start_reads_nothing_again(kafka: Broker, tmp_path: Path):
    topic, base = kafka.create_topic(unique(), 1), clock() // 5 * 5
    with WebhookReceiver() as receiver:
        path = write(tmp_path, _config(kafka, topic, receiver))
        with Run(path, env=PLAIN) as run:
            until(lambda: run.says('"reading"'), "reading", alive=run)
            kafka.produce(topic, records("a", [base + k / 10 for k in range(4)]))
            until(lambda: _read(path) > 0, "something read", alive=run)
            run.signal(signal.SIGTERM)
            assert run.ended() == 0
        assert _read(path) == 4
        assert len(receiver.notices) == 1
        assert not any(peek(path, lambda look: look.outbox_depth()).values())
        with Run(path, env=PLAIN) as again:
            until(lambda: again.says('"reading"'), "reading", alive=again)
            assert f'"{topic}:0": 4' in again.log
            assert again.stop() == 0
