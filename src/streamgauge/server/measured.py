"""``http_requests_total`` and ``http_request_duration_seconds``, by the names of routes rather than of paths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from prometheus_fastapi_instrumentator import metrics
from prometheus_fastapi_instrumentator.middleware import PrometheusInstrumentatorMiddleware

if TYPE_CHECKING:
    from fastapi import FastAPI, Request
    from prometheus_client import CollectorRegistry

BOUNDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds; classes of the duration of requests."""

KNOWN, LONGEST = 1_000, 200
"""Paths whose route is remembered, and characters that one of them may have."""


def measure(app: FastAPI, registry: CollectorRegistry) -> None:
    """Count and time all requests of ``app``."""
    measures = (
        metrics.requests(registry=registry),
        metrics.latency(registry=registry, buckets=BOUNDS, should_include_status=False),
    )
    app.add_middleware(
        Measured, instrumentations=[each for each in measures if each is not None], registry=registry
    )


class Measured(PrometheusInstrumentatorMiddleware):
    """The instrumentator's, but a path's route is looked for once.

    It walks through all routes for each request, as the app itself does after it: half of what a small answer costs.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.known: dict[tuple[str, str], tuple[str, bool]] = {}

    def _get_handler(self, request: Request) -> tuple[str, bool]:
        """The route's name, and whether there is such a route."""
        place = request.method, request.scope["path"]
        found = self.known.get(place)
        if found is None:
            name, templated = super()._get_handler(request)
            found = name, templated
            if templated and len(place[1]) <= LONGEST:
                if len(self.known) >= KNOWN:
                    self.known.clear()
                self.known[place] = found
        return found
