"""The part of the API that people analyse with: what was, what moved, what another rule would have said."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgauge.server import brokers, drift, history, replay, samples

if TYPE_CHECKING:
    from fastapi import FastAPI

    from streamgauge.server.desk import Desk


def add_to(app: FastAPI, desk: Desk) -> None:
    """Serve it under ``/api/v1``."""
    for part in (history, drift, replay, samples, brokers):
        app.include_router(part.routes(desk), prefix="/api/v1")
