"""The first page: is all well, what fires, how each stream and monitor stands."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from streamgauge.engines.reporting.status import EngineStatus
from streamgauge.incident import Incident, IncidentState
from streamgauge.server import health
from streamgauge.server.desk import Desk
from streamgauge.server.pages.pulse import Pulse
from streamgauge.server.pages.rendering import page
from streamgauge.server.shown import channels_shown, monitors_shown, streams_shown

MOST = 50
"""Incidents that fire which are listed; the page of incidents has all."""

ENDED = 8
"""Incidents that ended which are listed."""


def routes(desk: Desk, pulse: Pulse) -> APIRouter:
    """``/``."""
    router = APIRouter()

    @router.get("/", response_class=HTMLResponse)
    def now(request: Request) -> HTMLResponse:
        status = desk.now
        look = desk.look()
        firing = look.incidents(state=IncidentState.FIRING, limit=MOST)
        acknowledged = look.incidents(state=IncidentState.ACKNOWLEDGED, limit=MOST)
        # The engine's picture is half a second old, the store's is not: the head is never behind what stands below it.
        known = max(sum(status.open.values()), len(firing) + len(acknowledged))
        return page(
            request,
            "now.html",
            {
                "status": status,
                "troubles": troubles(status, desk.clock.monotonic()),
                "streams": streams_shown(status, desk.clock.now()),
                "pulse": pulse,
                "monitors": in_order(monitors_shown(status, desk.running.config)),
                "channels": channels_shown(status),
                "firing": firing,
                "acknowledged": acknowledged,
                "ended": look.incidents(state=IncidentState.RESOLVED, limit=ENDED),
                "open": known,
                "since": since,
                "wall": desk.clock.now(),
            },
        )

    return router


def troubles(status: EngineStatus, monotonic: float) -> list[str]:
    """What keeps the engine itself from its work, and the streams that are lost; in sentences."""
    is_ready, answer = health.ready(status, monotonic)
    lost = [f"{name}: {stream.lost}" for name, stream in status.streams.items() if stream.lost]
    return ([] if is_ready else list(answer["reasons"])) + lost


def in_order(monitors: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What fires first, then what is paused, then the rest as in the file."""
    ranks = {"firing": 0, "paused": 1, "starting": 2}
    return sorted(monitors, key=lambda monitor: ranks.get(monitor["state"], 3))


def since(incident: Incident, wall: int) -> int:
    """Microseconds since it began, by the wall clock: of a replayed past that may be long."""
    return max(0, wall - incident.opened_at)
