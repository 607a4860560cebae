"""``GET /api/v1/forecast/{monitor}``: what came of a series, what was foretold of it, what is foretold next, and by which model.

The windows that the store keeps are carried on as ``streamgauge forecast`` does it: each model is tried on the newest part
of the past, the best carries on, its errors set the band. ``back`` is such a try that anybody can hold against what came: the
newest values, foretold from those before them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from streamgauge.clock import iso
from streamgauge.server import thinning
from streamgauge.server.desk import Desk
from streamgauge.server.history import KeyQuery, chosen, drawn_of, keys_shown, of_key, overlapping, shown_key
from streamgauge.server.incidents import plain
from streamgauge.server.monitors import known
from streamgauge.server.refusals import Refused
from streamgauge.settings import nearest

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.forecasting.choosing import Forecast
    from streamgauge.forecasting.scores import Score
    from streamgauge.forecasting.series import Series
    from streamgauge.stores.sql import SqlVisitor

Model = Literal[
    "auto", "seasonal_median", "holt_winters", "theta", "seasonal_naive", "fourier", "level", "median"
]
REMEMBERED = 32
"""Answers that are kept: the same question of the same past is not worked out anew."""
LONGEST = 20_000
"""Steps of the past that are looked at, the newest; more would take seconds."""


def routes(desk: Desk) -> APIRouter:
    """``/forecast/{monitor}``."""
    router = APIRouter(tags=["forecast"])
    worked_out = _WorkedOut()

    @router.get("/forecast/{monitor}")
    def forecast(
        monitor: str,
        *,
        key: KeyQuery = None,
        value: Annotated[
            str | None, Query(description="Which number of the windows; default: the judged one.")
        ] = None,
        steps: Annotated[int, Query(ge=1, le=1_000, description="How far.")] = 24,
        model: Annotated[Model, Query(description="`auto` takes what did best on the past.")] = "auto",
        interval: Annotated[
            float, Query(gt=0, lt=1, description="The share that the band should hold.")
        ] = 0.9,
        points: Annotated[int, Query(ge=10, le=5_000)] = 500,
    ) -> JSONResponse:
        """Real against foretold, per key: the past, a back-test, what comes next, the model chosen and why, coverage."""
        known(desk, monitor)
        config, look = desk.running.config, desk.look()
        settings = config.monitors[monitor]
        frame, text = _windows(look, monitor, key)
        name = _value(frame, value, settings.detect)
        mine = of_key(frame, text)
        judged = of_key(look.judgements(monitor), text)
        incidents = overlapping(look, monitor, text, (None, None))
        answer = {
            "monitor": monitor,
            "stream": settings.stream,
            "key": None if text is None else shown_key(text),
            "keys": keys_shown(frame, text),
            "value": name,
            "values": thinning.numbers(frame),
            "interval": interval,
            "past": thinning.series(mine, judged, [] if name is None else [name], points).as_json(),
            "incidents": [one.as_json() for one in incidents],
        }
        asked = (steps, model, interval)
        return plain(
            {**answer, **(_nothing(0) if name is None else worked_out.told(monitor, mine, name, asked))}
        )

    return router


def _windows(look: SqlVisitor, monitor: str, key: str | None) -> tuple[pl.DataFrame, str | None]:
    """All windows kept, and the text of the key: the one asked for, else that with most windows."""
    frame = look.history(monitor)
    if key is not None:
        return frame, chosen(key, frame)
    first = keys_shown(frame)
    return frame, first[0]["text"] if first else None


def _value(frame: pl.DataFrame, asked: str | None, detect: Any) -> str | None:
    names = thinning.numbers(frame)
    if asked is None or not names:
        return drawn_of(detect, names)
    if asked not in names:
        raise Refused(404, f"the windows hold no number {asked!r}; {nearest(asked, names)}")
    return asked


class _WorkedOut:
    """Forecasts by what they were made from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Any, dict[str, Any]] = OrderedDict()

    def told(
        self, monitor: str, mine: pl.DataFrame, name: str, asked: tuple[int, str, float]
    ) -> dict[str, Any]:
        """The part of the answer that has to be worked out."""
        if not mine.height:
            return _nothing(0)
        past = (monitor, str(mine["key"][-1]), mine.height, int(mine["window_end"].max()))  # type: ignore[arg-type]
        place = (past, name, asked)
        with self._lock:
            if place not in self._known:
                self._known[place] = foretold(_series(mine, name), *asked)
            self._known.move_to_end(place)
            while len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
            return self._known[place]


def _series(mine: pl.DataFrame, name: str) -> Series | None:
    import polars as pl

    from streamgauge.forecasting.series import Series, regular

    numbers = mine.select("window_end", pl.col(name).cast(pl.Float64)).drop_nulls()
    try:
        series = regular(numbers["window_end"].to_numpy(), numbers[name].to_numpy())
    except ValueError:
        return None
    over = max(0, len(series) - LONGEST)
    return Series(series.start + over * series.step, series.step, series.values[over:])


def foretold(series: Series | None, steps: int, model: str, interval: float) -> dict[str, Any]:
    """What comes next, a back-test and how it came out, the model and its errors."""
    from streamgauge.forecasting.choosing import LEAST, forecast
    from streamgauge.forecasting.scores import held_out

    if series is None or series.known < LEAST:
        return _nothing(0 if series is None else series.known)
    found = forecast(series, steps, model=model, interval=interval)
    assert found is not None
    back = held_out(series, found.model, interval)
    return {
        "known": series.known,
        "least": LEAST,
        "step_seconds": series.step / 1e6,
        "model": found.model,
        "errors": dict(found.errors),
        "cuts": found.cuts,
        "ahead": _part(found),
        "back": None if back is None else _part(back[0]),
        "coverage": None if back is None else _told(back[1]),
    }


def _told(score: Score | None) -> dict[str, Any]:
    """How a back-test came out."""
    if score is None:
        return {"inside": 0, "of": 0, "share": None, "mae": None, "rmse": None}
    return {
        "inside": score.inside, "of": score.of, "share": score.coverage, "mae": score.mae, "rmse": score.rmse,
    }  # fmt: skip


def _part(found: Forecast) -> dict[str, Any]:
    names = ("expected", "lower", "upper")
    numbers = {name: _plain(getattr(found, name)) for name in names}
    return {"at": [iso(int(at)) for at in found.moments], **numbers}


def _plain(numbers: Any) -> list[float | None]:
    return [float(number) if np.isfinite(number) else None for number in numbers]


def _nothing(known_values: int) -> dict[str, Any]:
    from streamgauge.forecasting.choosing import LEAST

    return {
        "known": known_values, "least": LEAST, "step_seconds": None, "model": None, "errors": {}, "cuts": 0,
        "ahead": None, "back": None, "coverage": None,
    }  # fmt: skip
