"""The interactive description of the API, ``/docs``: everything it loads is shipped, so it works in a closed network.

``static/`` holds Swagger UI (Apache License 2.0, see its LICENSES.txt) as its makers built it.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from streamgauge.server.refusals import Refused

if TYPE_CHECKING:
    from fastapi import FastAPI

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>API · Streamgauge</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/pages/static/gauge.svg" type="image/svg+xml">
<link rel="stylesheet" href="/docs/static/swagger-ui.css">
<script src="/docs/static/swagger-ui-bundle.js" defer></script>
<script src="/docs/static/start.js" defer></script>
</head><body><main id="swagger-ui"><p>Reading /openapi.json …</p></main></body></html>
"""

_KINDS = {".js": "text/javascript", ".css": "text/css", ".txt": "text/plain"}


def add_to(app: FastAPI) -> None:
    """Serve ``/docs``."""
    router = APIRouter(include_in_schema=False)

    @router.get("/docs", response_class=HTMLResponse)
    def page() -> HTMLResponse:
        return HTMLResponse(_PAGE)

    @router.get("/docs/static/{name}")
    def static(name: str) -> Response:
        kind = _KINDS.get(name[name.rfind(".") :])
        found = files(__name__).joinpath("static", name)
        if "/" in name or kind is None or not found.is_file():
            raise Refused(404, f"there is no {name!r} here")
        return Response(found.read_bytes(), media_type=kind, headers={"Cache-Control": "max-age=3600"})

    app.include_router(router)
