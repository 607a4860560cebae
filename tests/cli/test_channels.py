"""``streamgauge channels``: the list, and a notice that goes out for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamgauge.testing import Reply, WebhookReceiver
from tests.cli.in_process import Verb

FILE = """\
streams:
  payments:
    source: {{type: files, path: payments.ndjson}}
    format: json
    fields: {{account: string, at: timestamp}}
    time: at
monitors:
  burst:
    stream: payments
    window: {{type: tumbling, size: 5s, by: account}}
    detect: {{type: threshold, when: count > 100}}
    notify: [ops, console]
channels:
  ops: {{type: webhook, url: "{url}"}}
  unused: {{type: console, to: stderr}}
"""


@pytest.fixture
def channels(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return Verb("channels", capsys)


@pytest.fixture
def receiver():
    with WebhookReceiver() as receiver:
        yield receiver


@pytest.fixture
def file(tmp_path: Path, receiver: WebhookReceiver) -> Path:
    made = tmp_path / "payments.yaml"
    made.write_text(FILE.format(url=receiver.url))
    return made


def test_the_list(channels, file):
    listed = channels("--config", file)
    assert listed.code == 0
    assert [line.split() for line in listed.lines] == [
        ["name", "type", "told", "by"],
        ["console", "console", "burst"],
        ["ops", "webhook", "burst"],
        ["unused", "console"],
    ]
    assert channels("--config", file, "--json").objects[1] == {
        "name": "ops",
        "type": "webhook",
        "told_by": ["burst"],
    }


def test_a_notice_arrives(channels, file, receiver):
    told = channels("test", "ops", "--config", file)
    where = receiver.url.removesuffix("/alerts")
    assert told.lines == [
        f"the beginning: delivered ({where} answered 200)",
        f"the end: delivered ({where} answered 200)",
    ]
    assert [one["status"] for one in receiver.notices] == ["firing", "resolved"]
    assert receiver.notices[0]["title"] == "this is a test of the channel: nothing is wrong"


def test_what_does_not_arrive_is_1(channels, file, receiver):
    receiver.script.extend([Reply(429, {"Retry-After": "30"}), Reply(403, body=b"who are you?")])
    later = channels("test", "ops", "--config", file)
    assert (later.code, later.out.endswith("answered 429: ok); it asks to wait 30s\n")) == (1, True)
    (never,) = channels("test", "ops", "--config", file, "--json").objects
    assert (never["result"], "who are you?" in never["detail"]) == ("give up", True)


def test_mistakes(channels, file):
    unknown = channels("test", "opps", "--config", file)
    assert (unknown.code, "there is no channel 'opps'; did you mean `ops`?" in unknown.err) == (2, True)
    nothing = channels()
    assert (nothing.code, "--config FILE" in nothing.err) == (2, True)
