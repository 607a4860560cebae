"""The buttons of Slack's messages: signed requests become what the API does."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from fastapi import APIRouter, Request
from fastapi.responses import Response

from streamgauge.channels.slack import Config as SlackConfig
from streamgauge.channels.slack_blocks import escaped
from streamgauge.channels.slack_signing import NotSlackError, Pressed, read, verify
from streamgauge.channels.wording import number_of
from streamgauge.config.matched import known_labels
from streamgauge.incidents.actions import Act, AddSilence, TakeGroup
from streamgauge.incidents.actions import Asked as AskedAct
from streamgauge.incidents.group import Group
from streamgauge.incidents.matchers import Matcher
from streamgauge.incidents.silence import Silence, everything
from streamgauge.keys import key_label
from streamgauge.server.acts import done
from streamgauge.server.desk import Desk
from streamgauge.server.groups import group_of
from streamgauge.server.refusals import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

HOUR = 3_600 * 1_000_000
"""How long a silence by the button holds (microseconds)."""
PATIENCE = 5.0
"""Seconds for telling Slack what came of it."""
UNDER_WAY = 100
"""Presses that are carried out at a time; Slack gets 503 beyond, and the person sees it."""

_log = structlog.get_logger("streamgauge.server")


def routes(desk: Desk) -> APIRouter:
    """``POST /api/slack/interactions``."""
    router = APIRouter(tags=["channels"])
    under_way: set[asyncio.Task[None]] = set()

    @router.post("/api/slack/interactions")
    async def interactions(request: Request) -> Response:
        """A button was pressed in Slack; answers at once, and tells the person in Slack what came of it."""
        body = await request.body()
        secrets = signing_secrets(desk)
        if not secrets:
            raise Refused(404, "no channel of type slack has a `signing_secret`")
        try:
            verify(secrets, request.headers, body, desk.clock.now() / 1e6)
            pressed = read(body)
        except NotSlackError as error:
            raise Refused(401, f"this is not a request of Slack's: {error}") from None
        if pressed is None:
            return Response()
        if len(under_way) >= UNDER_WAY:
            raise Refused(503, "too many presses are under way; press again")
        task = asyncio.create_task(carry_out(desk, pressed))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        return Response()

    return router


def signing_secrets(desk: Desk) -> Sequence[str]:
    """Of all Slack channels that the running configuration declares."""
    found = [config.signing_secret for config in _slack_channels(desk)]
    return [secret.get_secret_value() for secret in found if secret is not None]


async def carry_out(desk: Desk, pressed: Pressed) -> None:
    """Do what the button says, and tell the person what came of it."""
    try:
        said = await _outcome(desk, pressed)
    except Refused as refused:
        said = str(refused.detail)
    except Exception as error:  # noqa: BLE001  whoever pressed must hear of it, whatever it is
        _log.exception("a button of Slack's failed", action=pressed.action)
        said = f"this failed inside the server ({type(error).__name__}); its log says why"
    await _answer(desk, pressed, said)


async def _outcome(desk: Desk, pressed: Pressed) -> str:
    group = group_of(desk.look(), pressed.incident) if pressed.action in ("acknowledge", "silence") else None
    answer = await done(desk, asked(desk, pressed) if group is None else asked_of(group, desk, pressed))
    if group is not None and pressed.action == "acknowledge":
        return (
            f"{number_of(answer['taken'], 'incident')} acknowledged by {pressed.who}: not repeated until over"
        )
    return {
        "acknowledge": f"acknowledged by {pressed.who}: it is not repeated until it is over",
        "silence": f"silenced for one hour by {pressed.who}",
        "useful": "noted as useful, thank you",
        "noise": "noted as noise, thank you",
    }[pressed.action]


def asked(desk: Desk, pressed: Pressed) -> AskedAct:
    """What the engine is asked.

    Raises:
        Refused: there is no such incident.
    """
    if pressed.action == "acknowledge":
        return Act("ack", pressed.incident, pressed.who)
    if pressed.action != "silence":
        return Act("feedback", pressed.incident, pressed.who, word=pressed.action)
    incident = desk.look().incident(pressed.incident)
    if incident is None:
        raise Refused(
            404, f"there is no incident {pressed.incident!r}, nor a group that holds something open"
        )
    matchers = [Matcher("monitor", "=", incident.monitor)]
    if incident.key is not None:
        matchers.append(Matcher("key", "=", key_label(incident.key)))
    return _silence(desk, pressed, matchers, incident.id)


def asked_of(group: Group, desk: Desk, pressed: Pressed) -> AskedAct:
    """What the engine is asked of all that a notice tells together.

    Raises:
        Refused: what they share says nothing, so a silence of it would mute everything.
    """
    if pressed.action == "acknowledge":
        return TakeGroup(group.name, pressed.who)
    matchers = [Matcher(name, "=", value) for name, value in group.labels.items() if value]
    if everything(matchers, known_labels(desk.running.config)):
        raise Refused(409, "this would mute everything; make a silence by hand: `streamgauge silence add`")
    return _silence(desk, pressed, matchers, group.id)


def _silence(desk: Desk, pressed: Pressed, matchers: list[Matcher], about: str) -> AddSilence:
    """One of an hour; the same press makes the same one."""
    now = desk.clock.now()
    same = hashlib.blake2b(f"{pressed.moment}{pressed.incident}".encode("utf-8", "replace"), digest_size=4)
    comment = f"pressed in Slack, for {about}"
    return AddSilence(
        Silence(same.hexdigest(), tuple(matchers), now, now + HOUR, pressed.who, comment, created_at=now)
    )


async def _answer(desk: Desk, pressed: Pressed, said: str) -> None:
    """To the person alone, beside the message."""
    import httpx

    if not _is_slacks(desk, pressed.response_url):
        return
    message = {"response_type": "ephemeral", "replace_original": False, "text": escaped(said)}
    try:
        async with httpx.AsyncClient(timeout=PATIENCE, follow_redirects=False) as client:
            await client.post(pressed.response_url, json=message)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _log.warning("Slack could not be told what came of a button", why=type(error).__name__)


def _is_slacks(desk: Desk, url: str) -> bool:
    """Whether answers go to Slack itself, or to the stand-in that a channel names."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname in ("hooks.slack.com", "hooks.slack-gov.com"):
        return True
    return any(
        parts.netloc and parts.netloc == urlsplit(config.api).netloc for config in _slack_channels(desk)
    )


def _slack_channels(desk: Desk) -> list[SlackConfig]:
    return [config for config in desk.running.config.channels.values() if isinstance(config, SlackConfig)]
