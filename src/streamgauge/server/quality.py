"""``GET /api/v1/quality/{monitor}``: how good a model was, window by window, and how that was told anew as labels came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from streamgauge.clock import iso
from streamgauge.engines.running.measures import MEASURES
from streamgauge.server.desk import Desk
from streamgauge.server.history import KeyQuery, chosen, keys_shown, of_key, overlapping, shown_key
from streamgauge.server.incidents import plain
from streamgauge.server.monitors import known
from streamgauge.server.offered import ESTIMATED, QUALITY
from streamgauge.server.refusals import Refused

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.config.models import Config
    from streamgauge.stores.reading import SqlReading

REVISIONS = 200
"""Tellings that are listed, the newest."""
PLACES = ("key", "window_start", "window_end", "told")
"""Columns that are no measures."""


def routes(desk: Desk) -> APIRouter:
    """``/quality/{monitor}``."""
    router = APIRouter(tags=["quality"])

    @router.get("/quality/{monitor}")
    def quality(
        monitor: str,
        key: KeyQuery = None,
        points: Annotated[int, Query(ge=10, le=5_000, description="Windows at most, the newest.")] = 500,
    ) -> JSONResponse:
        """Measures with bounds and counts of each window as last told; each telling; what was estimated on the same stream."""
        known(desk, monitor)
        config = desk.running.config
        detector = config.monitors[monitor].detect
        if detector is None or detector.type not in QUALITY | ESTIMATED:
            raise Refused(
                404, f"monitor {monitor!r} does not measure a model; classification and regression do"
            )
        return plain(told(desk.look(), config, monitor, key, points))

    return router


def told(look: SqlReading, config: Config, monitor: str, key: str | None, points: int) -> dict[str, Any]:
    """The answer as plain data."""
    frame = look.judgements(f"{monitor}{MEASURES}")
    settings = config.monitors[monitor]
    text = chosen(key, frame)
    mine = of_key(frame, text)
    newest = last_told(mine)
    return {
        "monitor": monitor,
        "stream": settings.stream,
        "type": settings.detect.type if settings.detect is not None else "",
        "key": None if text is None else shown_key(text),
        "keys": keys_shown(newest if text is None else last_told(frame)),
        "measures": measures_of(mine),
        "windows": newest.height,
        "series": columns(newest.tail(points)),
        "revisions": columns(mine.tail(REVISIONS)),
        "estimated": _estimated(look, config, monitor, points),
        "incidents": [one.as_json() for one in overlapping(look, monitor, text, (None, None))],
    }


def last_told(frame: pl.DataFrame) -> pl.DataFrame:
    """One row per key and window: as it was told last; oldest window first."""
    if not frame.height:
        return frame
    return frame.unique(["key", "window_start", "window_end"], keep="last", maintain_order=True).sort(
        "window_end", "key"
    )


def measures_of(frame: pl.DataFrame) -> list[str]:
    """The measures that have bounds, in the order in which they are told."""
    return [name for name in frame.columns if f"{name}_lower" in frame.columns]


def columns(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """Lists of one length: ``start``, ``at`` (the window's end), ``told``, ``key``, and every measure and count."""
    if not frame.height:
        return {}
    moments = {"start": "window_start", "at": "window_end", "told": "told"}
    found: dict[str, list[Any]] = {
        name: [iso(at) for at in frame[column].to_list()] for name, column in moments.items()
    }
    found["key"] = [shown_key(text) for text in frame["key"].to_list()]
    return found | {name: frame[name].to_list() for name in frame.columns if name not in PLACES}


def _estimated(
    look: SqlReading, config: Config, monitor: str, points: int
) -> dict[str, dict[str, list[Any]]]:
    """What monitors that need no labels say of the same stream."""
    stream = config.monitors[monitor].stream
    names = [
        name
        for name, other in config.monitors.items()
        if other.stream == stream and other.detect is not None and other.detect.type in ESTIMATED
    ]
    return {name: columns(last_told(look.judgements(f"{name}{MEASURES}")).tail(points)) for name in names}
