"""What people do through the API: the engine is asked, and the answer comes once it is committed."""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from streamgauge.clock import parse_duration, to_micros
from streamgauge.config.matched import doubts, known_labels
from streamgauge.config.telling import rules_of
from streamgauge.incidents.actions import Act, AddSilence, Asked, ExpireSilence, Refusal
from streamgauge.incidents.calendar import parse_weekly
from streamgauge.incidents.matchers import parse_matcher
from streamgauge.incidents.silence import Silence, everything, read_silences
from streamgauge.server.desk import Desk
from streamgauge.server.guard import caller
from streamgauge.server.incidents import plain
from streamgauge.server.refusals import Refused, refuse_strangers

if TYPE_CHECKING:
    from streamgauge.config.models import Config

PATIENCE = 10.0
"""Seconds that the engine has; it answers between two turns, after a commit."""

_Text = Annotated[str, Field(max_length=10_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    who: Annotated[str | None, Field(max_length=200)] = None
    """Who does it; default: whose token it is."""


class Note(_Body):
    """Something said about an incident."""

    text: _Text = ""
    """The note; of `assign` the new owner."""


class Feedback(_Body):
    """Whether an incident helped."""

    word: Literal["useful", "noise"]
    """Which of the two."""
    text: _Text = ""
    """Why."""


class NewSilence(_Body):
    """A silence to be; give `end` or `for`, or `weekly`."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, populate_by_name=True)

    matchers: Annotated[list[str], Field(max_length=50)]
    """Such as severity=warning; all must hold."""
    start: datetime | None = None
    """Default: now."""
    end: datetime | None = None
    """Until when."""
    for_: Annotated[str | None, Field(alias="for")] = None
    """For how long, such as 2h."""
    weekly: str | None = None
    """Only at these times, such as mon-fri 02:00-04:00."""
    zone: str = "UTC"
    """The time zone of `weekly`."""
    comment: _Text = ""
    """Why."""
    everything: bool = False
    """Say so where nothing is left out."""


def routes(desk: Desk) -> APIRouter:
    """``POST /incidents/{id}/…`` and ``/silences``."""
    router = APIRouter()

    @router.post("/incidents/{incident_id}/feedback", tags=["incidents"])
    async def feedback(request: Request, incident_id: str, said: Feedback) -> JSONResponse:
        """Say whether it was useful or noise."""
        who = author(request, said)
        return plain(await done(desk, Act("feedback", incident_id, who, said.text, said.word)))

    @router.post("/incidents/{incident_id}/{verb}", tags=["incidents"])
    async def act(
        request: Request,
        incident_id: str,
        verb: Literal["ack", "assign", "note", "resolve"],
        said: Note | None = None,
    ) -> JSONResponse:
        """Take it (no repeats until it ends), hand it on, note something, end it; answers once committed."""
        note = said or Note()
        return plain(await done(desk, Act(verb, incident_id, author(request, note), note.text)))

    @router.get("/silences", tags=["silences"])
    def silences(*, over: bool = False) -> JSONResponse:
        """Silences and the maintenance of the file; with `over` also those that have ended."""
        now = desk.clock.now()
        found = [
            *rules_of(desk.running.config).maintenance,
            *read_silences(desk.look().telling("silence:"), None if over else now),
        ]
        return plain({"silences": [each.as_json(now) for each in found if over or not each.over(now)]})

    @router.post("/silences", tags=["silences"], status_code=201)
    async def add(request: Request, asked: NewSilence) -> JSONResponse:
        """Make one; answers once it is committed, and from then on it mutes. `doubts` says what may be a slip in it."""
        config = desk.running.config
        silence = made(asked, config, author(request, asked), desk.clock.now())
        told = await done(desk, AddSilence(silence))
        answer = plain({**told, "doubts": doubts(config, silence.matchers)})
        answer.status_code = 201
        return answer

    @router.post("/silences/{silence_id}/expire", tags=["silences"])
    async def expire(request: Request, silence_id: str) -> JSONResponse:
        """Take it back; what it muted and fires still is told."""
        refuse_strangers(request)
        return plain(await done(desk, ExpireSilence(silence_id, caller(request).name)))

    return router


async def done(desk: Desk, asked: Asked) -> dict[str, Any]:
    """What came of it.

    Raises:
        Refused: 404 or 409, nothing was done; 503, the engine did not come to it.
    """
    engine = desk.running.engine
    if engine is None and desk.running.config.store.shared:
        raise Refused(503, "another instance leads, and does what people ask for; ask that one")
    if engine is None:
        raise Refused(503, "the engine is still being made; ask again in a moment")
    try:
        return await asyncio.wait_for(asyncio.wrap_future(engine.act(asked)), PATIENCE)
    except Refusal as refused:
        raise Refused(404 if refused.missing else 409, str(refused)) from None
    except TimeoutError:
        starting = desk.now.starting
        why = "" if starting is None else f" since it has just been started ({starting})"
        told = f"the engine did not come to it within {PATIENCE:g} s{why}; look whether it was done before asking again"
        raise Refused(503, told) from None


def made(asked: NewSilence, config: Config, who: str, now: int) -> Silence:
    """The silence that was asked for.

    Raises:
        Refused: it makes no sense, or mutes everything without saying so.
    """
    try:
        matchers = tuple(parse_matcher(text) for text in asked.matchers)
        weekly = None if asked.weekly is None else parse_weekly(asked.weekly, asked.zone)
        length = None if asked.for_ is None else to_micros(parse_duration(asked.for_))
    except ValueError as error:
        raise Refused(422, str(error)) from None
    start = now if asked.start is None else _micros(asked.start)
    end = start + length if length is not None else None if asked.end is None else _micros(asked.end)
    if end is None and weekly is None:
        raise Refused(422, "say when it ends: `end`, `for`, or `weekly` times")
    if end is not None and end <= max(start, now):
        raise Refused(422, "it would be over already: `end` must lie ahead, and after `start`")
    if not asked.everything and everything(matchers, known_labels(config)):
        raise Refused(422, "this mutes everything: say so (`everything: true`, `--yes`) if you mean it")
    name = secrets.token_hex(4)
    return Silence(name, matchers, start, end, who, asked.comment, weekly, created_at=now)


def author(request: Request, said: Note | Feedback | NewSilence) -> str:
    """Who does it: whose token it is, after the name that is given.

    Raises:
        Refused: a page of another site asks.
    """
    refuse_strangers(request)
    name = caller(request).name
    if said.who is None or said.who == name:
        return name
    return f"{said.who} ({name})"


def _micros(moment: datetime) -> int:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return to_micros(aware)
