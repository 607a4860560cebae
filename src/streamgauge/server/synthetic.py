"""``POST /api/v1/streams/{name}/synthetic``: made-up points, with or without drift, into a stream that allows it.

They go where the stream reads from, its Kafka topic or the inbox of HTTP, and are read like any other record. For a
stream to try things out with: only one that says ``synthetic: allowed`` takes them.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from streamgauge.clock import to_micros
from streamgauge.server import made_up
from streamgauge.server.desk import Desk
from streamgauge.server.ingest import keep
from streamgauge.server.refusals import Refused, refuse_strangers
from streamgauge.settings import nearest
from streamgauge.sources import http

if TYPE_CHECKING:
    from streamgauge.config.models import StreamConfig

MOST = 100_000
"""Points of one request."""
PATIENCE = 10.0
"""Seconds to wait for the broker."""
CONNECTION = (
    "security.",
    "sasl.",
    "ssl.",
    "client.",
    "socket.",
    "broker.address",
    "enable.ssl",
    "reconnect.",
)
"""Settings of the stream's consumer that a producer needs too."""


class Asked(BaseModel):
    """How many, and of which kind."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"example": {"points": 500, "drift": True}},
    )

    points: Annotated[int, Field(ge=1, le=MOST)] = 1000
    """How many."""
    drift: bool = False
    """Whether they differ from what the stream's drift monitors know."""
    seed: Annotated[int | None, Field(ge=0)] = None
    """The same seed makes the same values; default: others each time."""


def routes(desk: Desk) -> APIRouter:
    """``/streams/{name}/synthetic``."""
    router = APIRouter(tags=["events"])

    @router.post("/streams/{name}/synthetic", status_code=202)
    async def synthetic(request: Request, name: str, asked: Asked) -> JSONResponse:
        """Make points up and send them into the stream, which must say `synthetic: allowed`."""
        refuse_strangers(request)
        stream = _stream(desk, name)
        seed = secrets.randbelow(2**31) if asked.seed is None else asked.seed
        config = desk.running.config
        records = await run_in_threadpool(
            made_up.points, config, name, asked.points, drift=asked.drift, seed=seed, now=desk.clock.now()
        )
        lines = [msgspec.json.encode(record) for record in records]
        if isinstance(stream.source, http.Config):
            to = await _post(desk, name, stream.source, lines)
        else:
            to = await run_in_threadpool(_produce, stream, records, lines)
        answer = {"stream": name, "sent": len(lines), "drift": asked.drift, "seed": seed, "to": to}
        return JSONResponse(answer, 202)

    return router


def _stream(desk: Desk, name: str) -> StreamConfig:
    streams = desk.running.config.streams
    if name not in streams:
        raise Refused(404, f"there is no stream {name!r}; {nearest(name, streams)}")
    if streams[name].synthetic != "allowed":
        raise Refused(
            409, f"stream {name!r} takes no made-up points: its file must say so, `synthetic: allowed`"
        )
    return streams[name]


async def _post(desk: Desk, name: str, source: http.Config, lines: Sequence[bytes]) -> str:
    from streamgauge.stores.inbox import Posted

    data, now = b"\n".join(lines), desk.clock.now()
    await keep(
        desk.mailroom(),
        Posted(name, len(lines), now, data, source.max_waiting, None, to_micros(source.remember)),
    )
    return f"/api/v1/streams/{name}/events"


def _produce(stream: StreamConfig, records: Sequence[dict[str, Any]], lines: Sequence[bytes]) -> str:
    """Into the stream's topic, and wait until the broker has them all."""
    from confluent_kafka import KafkaException, Producer

    source: Any = stream.source
    topic = source.topic or next(iter(source.topics), None)
    if topic is None:
        raise Refused(
            422, "the stream reads topics by a pattern, so it is not clear which one made-up points go to"
        )
    brokers = ",".join(source.brokers)
    settings = {name: value for name, value in source.settings.items() if name.startswith(CONNECTION)}
    troubles: list[str] = []

    def delivered(error: Any, _message: Any) -> None:
        if error is not None:
            troubles.append(error.str())

    try:
        producer = Producer(
            {**settings, "bootstrap.servers": brokers, "enable.idempotence": True, "message.timeout.ms": int(PATIENCE * 1000),
             "queue.buffering.max.messages": 2 * MOST}
        )  # fmt: skip
        for record, line in zip(records, lines, strict=True):
            producer.produce(topic, line, key=_key(stream, record), on_delivery=delivered)
        left = producer.flush(PATIENCE + 1)
    except KafkaException as error:
        raise Refused(503, f"the points could not be sent to {brokers}: {error.args[0].str()}") from None
    if left or troubles:
        why = troubles[0] if troubles else "it did not answer in time"
        raise Refused(503, f"topic {topic} at {brokers} did not take all points: {why}")
    return f"topic {topic} at {brokers}"


def _key(stream: StreamConfig, record: dict[str, Any]) -> bytes | None:
    """The message's key: what the stream is partitioned by, so that a key stays on its partition."""
    names = stream.partitioned_by or stream.key
    values = [str(record[name]) for name in names if name in record]
    return ":".join(values).encode() or None
