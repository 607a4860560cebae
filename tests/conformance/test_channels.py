"""Every channel found by its file's name keeps the contract, whatever its receiver does."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from streamgauge.channels import alertmanager, console, csv, email, slack, webhook
from streamgauge.channels import kafka as kafka_channel
from streamgauge.channels.contract import Channel
from streamgauge.config import plugins
from streamgauge.conformance import check_channel
from streamgauge.testing import RecordingChannel, Reply, WebhookReceiver
from tests.channels.slack_workspace import CHANNEL, TOKEN, Workspace
from tests.services.kafka import Broker, unique

pytestmark = pytest.mark.conformance


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as running:
        yield running


def hook(url: str, timeout: str = "10s") -> Channel:
    return webhook.open_channel(webhook.Config.model_validate({"url": url, "timeout": timeout}), "checked")


def test_console():
    check_channel(lambda: console.open_channel(console.Config(), "checked", io.StringIO()), delivers=True)


def test_csv(tmp_path: Path):
    check_channel(lambda: csv.open_channel(csv.Config(path=tmp_path / "a.csv"), "checked"), delivers=True)


def test_csv_that_cannot_be_written(tmp_path: Path):
    check_channel(lambda: csv.open_channel(csv.Config(path=tmp_path), "checked"), delivers=False)


def test_webhook(receiver: WebhookReceiver):
    check_channel(lambda: hook(receiver.url), delivers=True)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500), Reply(429, {"Retry-After": "2"}), Reply(404), Reply(302, {"Location": "/"}),
        Reply(kind="never"), Reply(kind="cut"), Reply(kind="trickle"),
    ],
    ids=["500", "429", "404", "302", "never", "cut", "trickle"],
)  # fmt: skip
def test_webhook_whose_receiver_misbehaves(reply: Reply):
    with WebhookReceiver(otherwise=reply) as misbehaving:
        check_channel(lambda: hook(misbehaving.url, timeout="200ms"), delivers=False)


def test_webhook_that_nobody_answers():
    check_channel(lambda: hook("http://127.0.0.1:9/alerts"), delivers=False)


def slack_bot(url: str, timeout: str = "10s") -> Channel:
    settings = {"token": TOKEN, "channel": CHANNEL, "api": url, "timeout": timeout}
    return slack.open_channel(slack.Config.model_validate(settings), "checked")


def slack_webhook(url: str, timeout: str = "10s") -> Channel:
    return slack.open_channel(slack.Config.model_validate({"webhook": url, "timeout": timeout}), "checked")


def to_alertmanager(url: str, timeout: str = "10s") -> Channel:
    settings = {"url": url, "timeout": timeout}
    return alertmanager.open_channel(alertmanager.Config.model_validate(settings), "checked")


def by_mail(port: int, timeout: str = "10s") -> Channel:
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "tls": "none",
        "sender": "a@example.com",
        "to": "b@example.com",
    }
    return email.open_channel(email.Config.model_validate({**settings, "timeout": timeout}), "checked")


def test_slack():
    with Workspace() as workspace:
        check_channel(lambda: slack_bot(workspace.api), delivers=True)
        check_channel(lambda: slack_webhook(workspace.hook), delivers=True)


def test_alertmanager(receiver: WebhookReceiver):
    check_channel(lambda: to_alertmanager(receiver.url.removesuffix("/alerts")), delivers=True)


@pytest.mark.parametrize("make", [slack_bot, slack_webhook, to_alertmanager])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(500), Reply(429, {"Retry-After": "2"}), Reply(404), Reply(302, {"Location": "/"}),
        Reply(kind="never"), Reply(kind="cut"), Reply(kind="trickle"),
    ],
    ids=["500", "429", "404", "302", "never", "cut", "trickle"],
)  # fmt: skip
def test_those_whose_receiver_misbehaves(make: Callable[[str, str], Channel], reply: Reply):
    patience = "30ms" if reply.kind in ("never", "trickle") else "10s"
    with WebhookReceiver(otherwise=reply) as misbehaving:
        check_channel(lambda: make(misbehaving.url.removesuffix("/alerts"), patience), delivers=False)


def test_mail_that_nobody_takes(receiver: WebhookReceiver):
    """Nobody there; and somebody who speaks another language, who lets each step run out of time."""
    check_channel(lambda: by_mail(9), delivers=False)
    port = int(receiver.url.split(":")[2].split("/")[0])
    check_channel(lambda: by_mail(port, "30ms"), delivers=False)


def to_kafka(brokers: str, topic: str, timeout: str) -> Channel:
    settings: dict[str, Any] = {"brokers": brokers, "topic": topic, "timeout": timeout}
    return kafka_channel.open_channel(kafka_channel.Config.model_validate(settings), "checked")


@pytest.mark.services
def test_kafka_channel(kafka: Broker):
    topic = kafka.create_topic(unique("alerts"), 1)
    check_channel(lambda: to_kafka(kafka.bootstrap, topic, "5s"), delivers=True)


def test_every_channel_is_checked():
    assert set(plugins.names("channels")) == {
        "alertmanager", "console", "csv", "email", "kafka", "slack", "webhook",
    }  # fmt: skip


def test_a_channel_that_raises_is_found_out():
    with pytest.raises(AssertionError, match="it must answer"):
        check_channel(lambda: RecordingChannel([OSError("broken pipe")]))


def test_a_channel_that_takes_its_time_or_changes_notices_is_found_out():
    class Meddling(RecordingChannel):
        def send(self, notice):
            notice["seen"] = timedelta(1)
            return super().send(notice)

    with pytest.raises(AssertionError, match="changed the notice"):
        check_channel(Meddling)
