"""``POST /predict``: what a monitor that judges single records says of one, or of a list."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, model_validator

from streamgauge.server.desk import Desk
from streamgauge.server.incidents import plain
from streamgauge.server.refusals import Refused, refuse_strangers

if TYPE_CHECKING:
    from streamgauge.engines.running.predicting import Predictor
    from streamgauge.server.producing import Producing

MOST = 10_000
"""Records of one request."""


class Asked(BaseModel):
    """One record or a list, and who is to judge it."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"example": {"monitor": "unusual", "record": {"account": "a-1", "amount": 9800.0}}},
    )

    monitor: str
    """A monitor without `window:`, such as one of type outlier."""
    record: dict[str, Any] | None = None
    """A record as in the monitor's stream."""
    records: Annotated[list[dict[str, Any]] | None, Field(min_length=1, max_length=MOST)] = None
    """Several; they count as if they came next, in this order."""
    produce: bool = False
    """Whether each record and its verdict go to the topic of `server: {predict: …}`; nothing waits for that."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Asked:
        if (self.record is None) == (self.records is None):
            raise ValueError("give `record` or `records`")
        return self


def routes(desk: Desk) -> APIRouter:
    """``/predict``."""
    router = APIRouter(tags=["predict"])
    predictors = _Predictors(desk)
    producing: list[Producing] = []

    @router.post("/predict")
    async def predict(request: Request, asked: Asked) -> JSONResponse:
        """Score it with what the monitor has learned; it learns nothing from this."""
        refuse_strangers(request)
        records = asked.records if asked.records is not None else [asked.record]
        sent = _producing(desk, producing) if asked.produce else None
        answers = await run_in_threadpool(predictors.score, asked.monitor, records)
        if sent is not None:
            sent.put([{**answer, "record": record} for record, answer in zip(records, answers, strict=True)])
        if asked.records is not None:
            return plain({"verdicts": answers})
        if "error" in answers[0]:
            raise Refused(422, answers[0]["error"])
        return plain({"verdict": answers[0]})

    return router


class _Predictors:
    """One per monitor, made when it is first asked for; anew where the file was read again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._lock = threading.Lock()
        self._config: Any = None
        self._known: dict[str, Predictor] = {}

    def score(self, monitor: str, records: list[Any]) -> list[dict[str, Any]]:
        from streamgauge.engines.running.predicting import Predictor

        desk = self._desk
        with self._lock:
            if self._config is not desk.running.config:
                self._config, self._known = desk.running.config, {}
            if monitor not in self._known:
                self._known[monitor] = Predictor(self._config, monitor)
            return self._known[monitor].score(
                records, desk.look(), (desk.clock.now(), desk.clock.monotonic())
            )


def _producing(desk: Desk, made: list[Producing]) -> Producing:
    from streamgauge.server.producing import Producing

    settings = desk.running.config.server.predict
    if settings is None:
        raise Refused(422, "produce: name the topic in the file: `server: {predict: {brokers: …, topic: …}}`")
    if not made or made[0].settings != settings:
        made[:] = [Producing(settings)]
    return made[0]
