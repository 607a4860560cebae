"""``POST /update_metrics``: values of models, told by whoever evaluates them elsewhere (a nightly task, a Spark job).

They are shown as the gauges ``fraud_model_*``, rounded to three digits, until newer ones come; kept in the store, so
that they are there after a restart.
"""

from __future__ import annotations

import ipaddress
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse

from streamgauge.server.desk import Desk
from streamgauge.server.gate import HERE, Caller
from streamgauge.server.guard import caller
from streamgauge.server.refusals import Refused
from streamgauge.settings import nearest

if TYPE_CHECKING:
    from streamgauge.config.models import UpdateMetricsConfig


GAUGES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "precision": ("fraud_model_precision", ()),
    "recall": ("fraud_model_recall", ()),
    "accuracy": ("fraud_model_accuracy", ()),
    "drift_score": ("fraud_model_feature_drift", ("",)),
}
"""By the name in a request: the gauge, and the values of its labels."""

DIGITS = 3
EXAMPLE = {"precision": 0.914, "recall": 0.873, "accuracy": 0.982, "drift_score": 0.07}


def routes(desk: Desk) -> APIRouter:
    """``/update_metrics``; what was kept is shown from the start on."""
    router = APIRouter(tags=["metrics"])

    @router.post(
        "/update_metrics",
        openapi_extra={"requestBody": {"content": {"application/json": {"example": EXAMPLE}}}},
    )
    async def update_metrics(request: Request) -> JSONResponse:
        """Set any of `precision`, `recall`, `accuracy` (0 to 1) and `drift_score` (from 0 on)."""
        check_caller(caller(request), desk.running.config.server.update_metrics)
        values = read(await request.body())
        await run_in_threadpool(desk.pushed().put, values)
        show(desk, values)
        return JSONResponse({"set": values})

    return router


def show_kept(desk: Desk) -> None:
    """Show what was told before a restart; nothing where the store cannot be read."""
    from streamgauge.errors import StoreError

    try:
        show(desk, desk.pushed().all())
    except StoreError:
        return


def show(desk: Desk, values: Mapping[str, float]) -> None:
    """As gauges."""
    for name, value in values.items():
        desk.running.status.gauges[GAUGES[name]] = value


def check_caller(who: Caller, config: UpdateMetricsConfig) -> None:
    """By its token, by where it comes from, or by both; as configured.

    Raises:
        Refused: 401 without a token that is for this, 403 from elsewhere.
    """
    address = ipaddress.ip_address(who.address)
    networks = [ipaddress.ip_network(text, strict=False) for text in config.networks]
    if networks and not any(address in network for network in networks):
        raise Refused(
            403, f"{address} is in none of the networks of `server: {{update_metrics: {{networks:}}}}`"
        )
    if config.token and who.name != HERE and not who.may("ingest"):
        refused = Refused(401, "send a token for `ingest` as `Authorization: Bearer TOKEN`")
        refused.headers = {"WWW-Authenticate": "Bearer"}
        raise refused


def read(body: bytes) -> dict[str, float]:
    """The values of a request, rounded.

    Raises:
        Refused: 422, naming the field.
    """
    try:
        given = json.loads(body)
    except ValueError:
        given = None
    if not isinstance(given, dict) or not given:
        raise Refused(
            422, f"send a JSON object with any of {', '.join(GAUGES)}, such as {json.dumps(EXAMPLE)}"
        )
    return {name: _value(name, value) for name, value in given.items()}


def _value(name: str, value: Any) -> float:
    if name not in GAUGES:
        raise Refused(422, f"{name}: there is no such value; {nearest(name, GAUGES)}")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(422, f"{name}: {str(value)[:40]} is no finite number")
    most = math.inf if name == "drift_score" else 1.0
    if not 0 <= value <= most:
        bounds = "from 0 on" if name == "drift_score" else "between 0 and 1"
        raise Refused(422, f"{name}: {value:g} must lie {bounds}")
    return round(float(value), DIGITS)
