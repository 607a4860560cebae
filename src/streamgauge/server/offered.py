"""``GET /api/v1/analysis``: what the analysis app may offer: who judges what, how, and which streams take made-up points."""

from __future__ import annotations

from typing import Any

import yaml
from fastapi import APIRouter
from fastapi.responses import JSONResponse

from streamgauge.config.models import Config, MonitorConfig, StreamConfig
from streamgauge.server.desk import Desk

DRIFT = frozenset(
    {"psi", "jensen_shannon", "wasserstein", "hellinger", "kolmogorov_smirnov", "chi_square", "gaussian"}
)
QUALITY = frozenset({"classification", "regression"})
ESTIMATED = frozenset({"estimated_performance"})


def routes(desk: Desk) -> APIRouter:
    """``/analysis``."""
    router = APIRouter(tags=["analysis"])

    @router.get("/analysis")
    async def analysis() -> JSONResponse:
        """The detector, family and settings of each monitor; of each stream, whether it takes made-up points."""
        return JSONResponse(offered(desk.running.config))

    return router


def offered(config: Config) -> dict[str, Any]:
    """What a file lets people look at and try."""
    return {
        "public_url": config.server.public_url,
        "monitors": [_monitor(name, monitor) for name, monitor in config.monitors.items()],
        "streams": [_stream(name, stream) for name, stream in config.streams.items()],
    }


def family_of(detector: str | None) -> str | None:
    """``drift``, ``quality``, ``estimated``, ``series`` for the rest, None without a detector."""
    if detector is None:
        return None
    if detector in DRIFT:
        return "drift"
    if detector in QUALITY:
        return "quality"
    return "estimated" if detector in ESTIMATED else "series"


def as_written(monitor: MonitorConfig) -> str:
    """What the file says of a monitor, as YAML."""
    plain = monitor.model_dump(mode="json", by_alias=True, exclude_unset=True)
    text: str = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    return text


def _monitor(name: str, monitor: MonitorConfig) -> dict[str, Any]:
    detector = None if monitor.detect is None else monitor.detect.type
    return {
        "name": name,
        "stream": monitor.stream,
        "detector": detector,
        "family": family_of(detector),
        "windowed": monitor.window is not None,
        "draft": as_written(monitor),
    }


def _stream(name: str, stream: StreamConfig) -> dict[str, Any]:
    return {"name": name, "source": stream.source.type, "synthetic": stream.synthetic == "allowed"}
