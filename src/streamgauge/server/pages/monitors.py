"""The pages of monitors: all of them; one with its history and its incidents; and a changed copy of it, tried."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse
from markupsafe import Markup
from pydantic import BaseModel, Field

from streamgauge.config.drafting import written
from streamgauge.config.models import Config
from streamgauge.incident import Incident
from streamgauge.keys import key_from_plain, key_text
from streamgauge.server.desk import Desk
from streamgauge.server.history import label, shown_key, told
from streamgauge.server.pages import charts, trials
from streamgauge.server.pages.now import in_order
from streamgauge.server.pages.rendering import POLICY, NotHere, key_words, page, read_moment, shown
from streamgauge.server.refusals import refuse_strangers
from streamgauge.server.replay import Trial, Trials
from streamgauge.server.shown import monitors_shown

KEYS = 30
"""Keys that are offered for the chart: those with most windows of late."""

LATELY = 6 * 3_600_000_000
"""Microseconds of history that are looked at."""


def routes(desk: Desk) -> APIRouter:
    """``/monitors``, ``/monitors/{name}`` and ``/monitors/{name}/try``."""
    router = APIRouter()
    tries = Trials(desk)

    @router.get("/monitors", response_class=HTMLResponse)
    def monitors(request: Request) -> HTMLResponse:
        shown = in_order(monitors_shown(desk.now, desk.running.config))
        return page(request, "monitors.html", {"monitors": shown})

    @router.get("/monitors/{name}", response_class=HTMLResponse)
    def monitor(request: Request, name: str, key: Annotated[str | None, Query()] = None) -> HTMLResponse:
        if name not in desk.running.config.monitors:
            raise NotHere(f"There is no monitor {name!r}")
        config, look = desk.running.config, desk.look()
        incidents = look.incidents(monitor=name, limit=20)
        asked = key if key is not None else key_text(incidents[0].key) if incidents else None
        found = lately(desk, name, asked)
        if asked is None and found["keys"]:
            asked = found["keys"][0]["text"]
            found = lately(desk, name, asked)
        keys = [(one["text"], one["label"]) for one in found["keys"][:KEYS]]
        mine = [one for one in incidents if key_text(one.key) == asked]
        one = next(m for m in monitors_shown(desk.now, config) if m["name"] == name)
        values = {
            "monitor": one,
            "settings": settings_of(config, name),
            "incidents": incidents,
            "keys": keys,
            "key": asked,
            "label": written_key(asked),
            "picture": picture(found, mine),
        }
        return page(request, "monitor.html", values)

    @router.get("/monitors/{name}/why", response_class=HTMLResponse)
    def why(name: str, key: Annotated[str | None, Query()] = None) -> HTMLResponse:
        from streamgauge.why import why as ask_why

        if name not in desk.running.config.monitors:
            raise NotHere(f"There is no monitor {name!r}")
        found = ask_why(desk.running.config, desk.look(), name, key, desk.now)
        whose = key_words(found["key"])
        said = Markup("<p>{}{}.</p>").format(f"{whose}: " if whose else "", shown(found["answer"]))
        return HTMLResponse(said, headers={"Content-Security-Policy": POLICY})

    @router.post("/monitors/{name}/try", response_class=HTMLResponse)
    async def attempt(request: Request, name: str, asked: Attempt) -> HTMLResponse:
        refuse_strangers(request)
        if name not in desk.running.config.monitors:
            raise NotHere(f"There is no monitor {name!r}")
        draft = Trial(monitor=name, draft=asked.draft, last=asked.last)
        return page(request, "trial.html", trials.shown(await run_in_threadpool(tries.tried, draft)))

    return router


class Attempt(BaseModel):
    """What the form sends."""

    draft: Annotated[str, Field(max_length=100_000)]
    last: Annotated[str, Field(max_length=20)] = "1h"


def lately(desk: Desk, name: str, key: str | None) -> dict[str, Any]:
    """The newest hours of a monitor's history, as the API tells it."""
    status = desk.now.monitors.get(name)
    end = None if status is None else status.last_end
    return told(desk, name, key, (None if end is None else end - LATELY, None), charts.POINTS)


def settings_of(config: Config, monitor: str) -> str:
    """What the file says of it, as YAML."""
    text: str = yaml.safe_dump(written(config, monitor), sort_keys=False, allow_unicode=True, width=100)
    return text


def written_key(text: str | None) -> str | None:
    """A key's text as people write it for `why`; None where the monitor has none."""
    key = None if text is None else shown_key(text)
    if key is None:
        return None
    return ", ".join(map(str, key)) if isinstance(key, list) else str(key)


def picture(found: Mapping[str, Any], incidents: Sequence[Incident]) -> Markup:
    """The newest values of one key with their band, and its incidents."""
    series, name = found["series"], found["drawn"]
    if name is None or not series["at"]:
        return Markup("")
    times = [read_moment(at) or 0 for at in series["at"]]
    marks = [(one.window_start, one.last_end) for one in incidents]
    within = [(max(start, times[0]), end) for start, end in marks if start and end and end > times[0]]
    whose = label(key_text(key_from_plain(found["key"])))
    return charts.line(
        charts.Series(
            f"{name} of {whose}, per window",
            times,
            _numbers(series["values"][name]["mean"]),
            limit=found["limit"],
            lower=_numbers(series["lower"]) if any(v is not None for v in series["lower"]) else (),
            upper=_numbers(series["upper"]) if any(v is not None for v in series["upper"]) else (),
            marks=within,
        )
    )


def _numbers(column: Sequence[float | None]) -> list[float]:
    return [math.nan if number is None else number for number in column]
