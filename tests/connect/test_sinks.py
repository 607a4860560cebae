"""The whole way on real parts: topic, worker, sink, receiver; with faults in each of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamgauge.testing import Reply, WebhookReceiver, eventually
from tests.connect.alerts import (
    HTTP,
    PATIENCE,
    SECRET,
    SLACK,
    dead,
    lag,
    numbered,
    out_of_order,
    reason,
    register,
    secret_file,
    topics,
)
from tests.services.connect import ConnectWorker
from tests.services.kafka import Broker

pytestmark = [pytest.mark.services, pytest.mark.soak]


def named(receiver: WebhookReceiver) -> list[str]:
    """The ids of the alerts in the order of their arrival; of Slack's messages the last line of the blocks."""
    bodies = [request.json for request in list(receiver.received)]
    return [
        body["notice"] if "notice" in body else body["blocks"][-1]["elements"][0]["text"] for body in bodies
    ]


def arrived(receiver: WebhookReceiver) -> list[tuple[str, int]]:
    return [(key, int(n)) for key, _, n in (name.partition("-") for name in named(receiver))]


def shown(worker: ConnectWorker, name: str) -> str:
    """All that the worker shows of a connector, and its log."""
    answers = [worker.get(f"/connectors/{name}{more}") for more in ("", "/config", "/status", "/tasks")]
    return json.dumps(answers) + worker.log.read_text("utf-8")


def test_a_thousand_alerts_a_failing_receiver_and_a_killed_worker(kafka: Broker, worker: ConnectWorker):
    topic = topics(kafka, partitions=6)
    values, keys = numbered(1_000, keys=40)
    kafka.produce(topic, values[:500], keys=keys[:500])
    kafka.produce(topic, [b"no json", b"[1, 2]"], keys=[b"k1", b"k2"])
    kafka.produce(topic, values[500:], keys=keys[500:])
    trouble = [Reply(503), Reply(500), Reply(429, {"Retry-After": "1"}), Reply(kind="cut"), Reply(408)]
    with WebhookReceiver([*[Reply()] * 100, *trouble]) as receiver:
        name = register(
            worker,
            topic,
            {
                "connector.class": SLACK,
                "tasks.max": "2",
                "slack.webhook": secret_file(worker, receiver.url),
                "rate.per.second": "300",
            },
        )
        eventually(lambda: len(receiver.received) >= 400, within=PATIENCE)
        worker.kill()
        before = len(set(named(receiver)))
        worker.start()
        eventually(lambda: len(set(named(receiver))) == 1_000, within=PATIENCE)
        eventually(lambda: lag(kafka, name, topic) == 0, within=PATIENCE)
        assert 400 - len(trouble) <= before < 1_000, "the kill came in the middle"
        assert out_of_order(arrived(receiver)) == []
        repeats = len(receiver.received) - 1_000 - len(trouble)
        assert repeats < 300, "what was committed before the kill does not come again"
        assert {request.path for request in receiver.received} == {f"/alerts/{SECRET}"}
        letters = dead(kafka, topic, 2)
        assert {message.value() for message in letters} == {b"no json", b"[1, 2]"}
        assert any("the value is no object with fields but a list" in reason(message) for message in letters)
        assert SECRET not in shown(worker, name)


def test_what_the_receiver_refuses_is_a_dead_letter(kafka: Broker, worker: ConnectWorker):
    topic = topics(kafka)
    values, keys = numbered(5, keys=1)
    kafka.produce(topic, values, keys=keys)
    refusal = Reply(400, body=f"not for /alerts/{SECRET}".encode())
    with WebhookReceiver([Reply(), refusal]) as receiver:
        name = register(
            worker, topic, {"connector.class": HTTP, "http.url": secret_file(worker, receiver.url)}
        )
        eventually(lambda: len(receiver.received) == 5, within=PATIENCE)
        (letter,) = dead(kafka, topic, 1)
        assert letter.value() == values[1]
        assert reason(letter).startswith(f"the alert at {topic}-0-1 cannot be posted: http://127.0.0.1:")
        assert reason(letter).endswith("refused it with 400: not for ***")
        assert [request.headers["idempotency-key"] for request in receiver.received] == named(receiver)
        assert SECRET not in shown(worker, name)


def test_a_receiver_that_was_away_gets_what_waited(kafka: Broker, worker: ConnectWorker):
    topic = topics(kafka)
    with WebhookReceiver() as gone:
        port, url = int(gone.url.split(":")[2].split("/")[0]), gone.url
    name = register(worker, topic, {"connector.class": HTTP, "http.url": url, "batch.size": "100"})
    values, keys = numbered(50, keys=5)
    kafka.produce(topic, values, keys=keys)
    eventually(lambda: "cannot be reached" in worker.log.read_text("utf-8"), within=PATIENCE)
    assert worker.states(name) == ["RUNNING", "RUNNING"]
    assert lag(kafka, name, topic) == 50
    with WebhookReceiver(port=port) as receiver:
        eventually(lambda: lag(kafka, name, topic) == 0, within=PATIENCE)
        bodies: list[Any] = [request.json for request in receiver.received]
    alerts = [alert for body in bodies for alert in (body if isinstance(body, list) else [body])]
    assert alerts == [json.loads(value) for value in values]
    assert len(bodies) < 50, "several went together"
