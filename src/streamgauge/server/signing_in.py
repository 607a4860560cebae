"""How a person with a browser shows a token: a page with one field, and a cookie that scripts cannot read."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from streamgauge.server.gate import COOKIE, Gate
from streamgauge.server.guard import caller
from streamgauge.server.refusals import Refused

if TYPE_CHECKING:
    from starlette.datastructures import URL

REMEMBERED = 30 * 24 * 3600
"""Seconds that a browser keeps the token; it opens nothing any more once it is revoked or has expired."""

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in · Streamgauge</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 15vh auto 0; max-width: 24rem; padding: 0 1rem }}
input, button {{ box-sizing: border-box; font: inherit; margin-top: .5rem; padding: .5rem; width: 100% }}
</style></head>
<body><main><h1>Streamgauge</h1><p role="status">{said}</p>
<form method="post" action="/sign-in">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{following}">
<button>Sign in</button></form>
<p>Make one with <code>streamgauge token create NAME --scope operate</code>.</p></main></body></html>
"""


def routes(gate: Gate | None) -> APIRouter:
    """``/sign-in`` and ``/sign-out``; without a gate they say that no token is asked for."""
    router = APIRouter(include_in_schema=False)

    @router.get("/sign-in")
    async def page(next: str = "/") -> Response:  # noqa: A002  the parameter's name in the URL
        return _page("Give a token to go on.", next)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = parse_qs((await request.body()).decode("utf-8", "replace"))
        token, following = form.get("token", [""])[0].strip(), form.get("next", ["/"])[0]
        answer = RedirectResponse(local(following), 303)
        if gate is None or not gate.tokens():
            return answer
        try:
            gate.check(token, caller(request).address)
        except Refused as refused:
            said = (
                "Too many tries; wait a minute."
                if refused.status_code == 429
                else "This token is not valid (any more)."
            )
            return _page(said, following, refused.status_code)
        answer.set_cookie(
            COOKIE, token, max_age=REMEMBERED, httponly=True, samesite="strict", secure=_secure(request.url)
        )
        return answer

    @router.post("/sign-out")
    async def sign_out() -> Response:
        answer = RedirectResponse("/sign-in", 303)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer

    return router


def local(path: str) -> str:
    r"""``path`` where it stays on this server, else the beginning.

    >>> local("/incidents?state=firing"), local("//evil.example"), local("https://evil.example"), local("/\\evil")
    ('/incidents?state=firing', '/', '/', '/')
    """
    plain = path.isprintable() and path.isascii() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") else "/"


def _page(said: str, following: str, status: int = 200) -> Response:
    return HTMLResponse(
        _PAGE.format(said=escape(said), following=escape(local(following), quote=True)), status
    )


def _secure(url: URL) -> bool:
    return url.scheme == "https"
