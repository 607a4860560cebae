"""What Slack's answers mean: for a webhook a status and a word, for the Web API ``ok`` and an error's name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from streamgauge.channels.contract import Answer, Result
from streamgauge.channels.posting import NoReplyError, Reply, judge, retry_after
from streamgauge.channels.wording import printable

BAD_BLOCKS = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments"}
)
"""Slack does not take the blocks; the text alone goes out instead."""
PASSING = frozenset(
    {"ratelimited", "rate_limited", "message_limit_exceeded", "internal_error", "fatal_error"}
    | {"service_unavailable", "request_timeout", "team_added_to_org", "accesslimited", "rollup_error"}
)
"""Errors that pass by themselves."""

_ADVICE = {
    "not_in_channel": "invite the bot: /invite @NAME in that channel",
    "channel_not_found": "`channel` must be the id of a channel that the bot can see, such as C0123456789",
    "is_archived": "the channel is archived; name another, or take it out of the archive",
    "channel_is_archived": "the channel is archived; make a webhook for another",
    "invalid_auth": "the token is wrong",
    "not_authed": "the token is missing",
    "token_revoked": "the token was revoked; install the app again",
    "token_expired": "the token has expired; install the app again",
    "account_inactive": "the app was removed from the workspace",
    "missing_scope": "the app lacks a permission; it needs chat:write and channels:history (groups:history in private ones)",
    "restricted_action": "the workspace forbids the bot to post there",
    "no_service": "the webhook was removed; make a new one",
    "no_active_hooks": "the webhook was disabled; make a new one",
    "invalid_token": "the webhook's URL is wrong",
}


class SlackSaysNoError(Exception):
    """A clear no of Slack's: ``name`` of the error and what it means for the notice."""

    def __init__(self, name: str, answer: Answer) -> None:
        super().__init__(answer.detail)
        self.name = name
        self.answer = answer


def read(reply: Reply, where: str, method: str, now: datetime) -> dict[str, Any]:
    """The object that a Web API method answered.

    Raises:
        SlackSaysNoError: it refuses, for good or for now.
        NoReplyError: what came is no answer of Slack's (half a body, a proxy's page): it may have acted.
    """
    if reply.status == 429:
        raise SlackSaysNoError("ratelimited", _again(where, method, "ratelimited", reply.headers, now))
    if reply.status >= 500:
        raise NoReplyError(f"{where} answered {reply.status} to {method}")
    try:
        found = msgspec.json.decode(reply.body, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NoReplyError(
            f"{where} answered {reply.status} to {method} with something that is no JSON"
        ) from None
    if found.get("ok") is True:
        return found
    name = printable(found.get("error") or f"status {reply.status}", 60)
    if name in PASSING:
        raise SlackSaysNoError(name, _again(where, method, name, reply.headers, now))
    raise SlackSaysNoError(
        name, Answer(Result.GAVE_UP, f"{where} refuses {method}: {name}{_advice(name, found)}")
    )


def read_webhook(reply: Reply, body: str, where: str, now: datetime) -> Answer:
    """What a webhook's status means; ``body`` is the word that it says, safe to show."""
    answer = judge(reply.status, reply.headers, body, where, now)
    return Answer(answer.result, answer.detail + _advice(body, {}), answer.wait)


def _again(where: str, method: str, name: str, headers: Mapping[str, str], now: datetime) -> Answer:
    return Answer(Result.AGAIN, f"{where} asks to come again ({method}: {name})", retry_after(headers, now))


def _advice(name: str, found: Mapping[str, Any]) -> str:
    needed = f" (needed: {printable(found['needed'], 60)})" if found.get("needed") else ""
    return f"; {_ADVICE[name]}{needed}" if name in _ADVICE else needed
