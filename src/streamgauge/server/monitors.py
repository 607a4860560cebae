"""The API of monitors: how each stands, and pausing and resuming it."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from streamgauge.incidents.actions import Attend
from streamgauge.server.acts import done
from streamgauge.server.desk import Desk
from streamgauge.server.guard import caller
from streamgauge.server.incidents import plain
from streamgauge.server.refusals import Refused, refuse_strangers
from streamgauge.server.shown import monitors_shown
from streamgauge.settings import nearest


def routes(desk: Desk) -> APIRouter:
    """``/monitors``, ``/monitors/{name}`` and ``/monitors/{name}/pause|resume``."""
    router = APIRouter(tags=["monitors"])

    @router.get("/monitors")
    async def monitors() -> JSONResponse:
        """Each monitor: its state, the last window that it judged, why it is paused."""
        return JSONResponse({"monitors": monitors_shown(desk.now, desk.running.config)})

    @router.get("/monitors/{name}")
    async def monitor(name: str) -> JSONResponse:
        """One of them."""
        known(desk, name)
        shown = monitors_shown(desk.now, desk.running.config)
        return JSONResponse(next(one for one in shown if one["name"] == name))

    @router.post("/monitors/{name}/{verb}")
    async def attend(request: Request, name: str, verb: Literal["pause", "resume"]) -> JSONResponse:
        """Pause or resume it; answers once committed, and it holds over a restart."""
        refuse_strangers(request)
        known(desk, name)
        return plain(await done(desk, Attend(verb, name, caller(request).name)))

    @router.get("/why/{name}")
    def why(
        name: str,
        key: Annotated[str | None, Query(description="As people write it; several values by commas.")] = None,
    ) -> JSONResponse:
        """Why this monitor did, or did not, fire for a key."""
        from streamgauge.why import why as ask_why

        known(desk, name)
        return plain(ask_why(desk.running.config, desk.look(), name, key, desk.now))

    return router


def known(desk: Desk, name: str) -> None:
    """Refuse what is no monitor.

    Raises:
        Refused: with 404, naming the nearest.
    """
    names = desk.running.config.monitors
    if name not in names:
        raise Refused(404, f"there is no monitor {name!r}; {nearest(name, names)}")
