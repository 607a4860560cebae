"""The page of silences: what is muted, by whom and until when; a new one; and taking one back."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from streamgauge.config.telling import rules_of
from streamgauge.incidents.silence import read_silences, weekly_words
from streamgauge.server.desk import Desk
from streamgauge.server.pages.rendering import page

ENDED = 20
"""Silences that ended which are listed."""


def routes(desk: Desk) -> APIRouter:
    """``/silences``."""
    router = APIRouter()

    @router.get("/silences", response_class=HTMLResponse)
    def silences(request: Request, matcher: Annotated[list[str] | None, Query()] = None) -> HTMLResponse:
        now, config = desk.clock.now(), desk.running.config
        made = read_silences(desk.look().telling("silence:"), None)
        declared = rules_of(config).maintenance
        values = {
            "now": now,
            "running": [silence for silence in made if not silence.over(now)],
            "declared": declared,
            "ended": [silence for silence in made if silence.over(now)][-ENDED:],
            "monitors": sorted(config.monitors),
            "matcher": matcher or [],
            "words": weekly_words,
        }
        return page(request, "silences.html", values)

    return router
