"""Channels are opened with what they ask for; a picture shows the windows that were, and what was observed."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamgauge.channels.slack_bot import SlackBot
from streamgauge.config import load
from streamgauge.engines.outgoing.told import open_channel, recent_in
from streamgauge.incident import Notice
from streamgauge.stores import open_reading
from streamgauge.stores.receipts import Receipts
from streamgauge.testing import PushedClock
from tests.server.given import configuration, fill, incident, past

CHANNEL = '{type: slack, token: "xoxb-1234-x", channel: C0123456789}'


@pytest.fixture
def look(tmp_path: Path):
    config = configuration(tmp_path)
    fill(config, past())
    look = open_reading(config.store.url)
    yield look
    look.close()


def test_a_picture_of_a_key(look):
    recent = recent_in(look)
    notice = Notice(incident("a-9", number=2), 1, "ops").as_json()
    assert recent(notice) == [101.0, 7.0, 101.0]
    assert recent({**notice, "monitor": "no-such"}) == ()
    assert recent({**notice, "observed": {"unknown": 1}}) == ()
    assert recent({**notice, "observed": {"text": "x"}}) == ()
    assert recent({**notice, "window_start": None}) == ()
    look.close()


def test_notices_link_to_their_pages(tmp_path, capsys):
    configuration(tmp_path)
    text = (tmp_path / "payments.yaml").read_text("utf-8")
    given = "server: {public_url: 'https://gauge.example/'}\nchannels:\n  here: {type: console, text: '{{ link }}'}\n"
    channel = open_channel(load(text + given), "here", PushedClock())
    notice = Notice(incident("a/7"), 1, "here").as_json()
    channel.send(notice)
    assert f"  https://gauge.example/incidents/{notice['id']}\n" in capsys.readouterr().out
    channel.send({**notice, "incident": "group of route"})
    assert "'link' is undefined" in capsys.readouterr().out
    channel.close()


def test_what_else_began_is_linked_too(tmp_path, capsys):
    configuration(tmp_path)
    text = (tmp_path / "payments.yaml").read_text("utf-8")
    given = "server: {public_url: 'https://gauge.example/'}\nchannels:\n  here: {type: console}\n"
    channel = open_channel(load(text + given), "here", PushedClock())
    other = {
        "id": "burst/x",
        "title": "\x1b[2Jburst of a-1",
        "opened_at": "2023-11-14T22:13:19.000Z",
        "upstream": True,
    }
    channel.send(Notice(incident("a/7"), 1, "here", around=[other]).as_json())
    said = " ".join(capsys.readouterr().out.split())
    assert (
        "before it upstream, 22:13:19 \\x1b[2Jburst of a-1 https://gauge.example/incidents/burst%2Fx" in said
    )
    channel.close()


def test_a_channel_gets_its_receipts(look, tmp_path):
    text = (tmp_path / "payments.yaml").read_text("utf-8") + f"channels:\n  ops: {CHANNEL}\n"
    config = load(text)
    opened = open_channel(config, "ops", PushedClock(), look)
    assert isinstance(opened, SlackBot)
    assert isinstance(opened._receipts, Receipts)
    opened.close()
    opened.close()
    open_channel(config, "console", PushedClock(), look).close()
    trial = open_channel(config, "ops", PushedClock())
    assert not isinstance(trial._receipts, Receipts)  # type: ignore[attr-defined]
    trial.close()
