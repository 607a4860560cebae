"""The API of replay: what a draft would have said of records of the past, beside what was said of them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import yaml
from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from streamgauge.clock import parse_duration, to_micros
from streamgauge.config.drafting import packed, written
from streamgauge.config.models import Config
from streamgauge.engines.replay.apart import ApartError, ask
from streamgauge.engines.replay.trial import Job, fired_since
from streamgauge.engines.replay.trial_reading import Wanted
from streamgauge.server.desk import Desk
from streamgauge.server.incidents import plain
from streamgauge.server.refusals import Refused, refuse_strangers
from streamgauge.settings import nearest, replace_secrets

GIVEN = 100_000
"""Records of one request."""
READ = 300_000
"""Records that are read again at most, the newest."""
READING, PATIENCE = 15.0, 60.0
"""Seconds that reading and all of it may take."""
LONGEST = 24 * 3_600_000_000
"""Microseconds that may be looked back."""

Monitor = Annotated[
    str | dict[str, Any], Field(description="One monitor as in the file: YAML text or an object.")
]
Monitors = Annotated[
    str | dict[str, Any], Field(description="Monitors by name, as in the file: YAML text or an object.")
]


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    stream: str | None = None
    """On whose records; default: the stream that the draft watches."""
    records: Annotated[list[dict[str, Any]] | None, Field(min_length=1, max_length=GIVEN)] = None
    """Records to try it on; default: the stream's own, read again."""
    last: Annotated[str, Field(max_length=20)] = "1h"
    """How much of the stream's own time, to its newest record; at most 24h."""


class Trial(_Asked):
    """A draft to be tried: one monitor (`monitor` and `draft`), or several (`monitors`)."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "monitor": "burst", "last": "1h",
                "draft": "stream: payments\nwindow: {type: tumbling, size: 5s, by: account, compute: {events: count(*)}}\ndetect: {type: threshold, when: events > 80}\n",
            }
        }
    )  # fmt: skip

    monitor: Annotated[str | None, Field(max_length=120)] = None
    """Its name; of one that runs, what fired stands beside what would have."""
    draft: Monitor | None = None
    monitors: Monitors | None = None


class Difference(_Asked):
    """Two configurations to be compared."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "stream": "payments",
                "after": {"burst": {"stream": "payments", "window": {"type": "tumbling", "size": "5s", "compute": {"n": "count(*)"}},
                                    "detect": {"type": "threshold", "when": "n > 50"}}},
                "records": [{"account": "a-1", "amount": 5.0, "at": "2026-01-01T00:00:00Z"}],
            }
        }
    )  # fmt: skip

    before: Monitors | None = None
    """Default: what runs."""
    after: Monitors


class Compared(BaseModel):
    """How many incidents both tell of, and how many only one does."""

    same: int
    only_draft: int
    only_running: int


class Tried(BaseModel):
    """What would have fired, beside what did."""

    monitors: list[str]
    stream: str
    source: str
    """given, or where the stream's records were read again."""
    start: str | None
    end: str | None
    """Event times of the first and the last record."""
    records: int
    late: int
    dead_letters: int
    windows: int
    truncated: str | None
    """Why not all of it was looked at."""
    seconds: float
    incidents: list[dict[str, Any]]
    """What would have fired, oldest first, at most the newest 1,000; shaped as /api/v1/incidents has them."""
    incidents_total: int
    fired: list[dict[str, Any]]
    """What did fire of monitors of these names in the same time."""
    compared: Compared
    windows_lines: list[dict[str, Any]]
    """The newest 2,000 windows of the draft: monitor, key, start, end, values."""


class MonitorChanges(BaseModel):
    """What is another in a monitor."""

    monitor: str
    changes: list[dict[str, Any]]
    """Each with path, before and after."""


class MonitorsCompared(BaseModel):
    """The monitors of two configurations."""

    new: list[str]
    gone: list[str]
    changed: list[MonitorChanges]
    same: list[str]


class IncidentsCompared(BaseModel):
    """The incidents of two configurations over the same records."""

    same: int
    only_before: list[dict[str, Any]]
    only_after: list[dict[str, Any]]


class Differences(BaseModel):
    """What is different, in the files and in what fires."""

    monitors: MonitorsCompared
    stream: str
    records: int
    start: str | None
    end: str | None
    truncated: str | None
    seconds: float
    incidents: IncidentsCompared


def routes(desk: Desk) -> APIRouter:
    """``/replay`` and ``/replay/diff``."""
    router = APIRouter(tags=["replay"])
    trials = Trials(desk)

    @router.post("/replay", response_model=Tried)
    async def replay(request: Request, asked: Trial) -> JSONResponse:
        """Try a draft on records of the past, in a process beside the engine: what would have fired, and what did."""
        refuse_strangers(request)
        return plain(await run_in_threadpool(trials.tried, asked))

    @router.post("/replay/diff", response_model=Differences)
    async def diff(request: Request, asked: Difference) -> JSONResponse:
        """Compare two configurations: which monitors are new, gone, changed, and what changes in what fires."""
        refuse_strangers(request)
        return plain(await run_in_threadpool(trials.compared, asked))

    return router


_BUSY = threading.Lock()


class Trials:
    """One at a time in this process, whoever asks: each takes a core for seconds."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def tried(self, asked: Trial) -> dict[str, Any]:
        """What would have fired.

        Raises:
            Refused: 422 the draft or what is asked makes no sense, 429 another trial is under way.
        """
        drafts = _drafts(asked)
        config = self._desk.running.config
        job = self._job(config, asked, drafts, None)
        found = self._ask(config, job)
        after = found["after"]
        incidents = [one for one in after.pop("incidents") if one["monitor"] in drafts]
        fired = self._fired(drafts, after["start"], after["end"]) if asked.records is None else []
        same = both(incidents, fired)
        return {
            "monitors": list(drafts),
            "stream": job.stream,
            "source": "given" if asked.records is not None else config.streams[job.stream].source.type,
            **after,
            "windows_lines": [one for one in after["windows_lines"] if one["monitor"] in drafts],
            "truncated": found["truncated"],
            "seconds": found["seconds"],
            "incidents": incidents,
            "incidents_total": len(incidents),
            "fired": fired,
            "compared": {"same": len(same), "only_draft": len(incidents) - len(same),
                         "only_running": len(fired) - len(same)},
        }  # fmt: skip

    def compared(self, asked: Difference) -> dict[str, Any]:
        """What is different.

        Raises:
            Refused: as of :meth:`tried`.
        """
        config = self._desk.running.config
        after = monitors_of(asked.after, "after")
        before = (
            {name: written(config, name) for name in config.monitors}
            if asked.before is None
            else monitors_of(asked.before, "before")
        )
        job = self._job(config, asked, after, before)
        found = self._ask(config, job)
        old, new = found["before"]["incidents"], found["after"]["incidents"]
        same = both(new, old)
        matched = {id(one) for pair in same for one in pair}
        return {
            "monitors": found["changes"],
            "stream": job.stream,
            **{name: found["after"][name] for name in ("records", "start", "end")},
            "truncated": found["truncated"],
            "seconds": found["seconds"],
            "incidents": {
                "same": len(same),
                "only_before": [one for one in old if id(one) not in matched],
                "only_after": [one for one in new if id(one) not in matched],
            },
        }

    def _job(
        self, config: Config, asked: _Asked, drafts: Mapping[str, Any], before: Mapping[str, Any] | None
    ) -> Job:
        stream = asked.stream or _stream_of(config, drafts)
        if stream not in config.streams:
            raise Refused(422, f"stream {stream!r} is none that is read; {nearest(stream, config.streams)}")
        return Job(
            config=packed(config),
            after=dict(drafts),
            before=None if before is None else dict(before),
            stream=stream,
            wanted=self._wanted(stream),
            records=asked.records,
            newest=self._newest(config, stream),
            last=_last(asked.last),
        )

    def _wanted(self, stream: str) -> Wanted:
        status = self._desk.now.streams.get(stream)
        if status is None:
            return Wanted(None, READ, READING)
        positions = {name: one.next_offset for name, one in status.partitions.items()}
        started = status.source.get("started")
        return Wanted(None, READ, READING, positions, started if isinstance(started, int) else None)

    def _newest(self, config: Config, stream: str) -> int | None:
        """Event time of the newest record that was read."""
        status = self._desk.now.streams.get(stream)
        marks = [] if status is None else [one.watermark for one in status.partitions.values()]
        known = [mark for mark in marks if mark is not None]
        return max(known) + to_micros(config.streams[stream].lateness) if known else None

    def _ask(self, config: Config, job: Job) -> dict[str, Any]:
        if not _BUSY.acquire(blocking=False):
            refused = Refused(429, "another trial is under way, and each takes a core; come again in 5 s")
            refused.headers = {"Retry-After": "5"}
            raise refused
        try:
            return ask("streamgauge.engines.replay.trial", job, PATIENCE)
        except ApartError as error:
            raise Refused(422, replace_secrets(str(error), config._secrets)) from None
        finally:
            _BUSY.release()

    def _fired(self, names: Mapping[str, Any], start: str | None, end: str | None) -> list[dict[str, Any]]:
        if start is None or end is None:
            return []
        look, first, last = self._desk.look(), _micros(start), _micros(end)
        found = [
            one
            for name in names
            for one in look.incidents(monitor=name, limit=1_000, before=last + 1)
            if one.kind == "verdict" and fired_since(one, first)
        ]
        return [one.as_json() for one in sorted(found, key=lambda one: one.opened_at)]


def both(
    ours: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of the same monitor and key that overlap in time; each stands in one pair at most."""
    free: dict[str, list[dict[str, Any]]] = {}
    for one in theirs:
        free.setdefault(one["fingerprint"], []).append(one)
    pairs = []
    for one in ours:
        mine = free.get(one["fingerprint"], [])
        other = next((each for each in mine if _overlap(one, each)), None)
        if other is not None:
            mine.remove(other)
            pairs.append((one, other))
    return pairs


def monitors_of(given: str | Mapping[str, Any], where: str) -> dict[str, Any]:
    """Monitors by name, out of a whole file or the part of it.

    Raises:
        Refused: with 422.
    """
    plain_data = parsed(given, where)
    monitors = plain_data.get("monitors", plain_data)
    if not isinstance(monitors, Mapping) or not monitors:
        raise Refused(422, f"{where}: expected monitors by name, as under `monitors:` of the file")
    return dict(monitors)


def parsed(given: str | Mapping[str, Any], where: str) -> dict[str, Any]:
    """Plain data of YAML text.

    Raises:
        Refused: with 422, it is no mapping.
    """
    if isinstance(given, str):
        try:
            if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(given, yaml.CSafeLoader)):
                raise Refused(422, f"{where}: a draft repeats nothing by `*name`; write it out")
            given = yaml.load(given, yaml.CSafeLoader)
        except (yaml.YAMLError, ValueError) as error:
            raise Refused(422, f"{where}: this is no YAML: {' '.join(str(error).split())}") from None
        except RecursionError:
            raise Refused(422, f"{where}: it is nested too deeply") from None
    if not isinstance(given, Mapping):
        raise Refused(422, f"{where}: expected what stands below a name in the file")
    return dict(given)


def _drafts(asked: Trial) -> dict[str, Any]:
    if (asked.monitors is None) == (asked.draft is None):
        raise Refused(422, "give `monitor` and its `draft`, or `monitors`")
    if asked.monitors is not None:
        return monitors_of(asked.monitors, "monitors")
    assert asked.draft is not None
    return {asked.monitor or "draft": parsed(asked.draft, "draft")}


def _stream_of(config: Config, drafts: Mapping[str, Any]) -> str:
    """Whose records end up in the first draft."""
    for draft in drafts.values():
        stream = draft.get("stream") if isinstance(draft, Mapping) else None
        if isinstance(stream, str):
            return config.origin_of(stream)
    if len(config.streams) == 1:
        return next(iter(config.streams))
    raise Refused(422, f"say on which `stream`: {', '.join(config.streams) or 'there is none'}")


def _last(text: str) -> int:
    try:
        length = to_micros(parse_duration(text))
    except (ValueError, OverflowError) as error:
        raise Refused(422, f"last: {error}") from None
    if not 0 < length <= LONGEST:
        raise Refused(422, "last: more than nothing, and at most 24h")
    return length


def _overlap(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    def ends(each: Mapping[str, Any]) -> tuple[str, str]:
        end = each["resolved_at"] or "9999"
        return min(each["opened_at"], each["window_start"] or each["opened_at"]), max(end, each["opened_at"])

    (a, b), (c, d) = ends(one), ends(other)
    return a <= d and c <= b


def _micros(text: str) -> int:
    return to_micros(datetime.fromisoformat(text))
