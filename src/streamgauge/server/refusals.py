"""How the server says no: always JSON with one sentence under ``error``, and never the inside of an error."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from starlette.exceptions import HTTPException

from streamgauge.errors import ConfigError, OutsideError, StreamgaugeError

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

_log = structlog.get_logger("streamgauge.server")


class Refused(HTTPException):
    """Ends a request: ``status`` and a sentence for people."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(status, sentence)


class Sentence(BaseModel):
    """How the server says no."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"error": "there is no monitor 'burts'; did you mean `burst`?"}}
    )

    error: str
    """What is wrong, in one sentence."""


ANSWERS: dict[int | str, dict[str, Any]] = {
    status: {"model": Sentence, "description": words}
    for status, words in {
        400: "A parameter, or the body's shape, is wrong.",
        401: "A token is missing or not valid.",
        403: "The token is for something else, or another site's page asks.",
        404: "There is no such thing.",
        409: "It cannot be done as things stand.",
        413: "The request is too large.",
        422: "It is understood and makes no sense.",
        429: "Too often; `Retry-After` says when to come again.",
        503: "Not now.",
    }.items()
}
"""For the description of the API: what any door may answer."""


def add_to(app: FastAPI) -> None:
    """Answer every kind of error in this way."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _wrong_parameters)
    app.add_exception_handler(StreamgaugeError, _ours)
    app.add_exception_handler(Exception, _unexpected)


def refuse_strangers(request: Request) -> None:
    """Let no web page of another site change anything here.

    A browser names the page's origin with every POST; scripts and tools send none.

    Raises:
        Refused: with 403.
    """
    origin = request.headers.get("origin")
    site = urlsplit(origin or "")
    own = site.netloc.lower() == request.headers.get("host", "").lower()
    if origin is not None and not own and not is_loopback(site.hostname or ""):
        raise Refused(403, f"a page of {origin} may not change anything here")


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach ``host``.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    sentence = str(error.detail)
    if error.status_code == 404 and sentence == "Not Found":
        sentence = f"there is nothing at {request.url.path}; /openapi.json lists what there is"
    if error.status_code == 405:
        sentence = f"{request.url.path} does not take {request.method}"
    return JSONResponse({"error": sentence}, error.status_code, dict(error.headers or {}))


async def _wrong_parameters(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001  starlette's interface
    assert isinstance(error, RequestValidationError)
    parts = [f"{'.'.join(map(str, part['loc'][1:]))}: {part['msg']}" for part in error.errors()]
    return JSONResponse({"error": "; ".join(parts)}, 400)


async def _ours(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001  starlette's interface
    status = 400 if isinstance(error, ConfigError) else 503 if isinstance(error, OutsideError) else 500
    return JSONResponse({"error": str(error)}, status)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error("a request failed", path=request.url.path, exc_info=error)
    return JSONResponse({"error": "this request failed inside the server; its log says why"}, 500)
