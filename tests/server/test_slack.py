"""Buttons of Slack's messages, pressed over real HTTP: what the engine is asked, and what the person is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.config import load
from streamgauge.incidents.actions import Act, AddSilence
from streamgauge.incidents.matchers import Matcher
from streamgauge.server.thread import ServerThread
from streamgauge.testing import WebhookReceiver, eventually
from tests.channels.test_slack_signing import SECRET, press, signed
from tests.server.given import Engine, Process, configuration, fill, incident, past

FIRING = incident("a-7", number=1)


@pytest.fixture
def slack() -> Iterator[WebhookReceiver]:
    with WebhookReceiver() as slack:
        yield slack


@pytest.fixture
def process(tmp_path: Path, slack: WebhookReceiver) -> Process:
    configuration(tmp_path)
    file = tmp_path / "payments.yaml"
    stand_in = slack.url.removesuffix("/alerts")
    ops = f'{{type: slack, token: xoxb-12345678, channel: C0123456789, signing_secret: "{SECRET}", api: "{stand_in}/api"}}'
    file.write_text(file.read_text() + f"channels:\n  ops: {ops}\n")
    config = load(file)
    fill(config, past())
    return Process(config, engine=Engine())


class Slack:
    """Presses buttons."""

    def __init__(self, process: Process, url: str, answers: WebhookReceiver) -> None:
        self._process, self._url, self._answers = process, url, answers
        self._web = httpx.Client(verify=False)

    def press(self, action: str, of: str = FIRING.id, **changes: Any) -> int:
        body = press(action, of, response_url=self._answers.url, **changes)
        now = self._process.clock.now() / 1e6
        return self.send(body, signed(body, at=now))

    def send(self, body: bytes, headers: dict[str, str]) -> int:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._web.post(
            f"{self._url}/api/slack/interactions", content=body, headers={**kind, **headers}
        ).status_code

    def told(self, count: int = 1) -> list[str]:
        eventually(lambda: len(self._answers.received) >= count)
        assert all(one["response_type"] == "ephemeral" for one in self._answers.notices)
        return [one["text"] for one in self._answers.notices]


@pytest.fixture
def pressing(process: Process, slack: WebhookReceiver) -> Iterator[Slack]:
    server = ServerThread(process, "127.0.0.1", 0)
    yield Slack(process, f"http://127.0.0.1:{server.start()}", slack)
    server.stop()


def engine(process: Process) -> Engine:
    assert process.engine is not None
    return process.engine


def test_acknowledge_and_feedback(pressing: Slack, process: Process):
    assert [pressing.press(action) for action in ("acknowledge", "useful", "noise")] == [200] * 3
    said = pressing.told(3)
    assert set(engine(process).acts) == {
        Act("ack", FIRING.id, "ada (Slack U123)"),
        Act("feedback", FIRING.id, "ada (Slack U123)", word="useful"),
        Act("feedback", FIRING.id, "ada (Slack U123)", word="noise"),
    }
    assert any(text.startswith("acknowledged by ada") for text in said)


def test_silence_for_an_hour_once_however_often_slack_sends_it(pressing: Slack, process: Process):
    assert [pressing.press("silence"), pressing.press("silence")] == [200, 200]
    pressing.told(2)
    first, again = engine(process).acts
    assert isinstance(first, AddSilence)
    assert isinstance(again, AddSilence)
    assert first.silence.id == again.silence.id
    assert first.silence.matchers == (Matcher("monitor", "=", "burst"), Matcher("key", "=", "a-7"))
    assert first.silence.end == first.silence.start + 3_600_000_000
    assert first.silence.author == "ada (Slack U123)"


def test_what_cannot_be_done_is_told(pressing: Slack, process: Process):
    engine(process).refuses = "it has ended already (<recovered>)"
    pressing.press("acknowledge")
    pressing.press("silence", "none-such")
    assert set(pressing.told(2)) == {
        "it has ended already (&lt;recovered&gt;)",
        "there is no incident 'none-such', nor a group that holds something open",
    }


def test_only_slack_is_believed(pressing: Slack, process: Process):
    body = press("acknowledge", FIRING.id)
    now = process.clock.now() / 1e6
    assert pressing.send(body, {}) == 401
    assert pressing.send(body, signed(body, secret="another", at=now)) == 401
    assert pressing.send(body, signed(body, at=now - 400)) == 401
    assert pressing.send(body + b"&x=1", signed(body, at=now)) == 401
    assert pressing.send(b"x" * (1024**2 + 1), signed(body, at=now)) == 413
    assert engine(process).acts == []


def test_answers_go_to_slack_alone(pressing: Slack, process: Process):
    """A signed request is Slack's own, but even so nothing is sent to where it does not belong."""
    with WebhookReceiver() as elsewhere:
        pressing.press("useful")
        body = press("noise", FIRING.id, response_url=elsewhere.url)
        assert pressing.send(body, signed(body, at=process.clock.now() / 1e6)) == 200
        eventually(lambda: len(engine(process).acts) == 2)
        pressing.told(1)
        assert elsewhere.received == []


def test_a_link_is_no_act(pressing: Slack, process: Process):
    assert pressing.press("runbook") == 200
    assert engine(process).acts == []


def test_without_a_secret_there_is_no_door(tmp_path: Path):
    config = configuration(tmp_path)
    fill(config, past())
    process = Process(config)
    server = ServerThread(process, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.start()}/api/slack/interactions"
    answer = httpx.Client(verify=False).post(url, content=press())
    server.stop()
    assert (answer.status_code, "signing_secret" in answer.json()["error"]) == (404, True)
