"""The API of history: the series of a monitor with its band, made small here, and the incidents on it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from streamgauge.clock import to_micros
from streamgauge.incident import Incident
from streamgauge.keys import Key, key_from_text, key_text, key_texts
from streamgauge.server import thinning
from streamgauge.server.desk import Desk
from streamgauge.server.incidents import plain
from streamgauge.server.monitors import known
from streamgauge.server.refusals import Refused

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.stores.contract import Reading

FEWEST, MOST = 10, 5_000
"""Points that may be asked for."""
KEYS = 100
"""Keys that are named, those with most windows."""
INCIDENTS = 200
"""Incidents that are told with a series, the newest."""

Moment = Annotated[str | None, Query(description="A moment such as 2026-01-31T12:00:00Z.", max_length=40)]
KeyQuery = Annotated[
    str | None,
    Query(description='As people write it, or as `keys` names it: DE, or ["DE",4].', max_length=1_000),
]


class KeyShown(BaseModel):
    """A key of the history."""

    text: str
    """What to give as `key`."""
    label: str
    """What people read."""
    windows: int
    """How many of its windows are kept."""


class Spread(BaseModel):
    """One value of the windows of each bucket."""

    mean: list[float | None]
    min: list[float | None]
    max: list[float | None]


class Series(BaseModel):
    """Columns of one length, oldest first."""

    start: list[str]
    """Where the first window of each bucket starts."""
    at: list[str]
    """Where its last window ends."""
    windows: list[int]
    """How many windows it holds."""
    severity: list[str]
    """The worst that was said of them."""
    score: list[float | None]
    """The highest; null for rules."""
    expected: list[float | None]
    lower: list[float | None]
    upper: list[float | None]
    """Means of the bucket; null where there is none."""
    values: dict[str, Spread]
    """Every number that the window computes, by name."""


class History(BaseModel):
    """What windows of a monitor came to, at most so many points of it, and its incidents."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "monitor": "burst", "stream": "payments", "key": "a-7",
                "keys": [{"text": '"a-7"', "label": "a-7", "windows": 2}],
                "start": "2026-01-01T00:00:00.000Z", "end": "2026-01-01T00:00:10.000Z",
                "windows": 2, "bucket_seconds": None, "expected": "events <= 100", "limit": 100.0,
                "drawn": "events",
                "series": {
                    "start": ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:05.000Z"],
                    "at": ["2026-01-01T00:00:05.000Z", "2026-01-01T00:00:10.000Z"],
                    "windows": [1, 1], "severity": ["ok", "critical"], "score": [None, None],
                    "expected": [None, None], "lower": [None, None], "upper": [None, None],
                    "values": {"events": {"mean": [3.0, 101.0], "min": [3.0, 101.0], "max": [3.0, 101.0]}},
                },
                "incidents": [],
            }
        }
    )  # fmt: skip

    monitor: str
    stream: str
    key: Any
    """The key that was asked for; null: all of them together."""
    keys: list[KeyShown]
    start: str | None
    end: str | None
    """From the start of the first window found to the end of the last."""
    windows: int
    """How many were found."""
    bucket_seconds: float | None
    """How long a bucket is; null: every window stands by itself."""
    expected: str | None
    """What was expected, in words, where it is a rule."""
    limit: float | None
    """The number in it, where it is about `drawn`."""
    drawn: str | None
    """The value that is judged."""
    series: Series
    incidents: list[dict[str, Any]]
    """As /api/v1/incidents tells them, oldest first."""


def routes(desk: Desk) -> APIRouter:
    """``/history/{monitor}``."""
    router = APIRouter(tags=["history"])

    @router.get("/history/{monitor}", response_model=History)
    def history(
        monitor: str,
        key: KeyQuery = None,
        start: Moment = None,
        end: Moment = None,
        points: Annotated[int, Query(ge=FEWEST, le=MOST, description="Buckets at most.")] = 500,
    ) -> JSONResponse:
        """The series of a monitor: values with minimum, maximum and mean per bucket, expected, band, severity; incidents on it."""
        known(desk, monitor)
        return plain(told(desk, monitor, key, (read_moment(start), read_moment(end)), points))

    return router


def told(
    desk: Desk, monitor: str, key: str | None, span: tuple[int | None, int | None], points: int
) -> dict[str, Any]:
    """The answer as plain data; ``span`` bounds the ends of windows (microseconds)."""
    look, config = desk.look(), desk.running.config
    settings = config.monitors[monitor]
    found = look.history(monitor, start=span[0], end=span[1])
    judged = look.judgements(monitor, start=span[0], end=span[1])
    text = chosen(key, found)
    keys = keys_shown(found, text)
    found, judged = of_key(found, text), of_key(judged, text)
    names = thinning.numbers(found)
    series = thinning.series(found, judged, names, points)
    incidents = overlapping(look, monitor, text, span)
    drawn = drawn_of(settings.detect, [*series.values])
    rule = rule_of(judged, incidents)
    return {
        "monitor": monitor,
        "stream": settings.stream,
        "key": None if text is None else shown_key(text),
        "keys": keys,
        "start": series.start[0] if series.start else None,
        "end": series.at[-1] if series.at else None,
        "windows": found.height,
        "bucket_seconds": series.bucket_seconds,
        "expected": rule,
        "limit": limit_in(rule, drawn),
        "drawn": drawn,
        "series": series.as_json(),
        "incidents": [incident.as_json() for incident in incidents],
    }


def read_moment(text: str | None) -> int | None:
    """Microseconds; without a zone it is UTC.

    Raises:
        Refused: with 400.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return to_micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise Refused(400, f"{text!r} is no moment such as 2026-01-31T12:00:00Z") from None


def keys_shown(frame: pl.DataFrame, also: str | None = None) -> list[dict[str, Any]]:
    """The keys with most windows, and the one that was asked for if it has any."""
    import polars as pl

    if not frame.height:
        return []
    counted = frame.group_by("key").agg(pl.len().alias("windows"))
    ordered = counted.drop_nulls("key").sort("windows", "key", descending=[True, False])
    first = ordered.head(KEYS)
    if also is not None and also not in first["key"]:
        first = pl.concat([first, ordered.filter(pl.col("key") == also)])
    return [
        {"text": text, "label": label(text), "windows": windows}
        for text, windows in first.select("key", "windows").rows()
    ]


def chosen(key: str | None, frame: pl.DataFrame) -> str | None:
    """The text of the key that is meant, one that is there if there is one; None: all keys."""
    if key is None:
        return None
    texts = (key, *key_texts(key)) if _is_text(key) else key_texts(key)
    there = set(frame["key"].unique().to_list()) if frame.height else set()
    return next((text for text in texts if text in there), texts[0])


def of_key(frame: pl.DataFrame, text: str | None) -> pl.DataFrame:
    """The rows of one key; all of them for None."""
    import polars as pl

    return frame if text is None or not frame.height else frame.filter(pl.col("key") == text)


def overlapping(
    look: Reading, monitor: str, text: str | None, span: tuple[int | None, int | None]
) -> list[Incident]:
    """Incidents of a monitor that touch a time, oldest first."""
    start, end = span
    keys = None if text is None else [text]
    newest = look.incidents(monitor=monitor, keys=keys, limit=1_000, before=end)
    touching = [one for one in newest if start is None or one.resolved_at is None or one.resolved_at >= start]
    return touching[:INCIDENTS][::-1]


def rule_of(judged: pl.DataFrame, incidents: list[Incident]) -> str | None:
    """What a rule expects, in words, as it was told last."""
    if "rule" in judged.columns:
        words = judged["rule"].drop_nulls()
        if len(words):
            return str(words[-1])
    return next((one.expected for one in reversed(incidents) if isinstance(one.expected, str)), None)


def limit_in(rule: str | None, name: str | None) -> float | None:
    """The number in ``events <= 100``, where it is about ``name``."""
    from streamgauge.server.pages.incidents import limit_of

    return None if name is None else limit_of(rule, name)


def drawn_of(detect: Any, names: list[str]) -> str | None:
    """The value that a detector judges, as far as it is one of ``names``."""
    asked = [getattr(detect, name, None) for name in ("of", "value", "type")]
    words = [word for word in asked if isinstance(word, str)]
    when = getattr(detect, "when", None)
    if isinstance(when, str):
        words += when.replace("(", " ").split()
    return next((word for word in words if word in names), names[0] if names else None)


def shown_key(text: str) -> Any:
    """A key as JSON of incidents has it."""
    try:
        key: Key = key_from_text(text)
    except ValueError:
        return text
    return list(key) if isinstance(key, tuple) else key


def label(text: str) -> str:
    """A key as people read it."""
    from streamgauge.server.pages.rendering import key_words

    return key_words(shown_key(text)) or "all"


def _is_text(key: str) -> bool:
    try:
        return key_text(key_from_text(key)) == key
    except (ValueError, TypeError):
        return False
