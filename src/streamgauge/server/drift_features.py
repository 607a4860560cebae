"""``GET /api/v1/drift/{monitor}/features``: how far each feature lay from its reference, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from streamgauge.clock import iso
from streamgauge.engines.running.judgements import SHAPE
from streamgauge.server import distributions
from streamgauge.server.desk import Desk
from streamgauge.server.drift import _Detectors, _table
from streamgauge.server.history import KeyQuery, chosen, of_key, shown_key
from streamgauge.server.incidents import plain
from streamgauge.server.monitors import known
from streamgauge.statistics.comparison import NormalComparison, Seen

if TYPE_CHECKING:
    from streamgauge.detectors.against_reference import AgainstReference
    from streamgauge.stores.reading import SqlReading

WINDOWS = 120
"""The newest so many are compared anew."""


def routes(desk: Desk) -> APIRouter:
    """``/drift/{monitor}/features``."""
    router = APIRouter(tags=["drift"])
    detectors = _Detectors()

    @router.get("/drift/{monitor}/features")
    def features(monitor: str, key: KeyQuery = None) -> JSONResponse:
        """The newest windows of a drift monitor, oldest first: by feature, how far it lay from its reference."""
        known(desk, monitor)
        detector = detectors.of(desk.running.config, monitor)
        return plain({"monitor": monitor, **told(desk.look(), detector, monitor, key)})

    return router


def told(look: SqlReading, detector: AgainstReference, monitor: str, key: str | None) -> dict[str, Any]:
    """Columns of one length: ``at``, and by feature ``values`` and ``states``."""
    import polars as pl

    frame = look.judgements(f"{monitor}{SHAPE}")
    if not frame.height:
        return {"key": None, "at": [], "values": {}, "states": {}}
    frame = frame.filter(pl.col("of") == detector.bins)
    text = chosen(key, frame)
    newest = of_key(frame, text).sort("window_end", maintain_order=True).tail(WINDOWS)
    values: dict[str, list[Any]] = {}
    states: dict[str, list[Any]] = {}
    for table in newest["table"].to_list():
        seen = Seen.from_flat(_table(table), normals=isinstance(detector.comparison, NormalComparison))
        for one in distributions.compared(detector, seen)[0]:
            values.setdefault(one["feature"], []).append(one["value"])
            states.setdefault(one["feature"], []).append(one["state"])
    return {
        "key": None if text is None else shown_key(text),
        "at": [iso(at) for at in newest["window_end"].to_list()],
        "values": values,
        "states": states,
    }
