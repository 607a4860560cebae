"""The registry's client: asked once, patient, and never in the way of what is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from streamgauge.formats.avro import RegistryDecoder
from streamgauge.formats.contract import FieldSpec
from streamgauge.formats.schema_registry import RefusedError, RegistryConfig, Schema, SchemaRegistry
from streamgauge.testing import eventually
from tests.formats.avro_writing import decoded, framed, layout, reasons, record

V1 = record(("account", "string"))
HERE = ("http://registry:8085",)


class Answers:
    """What a registry says, one answer after the other; the last one stays."""

    def __init__(self, *answers: Schema | RefusedError) -> None:
        self.answers = list(answers)
        self.asked: list[int] = []

    def __call__(self, number: int) -> Schema:
        self.asked.append(number)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, RefusedError):
            raise answer
        return answer


AWAY = RefusedError("it is away (connection refused)")


def made(fetch: Callable[[int], Schema], wait: str = "50ms") -> SchemaRegistry:
    return SchemaRegistry(RegistryConfig.model_validate({"url": HERE, "wait": wait}), fetch=fetch)


def test_a_schema_is_asked_for_once():
    answers = Answers(Schema(V1))
    registry = made(answers)
    for _ in range(3):
        registry.wait([4])
        assert registry.get(4) == Schema(V1)
    assert answers.asked == [4]


def test_a_registry_that_comes_back_is_asked_again():
    answers = Answers(AWAY, AWAY, Schema(V1))
    registry = made(answers, wait="1m")
    registry.wait([4])
    assert registry.get(4) == Schema(V1)
    assert answers.asked == [4, 4, 4]


def test_after_a_bounded_time_it_is_given_up_with_the_reason():
    registry = made(Answers(AWAY))
    registry.wait([4])
    assert registry.get(4) == (
        "schema 4 could not be had from http://registry:8085 for 0.05 s: it is away (connection refused)"
    )


def test_what_cannot_ever_be_had_is_not_waited_for():
    answers = Answers(RefusedError("it is of type PROTOBUF", final=True))
    registry = made(answers, wait="1h")
    registry.wait([4])
    assert registry.get(4) == "schema 4 of http://registry:8085: it is of type PROTOBUF"
    assert answers.asked == [4]


def test_asking_does_not_wait():
    registry = made(Answers(AWAY, Schema(V1)), wait="1h")
    assert not registry.settled([4])
    eventually(lambda: registry.settled([4]))


def test_a_decoder_with_a_known_schema_is_ready_while_the_registry_is_away():
    answers = Answers(Schema(V1), AWAY)
    decoder = RegistryDecoder(layout(FieldSpec("account", "string")), made(answers))
    known = framed(1, V1, {"account": "a"})
    assert len(decoded(decoder, [known])) == 1
    batch = decoded(decoder, [known, framed(2, V1, {"account": "b"}), known])
    assert batch.offsets.tolist() == [0, 2]
    assert reasons(batch)[0].startswith("schema 2 could not be had from http://registry:8085")


# over the network


def served(server: HTTPServer, path: str, body: Any, status: int = 200) -> None:
    server.expect_request(path).respond_with_json(body, status=status)


def asked(server: HTTPServer, number: int = 7, **settings: Any) -> Schema | str | None:
    config = RegistryConfig.model_validate({"url": server.url_for(""), "wait": "50ms", **settings})
    registry = SchemaRegistry(config)
    registry.wait([number])
    return registry.get(number)


def test_references_are_followed_in_the_order_they_are_needed(httpserver: HTTPServer):
    place = record(("city", "string"), name="Place")
    trip = record(("start", "Place"), name="Trip")
    top = record(("trip", "Trip"))
    served(
        httpserver,
        "/schemas/ids/7",
        {"schema": json.dumps(top), "references": [{"name": "Trip", "subject": "a/trip", "version": 2}]},
    )
    served(
        httpserver,
        "/subjects/a/trip/versions/2",
        {"schema": json.dumps(trip), "references": [{"name": "Place", "subject": "place", "version": 1}]},
    )
    served(httpserver, "/subjects/place/versions/1", {"schema": json.dumps(place)})
    found = asked(httpserver)
    assert isinstance(found, Schema)
    assert list(found.references) == ["Place", "Trip"]
    decoder = RegistryDecoder(
        layout(FieldSpec("city", "string", path="trip.start.city")),
        made(Answers(found)),
    )
    whole = record(("trip", record(("start", place), name="Trip")))
    batch = decoded(decoder, [framed(7, whole, {"trip": {"start": {"city": "Kiel"}}})])
    assert batch.columns["city"].values() == ["Kiel"]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"error_code": 40403}, 404, "it knows no such schema"),
        ({"message": "no"}, 401, "it refused the login (401); check `registry:`"),
        ({"message": "no"}, 500, "it answered 500"),
        (["a list"], 200, "its answer is not JSON; does the address lead to a schema registry?"),
        ({"schema": "{", "schemaType": "AVRO"}, 200, "its schema is not JSON"),
        (
            {"schema": "{}", "schemaType": "PROTOBUF"},
            200,
            "it is of type PROTOBUF; this stream's format is avro",
        ),
    ],
)
def test_refusals_in_words(httpserver: HTTPServer, body: Any, status: int, words: str):
    served(httpserver, "/schemas/ids/7", body, status)
    assert words in str(asked(httpserver))


def test_the_login_is_sent_and_not_shown(httpserver: HTTPServer):
    seen = []

    def answer(request: Request) -> Response:
        seen.append(request.headers.get("Authorization"))
        return Response(status=403)

    httpserver.expect_request("/schemas/ids/7").respond_with_handler(answer)
    words = asked(httpserver, username="reader", password="open-sesame")
    words2 = asked(httpserver, token="bearer-sesame")
    assert str(seen[0]).startswith("Basic ")
    assert seen[-1] == "Bearer bearer-sesame"
    assert "sesame" not in f"{words}{words2}"


def test_a_registry_with_two_addresses(httpserver: HTTPServer):
    served(httpserver, "/schemas/ids/7", {"schema": json.dumps(V1)})
    found = asked(httpserver, url=["http://127.0.0.1:1", httpserver.url_for("")])
    assert found == Schema(V1)


def test_an_authority_file_that_is_not_there(httpserver: HTTPServer):
    assert "the file /none.pem of `ca:` does not exist" in str(asked(httpserver, ca="/none.pem"))
