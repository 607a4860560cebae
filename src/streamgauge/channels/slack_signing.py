"""What Slack sends when somebody presses a button: believed only when it is signed with the app's secret, and fresh."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import msgspec

from streamgauge.channels.slack_blocks import ACTIONS, PREFIX
from streamgauge.channels.wording import printable

FRESH = 300
"""Seconds; older requests are somebody's recording."""
NAME = 80


class NotSlackError(Exception):
    """The request is not Slack's, or not of now; the text says why, without secrets."""


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button that somebody pressed.

    Attributes:
        action: a key of :data:`~streamgauge.channels.slack_blocks.ACTIONS`.
        incident: the id of the incident that the message is about.
        who: their name, with Slack's id of them.
        moment: Slack's own name of this press; the same when it is sent again.
        response_url: where to answer them.
    """

    action: str
    incident: str
    who: str
    moment: str
    response_url: str


def verify(secrets: Iterable[str], headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Make sure that ``body`` comes from Slack: ``v0`` HMAC-SHA256 with one of ``secrets``, at most five minutes old.

    Args:
        secrets: the signing secrets of all apps that may press.
        headers: names in any case that ``headers`` itself takes.
        body: as it came.
        now: seconds since 1970.

    Raises:
        NotSlackError: it does not.
    """
    stamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
        raise NotSlackError("X-Slack-Request-Timestamp is missing")
    if abs(now - int(stamp)) > FRESH:
        raise NotSlackError("the request is too old, or a clock is wrong")
    right = False
    for secret in secrets:  # all of them, so that the time tells nothing
        digest = hmac.new(secret.encode(), b"v0:%s:" % stamp.encode() + body, hashlib.sha256).hexdigest()
        right |= hmac.compare_digest(f"v0={digest}".encode(), signature.encode("utf-8", "replace"))
    if not right:
        raise NotSlackError("the signature is not that of this app")


def read(body: bytes) -> Pressed | None:
    """What was pressed; None where it is none of our buttons (a link is one too).

    Raises:
        NotSlackError: it is no interaction.
    """
    try:
        fields = parse_qs(body.decode("ascii"), max_num_fields=10)
        payload = msgspec.json.decode(fields["payload"][0])
        if payload.get("type") != "block_actions":
            return None
        action, user = payload["actions"][0], payload["user"]
        name = str(action["action_id"])
    except (ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        raise NotSlackError(f"it is no interaction: {type(error).__name__}") from None
    if not name.startswith(PREFIX) or name.removeprefix(PREFIX) not in ACTIONS:
        return None
    return Pressed(
        name.removeprefix(PREFIX),
        str(action.get("value") or ""),
        _who(user),
        str(action.get("action_ts") or payload.get("trigger_id") or ""),
        str(payload.get("response_url") or ""),
    )


def _who(user: Any) -> str:
    if not isinstance(user, Mapping):
        return "somebody (Slack)"
    name = user.get("name") or user.get("username") or "somebody"
    return f"{printable(name, NAME)} (Slack {printable(user.get('id') or '?', NAME)})"
