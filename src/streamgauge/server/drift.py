"""The API of drift: the reference against what a drift monitor's windows hold now, feature by feature."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from streamgauge.clock import iso
from streamgauge.config.models import Config
from streamgauge.detectors.against_reference import AgainstReference
from streamgauge.engines.running.judgements import SHAPE
from streamgauge.plan import make_plan
from streamgauge.server import distributions
from streamgauge.server.desk import Desk
from streamgauge.server.history import (
    KeyQuery,
    KeyShown,
    Moment,
    chosen,
    keys_shown,
    of_key,
    read_moment,
    shown_key,
)
from streamgauge.server.incidents import plain
from streamgauge.server.monitors import known
from streamgauge.server.refusals import Refused
from streamgauge.statistics.comparison import NormalComparison, Seen
from streamgauge.verdict import Severity

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.stores.sql import SqlVisitor

SPANS = (10 * 60_000_000, 6 * 3_600_000_000, None)
"""How far back the newest window of a key is looked for, microseconds: near first, since that is read fast."""
WINDOWS = 500
"""Windows of the series."""


class Bin(BaseModel):
    """One bin of a feature; shares of rows."""

    bin: str
    low: float | None
    high: float | None
    """Bounds of numbers: above low, up to high; null where it is open or no interval."""
    reference: float
    current: float


class FeatureDrift(BaseModel):
    """One feature, the reference beside the window."""

    feature: str
    kind: str
    value: float | None
    """How far apart they are."""
    floor: float | None
    """How far chance alone may take it."""
    state: str
    severity: str
    masked: bool
    missing: dict[str, float]
    bins: list[Bin]
    moments: dict[str, dict[str, float | None]] | None
    moved: list[dict[str, Any]]


class DriftSeries(BaseModel):
    """The newest windows, oldest first; columns of one length."""

    at: list[str]
    value: list[float | None]
    floor: list[float | None]
    severity: list[str]
    feature: list[str | None]


class Drift(BaseModel):
    """What a drift monitor sees."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "monitor": "amount-drift", "stream": "payments", "method": "psi", "key": None,
                "warning": 0.1, "critical": 0.25, "min": 100,
                "window": {"start": "2026-01-01T00:00:00.000Z", "end": "2026-01-01T00:05:00.000Z", "rows": 1000},
                "severity": "critical", "drifted": 0.5,
                "features": [
                    {
                        "feature": "country", "kind": "category", "value": 0.41, "floor": 0.02, "state": "drift",
                        "severity": "critical", "masked": False, "missing": {"reference": 0.0, "current": 0.0},
                        "bins": [{"bin": "CH", "low": None, "high": None, "reference": 0.7, "current": 0.3}],
                        "moments": None, "moved": [{"bin": "CH", "reference": 0.7, "current": 0.3}],
                    }
                ],
                "keys": [],
                "series": {"at": [], "value": [], "floor": [], "severity": [], "feature": []},
            }
        }
    )  # fmt: skip

    monitor: str
    stream: str
    method: str
    key: Any
    warning: float
    critical: float
    min: int
    window: dict[str, Any] | None
    """The window that is shown; null while none has closed with this reference."""
    severity: str | None
    drifted: float | None
    """The share of features that drifted."""
    features: list[FeatureDrift]
    """The most drifted first."""
    keys: list[KeyShown]
    series: DriftSeries


def routes(desk: Desk) -> APIRouter:
    """``/drift/{monitor}``."""
    router = APIRouter(tags=["drift"])
    detectors = _Detectors()

    @router.get("/drift/{monitor}", response_model=Drift)
    def drift(monitor: str, key: KeyQuery = None, at: Moment = None) -> JSONResponse:
        """The reference against the newest window (by `at`) of a drift monitor: shares per bin, floor, severity, what moved."""
        known(desk, monitor)
        config = desk.running.config
        return plain(
            {
                "monitor": monitor,
                "stream": config.monitors[monitor].stream,
                **told(desk.look(), detectors.of(config, monitor), monitor, key, read_moment(at)),
            }
        )

    return router


def told(
    look: SqlVisitor, detector: AgainstReference, monitor: str, key: str | None, at: int | None
) -> dict[str, Any]:
    """The answer but for the monitor's own words, as plain data."""
    row, text = _newest(look, detector, monitor, key, at)
    judged = _lately(look, monitor, text, at)
    answer = {
        "method": detector.family.name,
        "key": None if text is None else shown_key(text),
        "warning": detector.warning,
        "critical": detector.critical,
        "min": detector.least,
        "window": None,
        "severity": None,
        "drifted": None,
        "features": [],
        "keys": keys_shown(judged),
        "series": _series(judged if text is None else of_key(judged, text)),
    }
    if row is None:
        return answer
    seen = Seen.from_flat(_table(row["table"]), normals=isinstance(detector.comparison, NormalComparison))
    features, severity = distributions.compared(detector, seen)
    rows = int(seen.rows[0])
    enough = severity is not Severity.NOT_ENOUGH_DATA
    drifted = sum(one["state"] != "no_drift" for one in features) / max(1, len(features))
    window = {"start": iso(row["window_start"]), "end": iso(row["window_end"]), "rows": rows}
    return answer | {
        "window": window,
        "severity": severity.label,
        "drifted": drifted if enough else None,
        "features": features,
    }


class _Detectors:
    """The detectors of a configuration, made when one is first asked for: that reads its reference."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._config: Config | None = None
        self._known: dict[str, Any] = {}

    def of(self, config: Config, monitor: str) -> AgainstReference:
        """The detector of a drift monitor.

        Raises:
            Refused: with 404, it is none.
        """
        with self._lock:
            if self._config is not config:
                plan = make_plan(config)
                self._known = {name: one.detector for name, one in plan.monitors.items()}
                self._config = config
            detector = self._known[monitor]
        if isinstance(detector, AgainstReference):
            return detector
        there = [name for name, one in self._known.items() if isinstance(one, AgainstReference)]
        known = f"those that do: {', '.join(there)}" if there else "none does"
        raise Refused(404, f"{monitor} compares nothing with a reference; {known}")


def _newest(
    look: SqlVisitor, detector: AgainstReference, monitor: str, key: str | None, at: int | None
) -> tuple[dict[str, Any] | None, str | None]:
    """What was kept of the newest window of the key that was made with this reference; and the key's text."""
    import polars as pl

    name = monitor + SHAPE
    last = look.last_judged(name, at)
    if last is None:
        return None, None if key is None else chosen(key, pl.DataFrame())
    for span in SPANS:
        start = None if span is None else last - span
        frame = look.judgements(name, start=start, end=last + 1)
        if not frame.height:
            continue
        text = chosen(key, frame)
        mine = of_key(frame.filter(pl.col("of") == detector.bins), text)
        if mine.height:
            row = mine.sort("window_end", maintain_order=True).tail(1).to_dicts()[0]
            return row, row["key"] if row["key"] != "null" else None
    return None, None if key is None else chosen(key, pl.DataFrame())


def _lately(look: SqlVisitor, monitor: str, text: str | None, at: int | None) -> pl.DataFrame:
    """What was judged of the newest windows, of all keys."""
    import polars as pl

    last = look.last_judged(monitor, at)
    if last is None:
        return pl.DataFrame()
    for span in SPANS[1:]:
        frame = look.judgements(monitor, start=None if span is None else last - span, end=last + 1)
        if span is None or of_key(frame, text).height >= WINDOWS:
            break
    return frame


def _series(judged: pl.DataFrame) -> dict[str, list[Any]]:
    names = ("value", "floor", "feature")
    if not judged.height or "value" not in judged.columns:
        return {"at": [], "severity": [], **{name: [] for name in names}}
    newest = judged.sort("window_end", maintain_order=True).tail(WINDOWS)
    return {
        "at": [iso(end) for end in newest["window_end"].to_list()],
        "severity": [Severity(severity).label for severity in newest["severity"].to_list()],
        **{name: newest[name].to_list() for name in names},
    }


def _table(text: str) -> Any:
    numbers = msgspec.json.decode(text, type=list[float | None])
    return np.array([[np.nan if number is None else number for number in numbers]])
