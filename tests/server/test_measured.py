"""Requests are counted by their route, and a path's route is looked for once."""

from __future__ import annotations

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from prometheus_client import CollectorRegistry
from prometheus_fastapi_instrumentator import routing
from starlette.requests import HTTPConnection

from streamgauge.server import measured


@pytest.fixture
def looked(monkeypatch) -> list[str]:
    """The paths whose route was looked for."""
    paths: list[str] = []
    look = routing.get_route_name

    def noted(request: HTTPConnection, should_include_root_path: bool) -> str | None:
        paths.append(request.scope["path"])
        return look(request, should_include_root_path)

    monkeypatch.setattr(routing, "get_route_name", noted)
    return paths


@pytest.fixture
def counted() -> tuple[FastAPI, CollectorRegistry]:
    app, registry = FastAPI(), CollectorRegistry()

    @app.get("/things/{thing}")
    async def thing(thing: str) -> str:
        return thing

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError

    part = APIRouter()

    @part.get("/in/{place}")
    async def within(place: str) -> str:
        return place

    app.include_router(part, prefix="/part")
    mounted = FastAPI()
    mounted.include_router(part)
    app.mount("/mounted", mounted)
    measured.measure(app, registry)
    return app, registry


async def ask(app: FastAPI, *paths: str) -> list[int]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://here"
    ) as client:
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


def test_each_is_counted_by_where_it_ended(counted):
    app, registry = counted
    assert run(app, "/part/in/a", "/mounted/in/a", "/broken") == [200, 200, 500]
    assert total(registry, "/part/in/{place}", "2xx") == 1
    assert total(registry, "/broken", "5xx") == 1
    assert total(registry, "/mounted/in/{place}", "2xx") == 1


def test_a_slash_too_many_makes_no_row_of_its_own(counted):
    app, registry = counted
    assert run(app, "/things/a/", "/things/b/") == [307, 307]
    assert total(registry, "none", "3xx") == 2


def test_each_is_timed(counted):
    app, registry = counted
    run(app, "/things/a", "/things/b")
    labels = {"handler": "/things/{thing}", "method": "GET"}
    assert registry.get_sample_value("http_request_duration_seconds_count", labels) == 2
    assert 0 < (registry.get_sample_value("http_request_duration_seconds_sum", labels) or 0) < 60
