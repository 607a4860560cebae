"""The image ``connect``: a real worker starts in it as the compose file says, has our sinks, and runs one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from streamgauge.testing import WebhookReceiver, eventually
from tests.connect.alerts import HTTP, SECRET, SLACK, numbered
from tests.deploy.images.building import Image
from tests.deploy.images.running import Container
from tests.services.kafka import Broker, unique
from tests.services.process import free_ports

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(3600)]
PATIENCE = timedelta(minutes=5)


@pytest.fixture(scope="module")
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as made:
        yield made


class Worker:
    """The service ``connect`` on this machine's broker."""

    def __init__(self, image: Image, kafka: Broker, webhook: str) -> None:
        (self.port,) = free_ports(1)
        group = unique("connect")
        environment = {
            "CONNECT_BOOTSTRAP_SERVERS": kafka.bootstrap,
            "CONNECT_LISTENERS": f"http://127.0.0.1:{self.port}",
            "CONNECT_REST_ADVERTISED_HOST_NAME": "127.0.0.1",
            "CONNECT_GROUP_ID": group,
            **{
                f"CONNECT_{part.upper()}_STORAGE_TOPIC": f"{group}-{part}"
                for part in ("config", "offset", "status")
            },
            "SLACK_WEBHOOK_URL": webhook,
        }
        self.container = Container(image, "connect", environment=environment)

    def get(self, path: str) -> Any:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=60).json()

    def put(self, name: str, config: dict[str, str]) -> int:
        return httpx.put(
            f"http://127.0.0.1:{self.port}/connectors/{name}/config", json=config, timeout=60
        ).status_code

    def states(self, name: str) -> list[str]:
        status = self.get(f"/connectors/{name}/status")
        return (
            [part["state"] for part in [status["connector"], *status["tasks"]]] if "tasks" in status else []
        )


@pytest.fixture(scope="module")
def worker(connect: Image, kafka: Broker, receiver: WebhookReceiver) -> Iterator[Worker]:
    made = Worker(connect, kafka, f"{receiver.url}/{SECRET}")
    with made.container.start():
        try:
            eventually(lambda: made.container.healthy({8083: made.port}), within=PATIENCE)
        except AssertionError:
            raise AssertionError(made.container.said[-4000:]) from None
        yield made


def test_it_is_nobody_and_its_root_cannot_be_written(worker: Worker):
    done = worker.container.execute(
        "sh", "-c", "id -u; touch /x /opt/kafka/x /opt/connect/plugins/streamgauge/x"
    )
    assert (done.returncode != 0, done.stdout) == (True, "1000\n")
    assert done.stderr.count("Read-only file system") == 3


def test_it_lists_our_sinks(worker: Worker):
    known = {plugin["class"] for plugin in worker.get("/connector-plugins")}
    assert {SLACK, HTTP} <= known


def test_a_connector_runs_and_posts(worker: Worker, kafka: Broker, receiver: WebhookReceiver):
    topic, name = kafka.create_topic(unique("alerts")), unique("sink")
    values, keys = numbered(20, keys=4)
    kafka.produce(topic, values, keys=keys)
    config = {
        "connector.class": SLACK,
        "topics": topic,
        "tasks.max": "1",
        "slack.webhook": "${env:SLACK_WEBHOOK_URL}",
        "consumer.override.auto.offset.reset": "earliest",
    }
    eventually(lambda: worker.put(name, config) in (200, 201), within=PATIENCE)
    eventually(lambda: worker.states(name) == ["RUNNING", "RUNNING"], within=PATIENCE)
    wanted = {json.loads(value)["notice"] for value in values}
    eventually(
        lambda: wanted <= {notice(request.json) for request in list(receiver.received)}, within=PATIENCE
    )
    assert {request.path for request in receiver.received} == {f"/alerts/{SECRET}"}
    assert SECRET not in worker.container.said
    assert SECRET not in json.dumps(worker.get(f"/connectors/{name}"))


def notice(body: dict[str, Any]) -> str:
    """The id of an alert, which stands last in Slack's message."""
    text: str = body["blocks"][-1]["elements"][0]["text"]
    return text
