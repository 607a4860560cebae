"""The FastAPI app: health, metrics and the API of one running engine.

It is described by ``/openapi.json`` and ``/docs``; FastAPI's own page would load its scripts from the internet, which a
closed network does not have, so that is off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from streamgauge import __version__
from streamgauge.metrics import make_registry
from streamgauge.server import (
    acts,
    drift_features,
    forecasts,
    groups,
    health,
    incidents,
    ingest,
    investigating,
    measured,
    model_metrics,
    monitors,
    offered,
    predict,
    quality,
    reference,
    refusals,
    slack,
    synthetic,
)
from streamgauge.server.desk import Desk
from streamgauge.server.pages import site
from streamgauge.server.shown import status_shown, streams_shown

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry


def make_app(desk: Desk) -> FastAPI:
    """The app over one running process."""
    registry = make_registry(desk.running.status, desk.clock, desk.outbox)
    app = FastAPI(
        title="Streamgauge",
        version=__version__,
        description="Health, metrics, incidents and monitors of one running engine.",
        docs_url=None,
        redoc_url=None,
        responses=refusals.ANSWERS,
    )
    refusals.add_to(app)
    measured.measure(app, registry)
    _add_health(app, desk)
    _add_metrics(app, registry)
    _add_status(app, desk)
    app.include_router(incidents.routes(desk), prefix="/api/v1")
    app.include_router(monitors.routes(desk), prefix="/api/v1")
    app.include_router(ingest.routes(desk), prefix="/api/v1")
    app.include_router(acts.routes(desk), prefix="/api/v1")
    app.include_router(groups.routes(desk), prefix="/api/v1")
    investigating.add_to(app, desk)
    app.include_router(model_metrics.routes(desk))
    app.include_router(predict.routes(desk))
    app.include_router(slack.routes(desk))
    for part in (offered, synthetic, quality, forecasts, drift_features):
        app.include_router(part.routes(desk), prefix="/api/v1")
    model_metrics.show_kept(desk)
    site.add_to(app, desk)
    reference.add_to(app)
    return app


def _add_health(app: FastAPI, desk: Desk) -> None:
    @app.get("/healthz", tags=["health"])
    async def healthz() -> JSONResponse:
        """Whether the process lives and its engine's loop turned within the last 10 s."""
        lives, answer = health.alive(desk.now, desk.clock.monotonic())
        return JSONResponse(answer, 200 if lives else 503)

    @app.get("/readyz", tags=["health"])
    async def readyz() -> JSONResponse:
        """Whether kernels are compiled, the store is ours and takes commits, and the sources are open."""
        is_ready, answer = health.ready(desk.now, desk.clock.monotonic())
        return JSONResponse(answer, 200 if is_ready else 503)


def _add_metrics(app: FastAPI, registry: CollectorRegistry) -> None:
    from prometheus_client.exposition import choose_encoder

    @app.get("/metrics", tags=["metrics"], response_class=PlainTextResponse)
    def metrics(request: Request) -> Response:
        """All metrics, for Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": content_type})


def _add_status(app: FastAPI, desk: Desk) -> None:
    @app.get("/api/v1/status", tags=["status"])
    async def status() -> JSONResponse:
        """The whole picture of the engine, at most half a second old."""
        return JSONResponse(status_shown(desk.now, desk.running.config, desk.clock.now()))

    @app.get("/api/v1/streams", tags=["status"])
    async def streams() -> JSONResponse:
        """Each stream: records, rate, watermark, partitions, what is lost."""
        return JSONResponse({"streams": streams_shown(desk.now, desk.clock.now())})
