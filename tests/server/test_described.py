"""The API against its own description: no answer but what it names, whatever is asked; and the page that shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance

from streamgauge.server import replay
from tests.server.given import body
from tests.server.trying import within

EXAMPLES = 2
"""Requests of each kind to one door; each run draws the same."""

THERE = {"monitor": "high", "incident_id": "none-such"}
"""What stands for a part of a path, so that not every answer is that there is no such thing."""


@pytest.fixture(autouse=True, scope="module")
def here() -> Iterator[None]:
    """A process for each trial would take minutes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "ask", within)
        yield


def cases(operation: Any) -> Iterator[Any]:
    """Requests as described, about things that are there; and such as are not as described."""
    name = "payments" if "/streams/" in operation.path else "high"
    known = {
        one.name: {**THERE, "name": name}.get(one.name, "none-such") for one in operation.path_parameters
    }
    given = {"path_parameters": known} if known else {}
    yield operation.as_strategy(**given)
    if operation.query or (
        operation.body and operation.path != "/update_metrics"
    ):  # nothing is wrong there in shape
        yield operation.as_strategy(generation_mode=GenerationMode.NEGATIVE, **given)


def test_whatever_is_asked_the_answer_is_one_that_is_described(web: str):
    schema = schemathesis.openapi.from_url(f"{web}/openapi.json")
    session = requests.Session()
    doors = 0
    for result in schema.get_all_operations():
        assert isinstance(result, Ok), result
        operation = result.ok()
        doors += 1
        for strategy in cases(operation):

            @settings(
                max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            @given(case=strategy)
            def ask(case: Any) -> None:
                answer = case.call(session=session, timeout=30)
                checks = [not_a_server_error, content_type_conformance, response_schema_conformance]
                case.validate_response(answer, checks=checks)

            ask()
    assert doors > 35


def test_every_body_and_every_new_answer_has_an_example(web: str):
    described = body(web, "/openapi.json")
    shapes = described["components"]["schemas"]
    for path in ("history/{monitor}", "drift/{monitor}", "streams/{name}/samples", "topics"):
        answer = described["paths"][f"/api/v1/{path}"]["get"]["responses"]["200"]
        shape = answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        assert "example" in shapes[shape], path
    for name in ("Trial", "Difference", "PutBack"):
        assert "example" in shapes[name]


def test_the_page_loads_nothing_from_elsewhere(web: str):
    page = httpx.get(f"{web}/docs")
    assert page.status_code == 200
    wanted = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(wanted) == 4
    for address in wanted:
        assert address.startswith("/")
        assert httpx.get(web + address).status_code == 200
    assert "'unsafe-eval'" not in page.headers["content-security-policy"]
    assert httpx.get(f"{web}/docs/static/LICENSES.txt").text.startswith("swagger-ui")
    assert httpx.get(f"{web}/docs/static/nothing.js").status_code == 404
