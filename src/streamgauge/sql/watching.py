"""A query over a topic, live: rows as they come, by the engine that `run` has, stored nowhere."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from streamgauge.batch import NEVER
from streamgauge.clock import Clock
from streamgauge.config import load
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.embedded.intake import Intake
from streamgauge.engines.embedded.opening import open_source
from streamgauge.engines.running.round import Runners
from streamgauge.errors import ConfigError
from streamgauge.formats.contract import FieldSpec, Layout
from streamgauge.incidents.board import Board
from streamgauge.kernels import jit
from streamgauge.plan import make_plan
from streamgauge.sql.answers import Answer, projected
from streamgauge.sql.gathering import WindowColumns, answered
from streamgauge.sql.plan import Given, Plan, Step, stream_settings
from streamgauge.sql.script import SqlError
from streamgauge.stores.contract import Position

if TYPE_CHECKING:
    from streamgauge.config import Config
    from streamgauge.sources.contract import Poll

READ = 20_000
"""Records asked of the source at once."""

WAIT = timedelta(milliseconds=100)


def asked_live(plan: Plan) -> Step:
    """The one query that is answered live: the SELECT of its own, else the only CREATE … AS SELECT.

    Raises:
        SqlError: there are several, it reads what another statement makes, or it has no row before a topic's end.
        ConfigError: there is none.
    """
    bare = [step for step in plan.steps if step.name is None] or list(plan.steps)
    if not bare:
        raise ConfigError("there is no SELECT to answer; write one behind the declarations")
    if len(bare) > 1:
        message = "live, one SELECT is answered at a time; ask the others in calls of their own"
        raise SqlError(message, bare[1].query.select.script, bare[1].query.select.at)
    select, source = bare[0].query.select, bare[0].query.source
    if source.origin is not None:
        message = f"{source.name} is no topic; with --brokers a SELECT reads the topic of a CREATE STREAM"
        raise SqlError(message, select.script, select.source.start)
    if bare[0].query.monitor is not None and not (bare[0].query.windowed or bare[0].query.changes):
        message = "without WINDOW its rows are known at the end, and a topic has none; write EMIT CHANGES to see them change"
        raise SqlError(message, select.script, select.at)
    return bare[0]


def watched(step: Step, given: Given, clock: Clock, going: Callable[[], bool]) -> Iterator[Answer]:
    """The rows of a query as they come, until LIMIT is reached or ``going`` says no.

    It reads from the topic's beginning, in a consumer group of its own, and leaves no offsets behind.

    Raises:
        SourceError: the topic cannot be read, and that will not pass.
    """
    config = _config(step, given)
    rows = (
        _windows(step, config, clock, going)
        if step.config is not None
        else _plain(step, config, clock, going)
    )
    limit = step.query.select.limit
    for answer in rows:
        if not answer.rows.height:
            continue
        yield _cut(answer, limit)
        if limit is not None:
            limit = max(0, limit - answer.rows.height)
        if limit == 0:
            return


def _cut(answer: Answer, limit: int | None) -> Answer:
    if limit is None or answer.rows.height <= limit:
        return answer
    deleted = None if answer.deleted is None else answer.deleted[:limit]
    return replace(answer, rows=answer.rows.head(limit), deleted=deleted)


def _config(step: Step, given: Given) -> Config:
    """The stream at its topic; where there are windows, with its monitor."""
    query = step.query
    settings: dict[str, Any] = stream_settings(query, given)
    group = f"streamgauge-query-{uuid.uuid4().hex[:12]}"
    settings["source"] = {**settings["source"], "start": "earliest", "group": group}
    settings["format"] = {"type": "json", "any_case": True}
    for key in query.source.key:
        settings["fields"][key] = {"type": settings["fields"][key]["type"], "from": "key"}
    monitors = {} if query.monitor is None else {"query": dict(query.monitor)}
    return load({"streams": {query.source.name: settings}, "monitors": monitors})


def _windows(step: Step, config: Config, clock: Clock, going: Callable[[], bool]) -> Iterator[Answer]:
    query, plan = step.query, make_plan(config)
    name = query.source.name
    jit.choose(live=True, rows=0)
    windows = WindowColumns(plan, query)
    runners = Runners(plan, Board(), windows)
    runner = runners.streams[name]
    stream = config.streams[name]
    source = open_source(name, stream, clock)
    intake = Intake(
        plan.streams[name], source, open_decoder(stream, plan.streams[name].layout), clock, finite=False
    )
    bad = 0
    try:
        intake.start({})
        while going():
            poll, taken = intake.poll(READ, WAIT)
            _assign(runner, poll)
            at = clock.monotonic()
            for part in taken:
                runners.take(name, part.batches, part.order, at=at)
            bad += len(runners.settle().dead_letters)
            runner.gone = intake.gone()
            asked = intake.asked_at()
            if runner.clock.pass_time(intake.caught_up(), clock.monotonic(), asked):
                runner.pass_time()
            counts = {"records": intake.records, "late": windows.late_records, "dead_letters": bad}
            yield answered(query, step.name, windows.gathered_rows(), counts, whole=False)
    finally:
        source.close()


def _assign(runner: Any, poll: Poll) -> None:
    for partition in [*poll.revoked, *poll.lost]:
        runner.detach(partition)
    for partition, at in poll.assigned.items():
        runner.attach(partition, Position(at, NEVER, NEVER), from_start=at == 0)
        runner.begin(partition)
    for partition, (_, found) in poll.gaps.items():
        runner.gap(partition, found)


def _plain(step: Step, config: Config, clock: Clock, going: Callable[[], bool]) -> Iterator[Answer]:
    query = step.query
    stream = config.streams[query.source.name]
    read = frozenset().union(*(output.expression.columns for output in query.outputs))
    read |= query.where.columns if query.where is not None else frozenset()
    read |= {stream.time} if stream.time is not None else frozenset()
    specs = {
        name: FieldSpec(
            name,
            spec.type,
            spec.path or "",
            unit=spec.unit,
            required=name == stream.time,
            from_key=spec.from_ == "key",
        )
        for name, spec in stream.fields.items()
        if name in read
    }
    layout = Layout(query.source.name, specs, stream.time)
    source, decoder = open_source(query.source.name, stream, clock), open_decoder(stream, layout)
    records = bad = 0
    try:
        source.open({})
        while going():
            for piece in source.poll(READ, WAIT).slices:
                batch = decoder.decode(piece, clock.now())
                records, bad = records + len(batch), bad + len(batch.bad)
                held = None if query.where is None else query.where.mask(batch.columns, len(batch))
                rows = projected(query, batch.columns, len(batch), held)
                yield Answer(step.name, rows, query.kinds, records, dead_letters=bad)
    finally:
        source.close()
