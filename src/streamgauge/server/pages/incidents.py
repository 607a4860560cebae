"""The pages of incidents: a list to look through, and one incident with all that explains it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from streamgauge.clock import SECOND
from streamgauge.incident import Incident, IncidentState
from streamgauge.server.desk import Desk
from streamgauge.server.incidents import page as page_of
from streamgauge.server.pages import charts
from streamgauge.server.pages.rendering import NotHere, page

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.config.models import Config
    from streamgauge.stores.contract import Reading

EACH = 50
AROUND = 300 * SECOND
"""How far before and after its beginning other incidents of the stream are looked for."""

_LIMIT = re.compile(r"\s*(\w+)\s*(?:<=|<|>=|>)\s*(-?[\d.]+(?:e-?\d+)?)\s*", re.IGNORECASE)


def routes(desk: Desk) -> APIRouter:
    """``/incidents`` and ``/incidents/{id}``."""
    router = APIRouter()

    @router.get("/incidents", response_class=HTMLResponse)
    def incidents(
        request: Request,
        state: Annotated[IncidentState | None, Query()] = None,
        monitor: Annotated[str | None, Query()] = None,
        before: Annotated[str | None, Query()] = None,
    ) -> HTMLResponse:
        found, following = page_of(desk.look(), state, monitor, EACH, before)
        values = {
            "incidents": found,
            "next": following,
            "state": state,
            "monitor": monitor,
            "monitors": sorted(desk.running.config.monitors),
            "states": [str(one) for one in IncidentState],
        }
        return page(request, "incidents.html", values)

    @router.get("/incidents/{incident_id}", response_class=HTMLResponse)
    def incident(request: Request, incident_id: str) -> HTMLResponse:
        look, config = desk.look(), desk.running.config
        found = look.incident(incident_id)
        if found is None:
            raise NotHere(f"There is no incident {incident_id!r}")
        settings = config.monitors.get(found.monitor)
        values = {
            "incident": found,
            "changes": look.changes(incident_id),
            "settings": settings,
            "picture": picture(look, found),
            "related": related(look, config, found),
        }
        return page(request, "incident.html", values)

    return router


def related(look: Reading, config: Config, incident: Incident) -> list[Incident]:
    """What else began within the same minutes on the same stream, first cause first."""
    stream = config.origin_of(incident.monitor) if incident.monitor in config.monitors else None
    if stream is None:
        return []
    near = look.incidents(limit=200, before=incident.opened_at + AROUND)
    mine = [
        other
        for other in near
        if other.id != incident.id
        and other.opened_at >= incident.opened_at - AROUND
        and other.monitor in config.monitors
        and config.origin_of(other.monitor) == stream
    ]
    return sorted(mine, key=lambda other: other.opened_at)[:20]


def picture(look: Reading, incident: Incident) -> Markup:
    """What was observed of its key around the incident, with the moment marked; empty where nothing is kept."""
    start, end = incident.window_start, incident.last_end or incident.window_end
    if start is None or end is None:
        return Markup("")
    width = max(end - start, SECOND)
    frame = look.history(
        incident.monitor,
        key=incident.key,
        start=start - 20 * width,
        end=(incident.resolved_at or end) + 10 * width,
    )
    name = drawn(frame, incident.observed)
    if name is None:
        return Markup("")
    known = frame.sort("window_end")
    values = [math.nan if v is None else float(v) for v in known[name].to_list()]
    series = charts.Series(
        f"{name} around the beginning of the incident, per window",
        known["window_end"].to_list(),
        values,
        limit=limit_of(incident.expected, name),
        marks=[(start, end)],
    )
    return charts.line(series)


def drawn(frame: pl.DataFrame, observed: Mapping[str, Any]) -> str | None:
    """The first number observed that the history holds; else the first number it holds."""
    numeric = [name for name, kind in frame.schema.items() if kind.is_numeric()]
    known = [name for name in numeric if name not in ("window_start", "window_end")]
    return next((name for name in observed if name in known), known[0] if known else None)


def limit_of(expected: Any, name: str) -> float | None:
    """The number in ``events <= 100``, where it is about ``name``.

    >>> limit_of("events <= 100", "events"), limit_of("not (a > 1 and b > 2)", "a")
    (100.0, None)
    """
    match = _LIMIT.fullmatch(expected) if isinstance(expected, str) else None
    return float(match[2]) if match is not None and match[1] == name else None
