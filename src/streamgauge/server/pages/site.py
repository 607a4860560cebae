"""All pages, what they load, and the events that keep them fresh."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse

from streamgauge.server.desk import Desk
from streamgauge.server.pages import incidents, monitors, now, silences, streams
from streamgauge.server.pages.pulse import Pulse
from streamgauge.server.pages.rendering import NotHere, page
from streamgauge.server.refusals import Refused

if TYPE_CHECKING:
    from fastapi import FastAPI

EVERY = 1.0
"""Seconds between looks at the engine's picture."""

_KINDS = {".js": "text/javascript", ".css": "text/css", ".txt": "text/plain", ".svg": "image/svg+xml"}


def add_to(app: FastAPI, desk: Desk) -> None:
    """Serve the pages."""
    pulse = Pulse()
    app.add_exception_handler(NotHere, _not_here)
    for router in (
        now.routes(desk, pulse),
        incidents.routes(desk),
        monitors.routes(desk),
        streams.routes(desk, pulse),
        silences.routes(desk),
        _around(desk, pulse),
    ):
        app.include_router(router, include_in_schema=False)


def _around(desk: Desk, pulse: Pulse) -> APIRouter:
    router = APIRouter()

    @router.get("/pages/events")
    async def events(request: Request) -> StreamingResponse:
        """An event whenever the engine has a new picture."""
        return StreamingResponse(_pictures(request, desk, pulse), media_type="text/event-stream")

    @router.get("/pages/static/{name}")
    def static(name: str) -> Response:
        """What the pages load; its name changes with what it holds, or it is small."""
        kind = _KINDS.get(name[name.rfind(".") :])
        found = files("streamgauge.server.pages").joinpath("static", name)
        if "/" in name or kind is None or not found.is_file():
            raise Refused(404, f"there is no {name!r} here")
        return Response(found.read_bytes(), media_type=kind, headers={"Cache-Control": "max-age=300"})

    return router


async def _pictures(request: Request, desk: Desk, pulse: Pulse) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    while not desk.ending.is_set() and not await request.is_disconnected():
        pulse.note(desk.now)
        yield f"event: picture\ndata: {desk.now.at}\n\n"
        await asyncio.sleep(EVERY)


async def _not_here(request: Request, error: Exception) -> HTMLResponse:
    return page(request, "not_here.html", {"sentence": str(error)}, status=404)
