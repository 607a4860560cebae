"""Taking records over HTTP: who may, how much, in which form; 202 only when they are in the durable inbox."""

from __future__ import annotations

import asyncio
import hmac
import math

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from streamgauge.clock import to_micros
from streamgauge.errors import StoreError
from streamgauge.server.desk import Desk
from streamgauge.server.guard import caller
from streamgauge.server.mailroom import Mailroom, Rate
from streamgauge.server.refusals import Refused
from streamgauge.sources.http import Config
from streamgauge.stores.inbox import Posted, Receipt

LONGEST_KEY = 255
"""Characters of an ``Idempotency-Key``."""

JSON = frozenset({"application/json"})
LINES = frozenset(
    {"application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines"}
)
_SPLIT = msgspec.json.Decoder(list[msgspec.Raw]).decode
_ONE = msgspec.json.Decoder(msgspec.Raw).decode
_KINDS = {ord("["): "a list", ord('"'): "a text", ord("t"): "true", ord("f"): "false", ord("n"): "null"}


def routes(desk: Desk) -> APIRouter:
    """``POST /streams/{name}/events``."""
    router = APIRouter(tags=["events"])
    rates: dict[str, Rate] = {}

    @router.post("/streams/{name}/events", status_code=202)
    async def events(request: Request, name: str) -> JSONResponse:
        """Take records: a JSON list, one JSON object, or NDJSON. 202: they are kept and will be counted once."""
        config = _stream(desk, name)
        _check_token(request, config)
        lines = _is_lines(request)
        records = split(await _body(request, config.max_bytes), lines=lines)
        _check_rate(rates, desk, (name, config), len(records))
        posted = Posted(
            name,
            len(records),
            desk.clock.now(),
            b"\n".join(records),
            config.max_waiting,
            _key(request),
            to_micros(config.remember),
        )
        receipt = await keep(desk.mailroom(), posted)
        headers = {"Idempotent-Replayed": "true"} if receipt.again else None
        return JSONResponse({"accepted": len(records), "first_offset": receipt.first}, 202, headers)

    return router


def split(body: bytes, *, lines: bool) -> list[bytes]:
    """The records of a request, each one line of JSON.

    >>> split(b'[{"a": 1}, {"a": 2}]', lines=False)
    [b'{"a": 1}', b'{"a": 2}']

    Raises:
        Refused: with 422; then none of them is taken.
    """
    records = _from_lines(body) if lines else _from_json(body)
    for number, record in enumerate(records, 1):
        if record[:1] != b"{":
            kind = _KINDS.get(record[0], "a number")
            raise Refused(
                422, f"record {number} is {kind}; expected a JSON object. None of the records was taken"
            )
    if not records:
        raise Refused(422, "there is no record in this request; send a JSON list of objects, or one per line")
    return records


def _from_json(body: bytes) -> list[bytes]:
    text = body.strip()
    try:
        parts = _SPLIT(text) if text[:1] == b"[" else [_ONE(text)] if text else []
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Refused(422, f"this is not JSON: {error}. None of the records was taken") from None
    return [bytes(part).strip().replace(b"\n", b" ").replace(b"\r", b" ") for part in parts]


def _from_lines(body: bytes) -> list[bytes]:
    records = []
    for number, line in enumerate(body.split(b"\n"), 1):
        record = line.strip()
        if not record:
            continue
        try:
            _ONE(record)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise Refused(422, f"line {number} is not JSON: {error}. None of the records was taken") from None
        records.append(record.replace(b"\r", b" "))
    return records


def _stream(desk: Desk, name: str) -> Config:
    stream = desk.running.config.streams.get(name)
    if stream is None or not isinstance(stream.source, Config):
        raise Refused(
            404,
            f"no stream {name!r} takes records by HTTP; declare it with `source: {{type: http, token: …}}`",
        )
    return stream.source


def _check_token(request: Request, config: Config) -> None:
    """The stream's own token, or one of the server's for `ingest`."""
    if caller(request).may("ingest"):
        return
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    right = hmac.compare_digest(token.strip().encode("utf-8", "replace"), config.token.encode())
    if kind.lower() != "bearer" or not right:
        what = "is not the one of this stream" if token else "is missing"
        refused = Refused(401, f"the token {what}; send it as `Authorization: Bearer TOKEN`")
        refused.headers = {"WWW-Authenticate": "Bearer"}
        raise refused


def _is_lines(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refused(415, "packed requests are not understood; send the records as they are")
    if kind not in JSON | LINES:
        sent = f"{kind!r} is not understood" if kind else "the type of the content is missing"
        raise Refused(415, f"{sent}; send Content-Type: application/json or application/x-ndjson")
    return kind in LINES


async def _body(request: Request, most: int) -> bytes:
    length = request.headers.get("content-length", "")
    too_large = Refused(413, f"a request may hold {most} bytes (`max_bytes`); send the records in several")
    if length.isdigit() and int(length) > most:
        raise too_large
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > most:
            raise too_large
    return bytes(body)


def _check_rate(rates: dict[str, Rate], desk: Desk, stream: tuple[str, Config], count: int) -> None:
    name, config = stream
    rate = rates.get(name)
    if rate is None or rate.per_second != config.max_per_second:
        rate = rates[name] = Rate(config.max_per_second, desk.clock.monotonic)
    seconds = rate.wait(count)
    if seconds:
        raise _later(429, f"more than {config.max_per_second} records/s (`max_per_second`) came", seconds)


def _key(request: Request) -> str | None:
    """Under which the request may come again."""
    key = request.headers.get("idempotency-key")
    if key is not None and not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise Refused(
            400,
            f"the Idempotency-Key is empty or too long; send 1 to {LONGEST_KEY} printable ASCII characters",
        )
    return key


async def keep(mailroom: Mailroom, posted: Posted) -> Receipt:
    """The receipt, once all its records are kept for good.

    Raises:
        Refused: 503, they could not be kept, or too many wait; 422, the key was used for others.
    """
    answer = mailroom.post(posted)
    if answer is None:
        raise _later(503, "too many requests wait to be kept", 1)
    try:
        receipt = await asyncio.wrap_future(answer)
    except StoreError as error:
        raise _later(503, f"the records could not be kept: {error}", 1) from error
    if receipt is None:
        raise _later(
            503,
            f"{posted.most} records (`max_waiting`) wait to be counted, and there is no room for more",
            5,
        )
    if receipt.other:
        raise Refused(
            422,
            f"other records were sent under this Idempotency-Key, from offset {receipt.first} on; a new request "
            "needs a new key. None of the records was taken",
        )
    return receipt


def _later(status: int, what: str, seconds: float) -> Refused:
    wait = math.ceil(seconds)
    refused = Refused(status, f"{what}; come again in {wait} s. None of the records was taken")
    refused.headers = {"Retry-After": str(wait)}
    return refused
