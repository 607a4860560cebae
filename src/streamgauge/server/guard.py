"""Stands around the whole app: asks the gate, bounds bodies, and puts the security headers on every answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response

from streamgauge.server.doors import OWN, scope_of
from streamgauge.server.gate import COOKIE, Asked, Caller, Gate
from streamgauge.server.refusals import Refused

if TYPE_CHECKING:
    from fastapi import Request

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_SECONDS = 30.0
"""A request's body must have come within this."""

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # with none at all a browser calls the sign-in's own form a stranger's (Origin: null)
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
"""On every answer. ``Cache-Control: no-store`` too, where the route says nothing."""


class Guard:
    """An ASGI app around another."""

    def __init__(self, app: App, gate: Gate, max_bytes: int) -> None:
        self._app = app
        self._gate = gate
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or refuse it."""
        if scope["type"] != "http":
            return  # no websockets here
        headers = Headers(scope=scope)
        peer = scope["client"][0] if scope.get("client") else ""
        secure = self._gate.behind_proxy(peer) and headers.get("x-forwarded-proto", "") == "https"
        if secure:
            scope["scheme"] = "https"
        clad = _clad(send, secure=secure)
        try:
            scope.setdefault("state", {})["caller"] = self._gate.admit(_asked(scope, headers, peer))
            bounded = self._bounded(scope, headers, receive)
        except Refused as refused:
            await _answer(refused, scope, headers)(scope, receive, clad)
            return
        await self._app(scope, bounded, clad)

    def _bounded(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """The body, up to so many bytes and within its time; routes for records have a bound of their own."""
        if scope_of(scope["method"], scope["path"]) == OWN:
            return receive
        too_large = Refused(413, f"a request may hold {self._max_bytes} bytes (`server: {{max_bytes: …}}`)")
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_bytes:
            raise too_large
        seen = 0
        ended = False
        deadline = asyncio.get_running_loop().time() + BODY_SECONDS

        async def bounded() -> Message:
            nonlocal seen, ended
            if ended:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise Refused(
                    408, f"the body of the request did not come within {BODY_SECONDS:g} s"
                ) from None
            seen += len(message.get("body", b""))
            ended = not message.get("more_body", False)
            if seen > self._max_bytes:
                raise too_large
            return message

        return bounded


def caller(request: Request) -> Caller:
    """Who asks, for routes: its ``name`` goes into histories.

    Where no guard stands around the app, as in a test of a route, it is somebody.
    """
    found = getattr(request.state, "caller", None)
    return found if isinstance(found, Caller) else Caller("somebody", "")


def token_of(headers: Headers) -> str:
    """The token that a request carries: by its header, else by the browser's cookie."""
    kind, _, token = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return token.strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if cookie is None else cookie.value


def _asked(scope: Scope, headers: Headers, peer: str) -> Asked:
    return Asked(
        scope["method"],
        scope["path"],
        peer,
        headers.get("x-forwarded-for", ""),
        headers.get("host", ""),
        headers.get("origin", ""),
        token_of(headers),
    )


def _answer(refused: Refused, scope: Scope, headers: Headers) -> Response:
    """A sentence for tools; the way to the sign-in for a person with a browser."""
    more = dict(refused.headers or {})
    path = f"/sign-in?next={quote(_page_of(scope, headers), safe='/')}"
    if refused.status_code == 401 and "hx-request" in headers:
        more["HX-Redirect"] = path
    elif refused.status_code == 401 and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
        return RedirectResponse(path, 303)
    return JSONResponse({"error": str(refused.detail)}, refused.status_code, more)


def _page_of(scope: Scope, headers: Headers) -> str:
    """Where the person was: the page a part or a button of which asked, else what was asked for."""
    shown = urlsplit(headers.get("hx-current-url", ""))
    asked = (scope["path"], scope.get("query_string", b"").decode("latin-1"))
    path, query = (shown.path, shown.query) if shown.path else asked
    return f"{path}?{query}" if query else path


def _clad(send: Send, *, secure: bool) -> Send:
    async def clad(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(raw=message.setdefault("headers", []))
            for name, value in HEADERS.items():
                headers.setdefault(name, value)  # pages that need less than this allow less
            headers.setdefault("Cache-Control", "no-store")
            if secure:
                headers["Strict-Transport-Security"] = "max-age=31536000"
            message["headers"] = headers.raw
        await send(message)

    return clad
