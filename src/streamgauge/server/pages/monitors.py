"""The pages of monitors: all of them, and one with its history, its incidents and why it did or did not fire."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import yaml
from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from markupsafe import Markup

from streamgauge.keys import key_text
from streamgauge.server.desk import Desk
from streamgauge.server.pages import charts
from streamgauge.server.pages.incidents import drawn, limit_of
from streamgauge.server.pages.now import in_order
from streamgauge.server.pages.rendering import NotHere, page
from streamgauge.server.shown import monitors_shown

if TYPE_CHECKING:
    import polars as pl

KEYS = 30
"""Keys that are offered for the chart: those with most windows of late."""

LATELY = 20_000
"""Rows of history that are looked at."""


def routes(desk: Desk) -> APIRouter:
    """``/monitors`` and ``/monitors/{name}``."""
    router = APIRouter()

    @router.get("/monitors", response_class=HTMLResponse)
    def monitors(request: Request) -> HTMLResponse:
        shown = in_order(monitors_shown(desk.now, desk.running.config))
        return page(request, "monitors.html", {"monitors": shown})

    @router.get("/monitors/{name}", response_class=HTMLResponse)
    def monitor(request: Request, name: str, key: Annotated[str | None, Query()] = None) -> HTMLResponse:
        if name not in desk.running.config.monitors:
            raise NotHere(f"There is no monitor {name!r}")
        config, look = desk.running.config, desk.look()
        frame = look.history(name).tail(LATELY)
        incidents = look.incidents(monitor=name, limit=20)
        keys = keys_of(frame, [key_text(incident.key) for incident in incidents])
        chosen = key if key in keys else (keys[0] if keys else None)
        expected = incidents[0].expected if incidents else None
        one = next(m for m in monitors_shown(desk.now, config) if m["name"] == name)
        values = {
            "monitor": one,
            "settings": settings_of(config.monitors[name]),
            "incidents": incidents,
            "keys": [(text, label(text)) for text in keys],
            "key": chosen,
            "picture": picture(frame, chosen, expected, [(i.window_start, i.last_end) for i in incidents
                                                          if i.window_start and i.last_end
                                                          and key_text(i.key) == chosen]),
        }  # fmt: skip
        return page(request, "monitor.html", values)

    return router


def settings_of(monitor: Any) -> str:
    """What the file says of it, as YAML; defaults left out."""
    plain = monitor.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return text


def keys_of(frame: pl.DataFrame, first: Sequence[str]) -> list[str]:
    """The keys in the history: those of ``first``, then those with most windows."""
    if "key" not in frame.columns or not frame.height:
        return []
    import polars as pl

    counted = frame.group_by("key").agg(pl.len().alias("n")).sort("n", "key", descending=[True, False])
    known = [text for text in counted["key"].to_list() if text is not None]
    told = [text for text in dict.fromkeys(first) if text in set(known)]
    return [*told, *(text for text in known[:KEYS] if text not in told)]


def label(text: str) -> str:
    """A key's text as people read it.

    >>> label('"DE"'), label('["DE",4]'), label("null")
    ('DE', 'DE · 4', 'all')
    """
    import msgspec

    from streamgauge.server.pages.rendering import key_words

    try:
        value = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text
    return key_words(value) or "all"


def picture(frame: pl.DataFrame, key: str | None, expected: Any, marks: list[tuple[int, int]]) -> Markup:
    """The newest values of one key."""
    if key is None:
        return Markup("")
    import polars as pl

    mine = frame.filter(pl.col("key") == key).sort("window_end").tail(2_000)
    name = drawn(mine, {})
    if name is None or not mine.height:
        return Markup("")
    values = [math.nan if v is None else float(v) for v in mine[name].to_list()]
    times = mine["window_end"].to_list()
    within = [(max(start, times[0]), end) for start, end in marks if end > times[0]]
    series = charts.Series(
        f"{name} of {label(key)}, per window", times, values, limit=limit_of(expected, name), marks=within
    )
    return charts.line(series)
