"""Slack by a bot's token: one message per incident; what follows goes into its thread, and the message follows suit.

What stands where is kept as a receipt: first that a notice is being tried, then where it stands. So after an unclear
answer, or a crash at any instant, the bot first looks for its own message, by the notice's id in its metadata, and
posts only where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec

from streamgauge.channels.contract import Answer, Receipts, Result
from streamgauge.channels.payload import encode
from streamgauge.channels.posting import NoReplyError, Poster
from streamgauge.channels.slack_answers import BAD_BLOCKS, SlackSaysNoError, read
from streamgauge.channels.slack_blocks import NAME, text_only
from streamgauge.channels.wording import printable
from streamgauge.clock import Clock, to_datetime
from streamgauge.errors import StoreError

EVENT = "streamgauge_notice"
"""The type of our metadata."""
PAGES = 5
"""Pages of 200 messages that are searched."""
_CLOCKS = timedelta(minutes=10)  # how far Slack's clock and ours may be apart
_ANSWER = 4 * 1024**2
_GONE = frozenset({"thread_not_found", "message_not_found", "invalid_thread_ts"})
_LEFT_AS_IT_IS = _GONE | {"cant_update_message", "edit_window_closed", "is_inactive"}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where an incident stands in Slack.

    Attributes:
        ts: its first message; empty while there is none.
        first: the notice that is its first message.
        told: the last notice that is known to stand there.
        trying: the notice that is being tried.
        since: wall clock, microseconds, of that try.
    """

    ts: str = ""
    first: str = ""
    told: str = ""
    trying: str = ""
    since: int = 0


class SlackBot:
    """Tells by ``chat.postMessage`` and ``chat.update``. From one thread at a time.

    Args:
        poster: with the token in its headers.
        api: the Web API's address, without a slash at its end.
        channel: the id of the channel.
        compose: a notice as a message.
        receipts: where each incident stands.
        clock: stamps tries.
    """

    def __init__(
        self,
        poster: Poster,
        api: tuple[str, str],
        compose: Callable[[Mapping[str, Any]], dict[str, Any]],
        receipts: Receipts,
        clock: Clock,
    ) -> None:
        self._poster = poster
        self._api, self._channel = api
        self._compose = compose
        self._receipts = receipts
        self._clock = clock

    def __repr__(self) -> str:
        return f"SlackBot({self._channel})"

    def send(self, notice: dict[str, Any]) -> Answer:
        """Say it once: as a message, or in the thread of the incident's first."""
        try:
            return self._tell(notice)
        except NoReplyError as error:
            return Answer(Result.AGAIN, str(error))
        except SlackSaysNoError as error:
            return error.answer
        except StoreError as error:
            return Answer(Result.AGAIN, f"where it stands in Slack could not be kept: {error}")

    def close(self) -> None:
        """Close the connections."""
        self._poster.close()
        self._receipts.close()

    def _tell(self, notice: Mapping[str, Any]) -> Answer:
        incident, id_ = str(notice.get("id") or notice["notice"]), str(notice["notice"])
        standing = self._recall(incident)
        remark = ""
        if standing.told != id_:
            standing, remark = self._said(incident, id_, standing, notice)
        if standing.first != id_:
            remark += self._bring_up_to_date(standing, notice)
        return Answer(Result.DELIVERED, f"it stands in {self._channel} as {standing.ts}{remark}")

    def _said(
        self, incident: str, id_: str, standing: Standing, notice: Mapping[str, Any]
    ) -> tuple[Standing, str]:
        """The notice stands there once it returns: found, or posted."""
        ts, remark = self._find(standing, id_) if standing.trying == id_ else ("", "")
        if not ts:
            standing = replace(standing, trying=id_, since=self._clock.now())
            self._keep(incident, standing)
            ts, standing = self._post(standing, notice)
        if not standing.ts:
            standing = replace(standing, ts=ts, first=id_)
        standing = replace(standing, told=id_, trying="")
        self._keep(incident, standing)
        return standing, remark

    def _post(self, standing: Standing, notice: Mapping[str, Any]) -> tuple[str, Standing]:
        """Where the message stands now; without its thread where that is gone."""
        message = {"channel": self._channel, **self._compose(notice), "metadata": _metadata(notice)}
        if not standing.ts:
            return self._deliver("chat.postMessage", message), standing
        try:
            return self._deliver("chat.postMessage", {**message, "thread_ts": standing.ts}), standing
        except SlackSaysNoError as error:
            if error.name not in _GONE:
                raise
        return self._deliver("chat.postMessage", message), replace(standing, ts="", first="")

    def _bring_up_to_date(self, standing: Standing, notice: Mapping[str, Any]) -> str:
        """Let the incident's first message say how it stands; where it is gone, the thread has said it."""
        metadata = _metadata({**notice, "notice": standing.first})
        message = {"channel": self._channel, "ts": standing.ts, **self._compose(notice), "metadata": metadata}
        try:
            self._deliver("chat.update", message)
        except SlackSaysNoError as error:
            if error.name not in _LEFT_AS_IT_IS:
                raise
            return f"; its first message stays as it is ({error.name})"
        return ""

    def _deliver(self, method: str, message: Mapping[str, Any]) -> str:
        """Send it, with its text alone where the blocks are refused."""
        try:
            return str(self._call(method, message)["ts"])
        except SlackSaysNoError as error:
            if error.name not in BAD_BLOCKS:
                raise
        return str(self._call(method, text_only(message))["ts"])

    def _find(self, standing: Standing, id_: str) -> tuple[str, str]:
        """Where the notice stands already; empty where it does not, and a remark where nobody may look."""
        oldest = (standing.since - int(_CLOCKS.total_seconds() * 1e6)) / 1e6
        asked: dict[str, Any] = {
            "channel": self._channel, "oldest": f"{oldest:.6f}", "limit": 200, "include_all_metadata": "true",
        }  # fmt: skip
        if standing.ts:
            asked |= {"ts": standing.ts, "oldest": standing.ts}
        method = "conversations.replies" if standing.ts else "conversations.history"
        try:
            for _ in range(PAGES):
                found = self._call(method, asked, form=True)
                for message in found.get("messages", ()):
                    if _notice_of(message) == printable(id_, NAME):
                        return str(message["ts"]), "; found there after an unclear answer"
                cursor = (found.get("response_metadata") or {}).get("next_cursor")
                if not cursor:
                    break
                asked["cursor"] = cursor
        except SlackSaysNoError as error:
            if error.answer.result is Result.AGAIN:
                raise
            return "", f"; it may stand there twice: {method} is refused ({error.name})"
        return "", ""

    def _call(self, method: str, arguments: Mapping[str, Any], *, form: bool = False) -> dict[str, Any]:
        content = urlencode(arguments).encode() if form else encode(arguments)
        kind = "application/x-www-form-urlencoded" if form else "application/json; charset=utf-8"
        reply = self._poster.post(f"{self._api}/{method}", content, {"Content-Type": kind}, whole=_ANSWER)
        return read(reply, "Slack", method, to_datetime(self._clock.now()))

    def _recall(self, incident: str) -> Standing:
        body = self._receipts.recall(incident)
        return Standing() if body is None else msgspec.json.decode(body, type=Standing)

    def _keep(self, incident: str, standing: Standing) -> None:
        self._receipts.keep(incident, encode(asdict(standing)).decode())


def _metadata(notice: Mapping[str, Any]) -> dict[str, Any]:
    known = {
        "notice": notice["notice"],
        "incident": notice.get("id") or "",
        "monitor": notice.get("monitor") or "",
    }
    return {
        "event_type": EVENT,
        "event_payload": {name: printable(value, NAME) for name, value in known.items()},
    }


def _notice_of(message: Any) -> str:
    metadata = message.get("metadata") if isinstance(message, Mapping) else None
    if not isinstance(metadata, Mapping) or metadata.get("event_type") != EVENT:
        return ""
    return str((metadata.get("event_payload") or {}).get("notice") or "")
