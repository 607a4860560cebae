"""Requests are counted by their route, and a path's route is looked for once."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator.middleware import PrometheusInstrumentatorMiddleware
from starlette.requests import Request

from streamgauge.server import measured


@pytest.fixture
def looked(monkeypatch) -> list[str]:
    """The paths whose route was looked for."""
    paths: list[str] = []
    look = PrometheusInstrumentatorMiddleware._get_handler

    def noted(self: Any, request: Request) -> tuple[str, bool]:
        paths.append(request.scope["path"])
        return look(self, request)

    monkeypatch.setattr(PrometheusInstrumentatorMiddleware, "_get_handler", noted)
    return paths


@pytest.fixture
def counted() -> tuple[FastAPI, CollectorRegistry]:
    app, registry = FastAPI(), CollectorRegistry()

    @app.get("/things/{thing}")
    async def thing(thing: str) -> str:
        return thing

    measured.measure(app, registry)
    return app, registry


async def ask(app: FastAPI, *paths: str) -> list[int]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as client:
        return [(await client.get(path)).status_code for path in paths]


def total(registry: CollectorRegistry, handler: str, status: str) -> float | None:
    return registry.get_sample_value(
        "http_requests_total", {"handler": handler, "status": status, "method": "GET"}
    )


def run(app: FastAPI, *paths: str) -> list[int]:
    import asyncio

    return asyncio.run(ask(app, *paths))


def test_a_path_s_route_is_looked_for_once_and_counted_each_time(counted, looked):
    app, registry = counted
    assert run(app, "/things/a", "/things/a", "/things/b", "/things/a") == [200] * 4
    assert looked == ["/things/a", "/things/b"]
    assert total(registry, "/things/{thing}", "2xx") == 4


def test_what_is_no_route_is_counted_together_and_not_remembered(counted, looked):
    app, registry = counted
    assert run(app, "/x", "/x", "/things/" + "y" * 500, "/things/" + "y" * 500) == [404, 404, 200, 200]
    assert len(looked) == 4
    assert total(registry, "none", "4xx") == 2


def test_what_is_remembered_is_bounded(counted, looked, monkeypatch):
    monkeypatch.setattr(measured, "KNOWN", 3)
    app, registry = counted
    run(app, *(f"/things/{n}" for n in range(5)), "/things/4", "/things/0")
    assert looked == ["/things/0", "/things/1", "/things/2", "/things/3", "/things/4", "/things/0"]
    assert total(registry, "/things/{thing}", "2xx") == 7
