"""Who pressed what in Slack: only what is signed, fresh and one of our buttons."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from streamgauge.channels.slack_signing import NotSlackError, Pressed, read, verify

SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = 1_531_420_618.0


def signed(body: bytes, *, secret: str = SECRET, at: float = NOW) -> dict[str, str]:
    """The headers that Slack sends."""
    stamp = str(int(at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-request-timestamp": stamp, "x-slack-signature": f"v0={digest}"}


def press(action: str = "acknowledge", incident: str = "burst-1", **changes: Any) -> bytes:
    """A request's body."""
    payload = {
        "type": "block_actions",
        "user": {"id": "U123", "username": "ada", "name": "ada", "team_id": "T1"},
        "trigger_id": "1.2.3",
        "response_url": "https://hooks.slack.com/actions/T1/1/x",
        "actions": [
            {"action_id": f"streamgauge:{action}", "block_id": "b", "type": "button", "value": incident,
             "action_ts": "1531420618.123"}
        ],
    }  # fmt: skip
    return urlencode({"payload": json.dumps({**payload, **changes})}).encode()


def test_the_example_of_slacks_own_documentation():
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
        b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
        b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    verify(["another", SECRET], headers, body, NOW)


@pytest.mark.parametrize(
    ("headers", "now", "why"),
    [
        ({}, NOW, "is missing"),
        ({"x-slack-request-timestamp": "soon"}, NOW, "is missing"),
        ({"x-slack-request-timestamp": "²"}, NOW, "is missing"),
        (signed(press()), NOW + 301, "too old"),
        (signed(press()), NOW - 301, "too old"),
        (signed(press(), secret="another"), NOW, "not that of this app"),
        (signed(press("noise")), NOW, "not that of this app"),
        ({**signed(press()), "x-slack-signature": ""}, NOW, "not that of this app"),
        ({**signed(press()), "x-slack-signature": "v0=\u20ac"}, NOW, "not that of this app"),
        ({**signed(press()), "x-slack-request-timestamp": str(int(NOW) + 1)}, NOW, "not that of this app"),
    ],
)
def test_what_is_not_believed(headers, now, why):
    with pytest.raises(NotSlackError, match=why) as told:
        verify([SECRET], headers, press(), now)
    assert SECRET not in str(told.value)


def test_nobody_is_believed_without_a_secret():
    with pytest.raises(NotSlackError):
        verify([], signed(press(), secret=""), press(), NOW)


def test_what_is_fresh_and_signed_is_believed():
    verify([SECRET], signed(press()), press(), NOW + 299)


def test_what_was_pressed():
    assert read(press("noise", "burst-7")) == Pressed(
        "noise", "burst-7", "ada (Slack U123)", "1531420618.123", "https://hooks.slack.com/actions/T1/1/x"
    )


@pytest.mark.parametrize(
    "body",
    [press("runbook"), press("link"), press("drop_tables"), press(type="view_submission"), press(type=None)],
)
def test_what_is_no_button_of_ours(body):
    assert read(body) is None


@pytest.mark.parametrize(
    "body",
    [
        b"", b"payload=", b"payload={", b"payload=[]", b"\xff", b"x=1", b"payload=" + b"[" * 100_000,
        press(actions=[]), press(actions="x"), press(user=None, actions=[1]), b"&".join([b"a=1"] * 50),
    ],
)  # fmt: skip
def test_what_is_no_interaction(body):
    with pytest.raises(NotSlackError, match="it is no interaction"):
        read(body)


def test_names_of_strangers_are_shown_safely():
    pressed = read(press(user={"id": "U\x1b[31m", "name": "a\nb" * 100}))
    assert pressed is not None
    assert pressed.who.isprintable()
    assert len(pressed.who) < 200
