"""The API of a stream's records: some of the newest, which key lies where, and those that could not be read."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from streamgauge.batch import Batch
from streamgauge.clock import iso
from streamgauge.config.models import StreamConfig
from streamgauge.engines.outgoing.dead_letters import as_json
from streamgauge.server.desk import Desk
from streamgauge.server.guard import caller
from streamgauge.server.incidents import plain
from streamgauge.server.refusals import Refused, refuse_strangers
from streamgauge.settings import HIDDEN, nearest
from streamgauge.stores.contract import DeadLetter

if TYPE_CHECKING:
    from streamgauge.config.models import Config

MOST = 100
LETTERS = 1_000
LONGEST = 2_000
"""Characters of one value that are shown."""


class Sample(BaseModel):
    """One record, with the fields that some monitor reads."""

    partition: str
    offset: int
    at: str
    """Its event time."""
    record: dict[str, Any]
    """Masked fields are `***`."""


class Samples(BaseModel):
    """Some of the newest records of a stream."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "stream": "payments", "masked": ["account"],
                "records": [{"partition": "payments:0", "offset": 119, "at": "2026-01-01T00:00:00.000Z",
                             "record": {"account": "***", "amount": 12.5}}],
            }
        }
    )  # fmt: skip

    stream: str
    masked: list[str]
    records: list[Sample]
    """The newest first."""


class KeyPlace(BaseModel):
    """What is known of one partition's keys."""

    partition: str
    records: int
    """Of the newest records, how many lie there."""
    keys: list[dict[str, Any]]
    """The keys of those, the most frequent first, each with how many records."""


class Keys(BaseModel):
    """Which key goes to which partition, seen from the newest records."""

    stream: str
    by: list[str]
    """The fields that count as the key: `partitioned_by`, else `key`."""
    partitions: list[KeyPlace]
    spread: list[str]
    """Keys that were seen in several partitions."""


class PutBack(BaseModel):
    """Dead letters to be read again."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={"example": {"stream": "payments", "put_back": False}},
    )

    stream: Annotated[str, Field(max_length=120)]
    """Whose."""
    limit: Annotated[int, Field(ge=1, le=LETTERS)] = 100
    """The newest so many."""
    put_back: bool = False
    """Whether those that can be read now go back into their topic; else it is only told."""


def routes(desk: Desk) -> APIRouter:
    """``/streams/{name}/samples``, ``/streams/{name}/keys``, ``/dead-letters`` and ``/dead-letters/replay``."""
    router = APIRouter(tags=["streams"])

    @router.get("/streams/{name}/samples", response_model=Samples)
    def samples(
        name: str, limit: Annotated[int, Query(ge=1, le=MOST, description="Records at most.")] = 20
    ) -> JSONResponse:
        """Some of the newest records, masked fields masked; only fields that some monitor reads."""
        stream = declared(desk, name)
        return plain({"stream": name, "masked": masked(stream), "records": newest(desk, name, stream, limit)})

    @router.get("/streams/{name}/keys", response_model=Keys)
    def keys(name: str) -> JSONResponse:
        """Which key goes to which partition, seen from the newest records; masked keys are not shown."""
        return plain(key_places(desk, name, declared(desk, name)))

    @router.get("/dead-letters")
    def letters(
        stream: Annotated[str | None, Query(max_length=120, description="Only those of this stream.")] = None,
        limit: Annotated[int, Query(ge=1, le=LETTERS)] = 100,
    ) -> JSONResponse:
        """Records that could not be read, newest first; of streams with masked fields without their content."""
        found = desk.look().dead_letters(stream=stream, limit=limit)
        return plain({"dead_letters": [letter_shown(letter, desk.running.config) for letter in found]})

    @router.post("/dead-letters/replay")
    def replay(request: Request, asked: PutBack) -> JSONResponse:
        """Read them again as the file says now; with `put_back` those that can be read go back into their topic, once each."""
        refuse_strangers(request)
        declared(desk, asked.stream)
        return plain(read_letters_again(desk, asked, caller(request).name))

    return router


def declared(desk: Desk, name: str) -> StreamConfig:
    """The stream of the file that is called so.

    Raises:
        Refused: with 404.
    """
    streams = desk.running.config.streams
    if name not in streams:
        raise Refused(404, f"there is no stream {name!r}; {nearest(name, streams)}")
    return streams[name]


def masked(stream: StreamConfig) -> list[str]:
    """Fields that must not be shown: those that say so, and those that are computed of them."""
    hidden = {name for name, spec in stream.fields.items() if spec.mask}
    for name, spec in stream.fields.items():
        if spec.compute is not None and any(_mentions(spec.compute, field) for field in hidden):
            hidden.add(name)
    return sorted(hidden)


def newest(desk: Desk, name: str, stream: StreamConfig, limit: int) -> list[dict[str, Any]]:
    """Of the engine's picture, the newest first."""
    hidden = frozenset(masked(stream))
    found: list[dict[str, Any]] = []
    for batch in reversed(_batches(desk, name)):
        for row in range(len(batch) - 1, -1, -1):
            if len(found) == limit:
                return found
            found.append(
                {
                    "partition": str(batch.partition),
                    "offset": int(batch.offsets[row]),
                    "at": iso(int(batch.times[row])),
                    "record": {
                        field: _shown(batch, field, row, hidden=field in hidden) for field in batch.columns
                    },
                }
            )
    return found


def key_places(desk: Desk, name: str, stream: StreamConfig) -> dict[str, Any]:
    """By partition, the keys of the newest records."""
    by = list(stream.partitioned_by or stream.key)
    hidden = set(masked(stream))
    counts: dict[str, dict[str, int]] = {}
    for batch in _batches(desk, name):
        mine = counts.setdefault(str(batch.partition), {})
        fields = [field for field in by if field in batch.columns]
        columns = [batch.columns[field].values() for field in fields]
        for values in zip(*columns, strict=True) if columns else ((),) * len(batch):
            words = [HIDDEN if f in hidden else str(v) for f, v in zip(fields, values, strict=True)]
            text = ", ".join(words)[:LONGEST]
            mine[text] = mine.get(text, 0) + 1
    seen: dict[str, int] = {}
    for mine in counts.values():
        for text in mine:
            seen[text] = seen.get(text, 0) + 1
    return {
        "stream": name,
        "by": by,
        "partitions": [
            {"partition": place, "records": sum(mine.values()), "keys": _most(mine) if by else []}
            for place, mine in sorted(counts.items())
        ],
        "spread": sorted(text for text, places in seen.items() if places > 1 and HIDDEN not in text)[:MOST]
        if by
        else [],
    }


def letter_shown(letter: DeadLetter, config: Config) -> dict[str, Any]:
    """Plain data; without what the record held where that must not be shown."""
    plain_data = {**as_json(letter), "put_back_at": iso(letter.replayed_at)}
    stream = config.streams.get(letter.stream)
    plain_data["reason"] = reason_shown(letter.reason, stream)
    if stream is None or masked(stream):
        for name in ("payload", "payload_base64"):
            if plain_data.pop(name, None) is not None:
                plain_data["payload"] = HIDDEN
    return plain_data


def reason_shown(reason: str | None, stream: StreamConfig | None) -> str | None:
    """Why a record could not be read, without the value of a field that must not be shown."""
    field = (reason or "").partition(":")[0]
    if stream is not None and field in masked(stream):
        return f"{field}: its value cannot be used, and is not shown"
    return reason


def read_letters_again(desk: Desk, asked: PutBack, who: str) -> dict[str, Any]:
    """Which can be read now, and what was put back."""
    import structlog

    from streamgauge.engines.outgoing.second_reading import put_back, read_again
    from streamgauge.stores import open_reading

    config = desk.running.config
    with closing(open_reading(config.store.url, read_only=not asked.put_back)) as look:
        kept = look.dead_letters(stream=asked.stream, limit=asked.limit)
        waiting = [letter for letter in kept if letter.replayed_at is None]
        outcomes = read_again(config, reversed(waiting), desk.clock)
        fine = [outcome.letter for outcome in outcomes if outcome.readable]
        if asked.put_back and fine:
            put_back(config, fine)
            look.mark_replayed([letter.sequence for letter in fine], desk.clock.now())
            structlog.get_logger("streamgauge.server").info(
                "dead letters were put back", stream=asked.stream, count=len(fine), who=who
            )
    count = len(fine)
    told = f"{count} of {len(outcomes)} can be read now"
    return {
        "stream": asked.stream,
        "told": f"{told}, and were put back." if asked.put_back and count else f"{told}.",
        "readable": count,
        "put_back": len(fine) if asked.put_back else 0,
        "letters": [
            {
                "partition": str(outcome.letter.partition),
                "offset": outcome.letter.offset,
                "readable": outcome.readable,
                "reason": reason_shown(outcome.reason, config.streams.get(asked.stream)),
            }
            for outcome in outcomes
        ],
    }


def _batches(desk: Desk, name: str) -> tuple[Batch, ...]:
    status = desk.now.streams.get(name)
    return () if status is None else tuple(status.newest)


def _shown(batch: Batch, field: str, row: int, *, hidden: bool) -> Any:
    column = batch.columns[field]
    value = column.at(row)
    if value is None:
        return None
    if hidden:
        return HIDDEN
    if column.kind == "timestamp":
        return iso(int(value))
    return value[:LONGEST] if isinstance(value, str) else value


def _most(counts: dict[str, int]) -> list[dict[str, Any]]:
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    return [{"key": text, "records": counts[text]} for text in ranked[:20]]


def _mentions(expression: str, field: str) -> bool:
    import re

    return re.search(rf"\b{re.escape(field)}\b", expression, re.IGNORECASE) is not None
