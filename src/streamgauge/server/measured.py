"""``http_requests_total`` and ``http_request_duration_seconds``, by the names of routes rather than of paths."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from prometheus_fastapi_instrumentator import metrics, routing
from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fastapi import FastAPI
    from prometheus_client import CollectorRegistry
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

BOUNDS = (0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Seconds; classes of the duration of requests."""

KNOWN, LONGEST = 1_000, 200
"""Paths whose route is remembered, and characters that one of them may have."""

NONE = "none"
"""What all requests are counted under that end at no route: else whoever asks for paths at random makes a row each."""


def measure(app: FastAPI, registry: CollectorRegistry) -> None:
    """Count and time all requests of ``app``."""
    made = (
        metrics.requests(registry=registry),
        metrics.latency(registry=registry, buckets=BOUNDS, should_include_status=False),
    )
    app.add_middleware(Measured, measures=[each for each in made if each is not None])


class Measured:
    """Tells the instrumentator's measures of each request; a path's route is looked for once.

    The instrumentator's own middleware walks through all routes for each request, as the app does after it: half of
    what a small answer costs.
    """

    def __init__(self, app: ASGIApp, measures: Sequence[Callable[[metrics.Info], None]]) -> None:
        self.app, self.measures = app, measures
        self.known: dict[tuple[str, str], str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI hands it on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request, status = Request(scope), 500
        handler = self.handler(request)  # before the app: a mount changes what the scope says

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        began = perf_counter()
        try:
            await self.app(scope, receive, sending)
        finally:
            taken = perf_counter() - began
            if "endpoint" not in scope:  # no route took it, as where a missing slash is only redirected
                handler = NONE
            self.tell(metrics.Info(request, None, request.method, handler, f"{status // 100}xx", taken))

    def tell(self, request: metrics.Info) -> None:
        """Count it, and how long it took in seconds."""
        for measure in self.measures:
            measure(request)

    def handler(self, request: Request) -> str:
        """The template of the path of the route that it is for."""
        place = request.method, request.scope["path"]
        found = self.known.get(place)
        if found is None:
            found = routing.get_route_name(request, should_include_root_path=False)
            if found is None:
                return NONE
            if len(place[1]) <= LONGEST:
                if len(self.known) >= KNOWN:
                    self.known.clear()
                self.known[place] = found
        return found
