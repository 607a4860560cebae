"""How often a question looks into the store does not grow with what is in it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy.event import listen

from streamgauge.server.app import make_app
from streamgauge.server.desk import Desk
from streamgauge.stores.contract import Commit
from tests.server.given import Process, fill, incident

LOOKS = {
    "status": 0, "monitors": 0, "streams": 0, "silences": 1, "groups": 1, "incidents?limit=20": 1, "incidents/{id}": 6,
}  # fmt: skip
"""Queries at most, by question."""


@pytest.fixture
def desk(process: Process) -> Iterator[Desk]:
    fill(process.config, [Commit(incidents=[incident(f"b-{n}") for n in range(100)])])
    desk = Desk(process)
    yield desk
    desk.close()


@pytest.mark.parametrize(("question", "most"), LOOKS.items())
def test_a_question_looks_so_often_at_most(desk: Desk, question: str, most: int):
    name = incident("b-7").id
    app, asked = make_app(desk), list[str]()
    backend: Any = desk.look()._backend
    listen(backend.engine, "before_cursor_execute", lambda *got: asked.append(got[2]))

    async def ask() -> int:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://localhost"
        ) as client:
            return (await client.get(f"/api/v1/{question.format(id=name)}")).status_code

    assert asyncio.run(ask()) == 200
    assert len([each for each in asked if each.startswith("SELECT")]) <= most
