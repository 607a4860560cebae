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
from streamgauge.incidents.matchers import Matcher
from streamgauge.server.desk import Desk
from streamgauge.server.groups import held
from streamgauge.server.incidents import beside
from streamgauge.server.incidents import page as page_of
from streamgauge.server.pages import analysis, charts
from streamgauge.server.pages.rendering import NotHere, page

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.stores.contract import Reading

EACH, GROUPS = 50, 20
"""Incidents of one page, and groups above them."""
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
            "groups": [group for group in held(desk.look()) if group.speaking][:GROUPS],
        }
        return page(request, "incidents.html", values)

    @router.get("/incidents/{incident_id}", response_class=HTMLResponse)
    def incident(request: Request, incident_id: str) -> HTMLResponse:
        look = desk.look()
        found = look.incident(incident_id)
        if found is None:
            raise NotHere(f"There is no incident {incident_id!r}")
        settings = desk.running.config.monitors.get(found.monitor)
        values = {
            "incident": found,
            "changes": look.changes(incident_id),
            "settings": settings,
            "picture": picture(look, found),
            "related": [other for other, _ in beside(look, found, desk.running.config)],
            "matchers": matchers(found),
            "analysis": analysis.link(desk.running.config, found),
        }
        return page(request, "incident.html", values)

    return router


def matchers(incident: Incident) -> list[str]:
    """What a silence of this very key is about."""
    named = {name: incident.labels[name] for name in ("monitor", "key") if incident.labels.get(name)}
    return [str(Matcher(name, "=", value)) for name, value in named.items()]


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
