"""The page of streams: how far each partition is read, what is late, what could not be read."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from streamgauge.channels.wording import printable
from streamgauge.server.desk import Desk
from streamgauge.server.pages.pulse import Pulse
from streamgauge.server.pages.rendering import page
from streamgauge.server.shown import streams_shown
from streamgauge.stores.contract import DeadLetter

LETTERS = 10
PAYLOAD = 400
"""Characters of a dead letter's record that are shown."""


def routes(desk: Desk, pulse: Pulse) -> APIRouter:
    """``/streams``."""
    router = APIRouter()

    @router.get("/streams", response_class=HTMLResponse)
    def streams(request: Request) -> HTMLResponse:
        look, config = desk.look(), desk.running.config
        shown = streams_shown(desk.now, desk.clock.now())
        for stream in shown:
            stream["letters"] = look.dead_letters(stream=stream["name"], limit=LETTERS)
            declared = config.streams.get(stream["name"])
            fields = {} if declared is None else declared.fields
            stream["masked"] = sorted(name for name, spec in fields.items() if spec.mask)
        return page(request, "streams.html", {"streams": shown, "pulse": pulse, "payload": payload})

    return router


def payload(letter: DeadLetter, masked: list[str]) -> str:
    """The beginning of the record; nothing of it where the stream has fields that must not be shown."""
    if masked:
        return "not shown: " + ", ".join(masked) + (" is" if len(masked) == 1 else " are") + " masked"
    if letter.payload is None:
        return "–"
    return printable(letter.payload.decode("utf-8", "replace"), PAYLOAD)
