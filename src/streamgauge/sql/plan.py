"""Statements to streams and monitors: the same configuration that YAML makes, for one engine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal

from streamgauge.clock import format_duration
from streamgauge.config import Config, load
from streamgauge.errors import ConfigError
from streamgauge.expressions.names import resolve
from streamgauge.settings import nearest
from streamgauge.sql import inserting
from streamgauge.sql.queries import BOUNDS, Query
from streamgauge.sql.script import SqlError, SqlErrors
from streamgauge.sql.selecting import resolve_query
from streamgauge.sql.statements import CreateAs, CreateStream, Define, Insert, Select, Skipped, Statement
from streamgauge.sql.streams import (
    ROWTIME,
    Files,
    Readable,
    Rows,
    Topic,
    declared,
    made,
    refuse_format,
    undeclared,
    undeclared_topic,
)
from streamgauge.sql.tokens import Token

BROKERS = "localhost:9092"


@dataclass(frozen=True, slots=True)
class Given:
    """What stands on the command line beside the statements.

    Attributes:
        parameters: by ``--set``; win over DEFINE.
        files: by ``--stream``: records of a stream.
        topics: likewise, on the brokers.
        time: the event-time column of streams that declare none.
        lateness: how far out of order records may come, where no GRACE PERIOD says it.
        brokers: of the topics of streams whose records are not given.
        now: microseconds; the event time of inserted rows that say none.
        emit: what a SELECT of its own with windows emits where it does not say.
    """

    parameters: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Files] = field(default_factory=dict)
    topics: Mapping[str, Topic] = field(default_factory=dict)
    time: str | None = None
    lateness: timedelta = timedelta(0)
    brokers: str = BROKERS
    now: int = 0
    emit: Literal["final", "changes"] | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One query of the plan: ``name`` is the table or stream that it makes, None for a bare SELECT."""

    name: str | None
    query: Query
    config: Config | None


@dataclass(slots=True)
class Plan:
    """What runs, in the order of the statements.

    Attributes:
        steps: each may read what earlier ones made.
        notes: what was passed over, for people.
    """

    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def plan(statements: Sequence[Statement], given: Given) -> Plan:
    """Plan all statements.

    Raises:
        SqlErrors: with the first mistake of each statement that has one.
    """
    planner = _Planner(statements, given)
    for statement in statements:
        try:
            planner.take(statement)
        except SqlError as error:
            planner.errors.append(error)
    if planner.errors:
        raise SqlErrors(planner.errors)
    planner.tell_unused()
    return planner.plan


def stream_settings(query: Query, given: Given) -> dict[str, Any]:
    """The stream that a query reads as YAML would declare it, with the fields that it computes."""
    settings = query.source.settings(format_duration(given.lateness), given.brokers)
    return {**settings, "fields": {**settings["fields"], **query.derived}}


class _Planner:
    def __init__(self, statements: Sequence[Statement], given: Given) -> None:
        self.given = given
        self.plan = Plan()
        self.errors: list[SqlError] = []
        self.known: dict[str, Readable] = {}
        self.parameters = dict(given.parameters)
        self.inserts: dict[str, list[Insert]] = {}
        for statement in statements:
            if isinstance(statement, Insert):
                self.inserts.setdefault(statement.stream.text.casefold(), []).append(statement)
        self.files = {name.casefold(): files for name, files in given.files.items()}
        self.skipped: Counter[str] = Counter()
        for name, files in given.files.items():
            self.known[name.casefold()] = undeclared(name, files)
        for name, topic in given.topics.items():
            self.known[name.casefold()] = undeclared_topic(name, topic)

    def take(self, statement: Statement) -> None:
        """Plan one statement."""
        match statement:
            case CreateStream():
                self._stream(statement)
            case Insert():
                self._insert(statement)
            case CreateAs():
                self._step(statement.query, statement)
            case Select():
                self._step(statement, None)
            case Define():
                if resolve(statement.name, self.given.parameters) is None:
                    self.parameters[statement.name] = statement.value
            case Skipped():
                self.skipped[statement.words.split()[0].upper()] += 1

    def tell_unused(self) -> None:
        """Note what has nothing to do here."""
        if self.skipped:
            listed = ", ".join(f"{count} {word}" for word, count in self.skipped.items())
            self.plan.notes.append(f"passed over, since they speak to a ksqlDB server: {listed}")

    def _stream(self, statement: CreateStream) -> None:
        name = statement.name.casefold()
        inserts = self.inserts.get(name, [])
        files = self.files.get(name)
        self._check_new(statement.name, statement)
        origin: Files | Rows | None = files
        self.known[name] = declared(statement, files, None)  # also when an INSERT is wrong: told once
        if inserts and files is not None:
            self.plan.notes.append(
                f"{len(inserts)} INSERTs not run: the records of {statement.name} are given by --stream"
            )
        elif inserts:
            rows = inserting.frame(statement, inserts, self.parameters, self.given.now)
            origin = Rows(rows)
        if origin is None:
            refuse_format(statement)
        self.known[name] = declared(statement, origin, self.given.time if files is not None else None)

    def _check_new(self, name: str, statement: CreateStream | CreateAs) -> None:
        known = self.known.get(name.casefold())
        if known is not None and not (name.casefold() in self.files and isinstance(statement, CreateStream)):
            message = f"{known.name} exists already; give this one another name"
            raise SqlError(message, statement.script, statement.at)

    def _insert(self, statement: Insert) -> None:
        if statement.stream.text.casefold() not in self.known:
            raise self._unknown(statement.stream, statement)

    def _step(self, select: Select, statement: CreateAs | None) -> None:
        source = self.known.get(select.source.text.casefold())
        if source is None:
            raise self._unknown(select.source, select)
        if statement is None and select.emit is None and select.window is not None:
            select = replace(select, emit=self.given.emit, emit_at=select.at)
        query = resolve_query(select, source, self.parameters, self.given.lateness)
        if statement is not None:
            self._check_new(statement.name, statement)
            self._check_form(statement, query)
        config = None if query.monitor is None else self._config(statement, query)
        self.plan.steps.append(Step(statement.name if statement else None, query, config))
        if statement is not None:
            self.known[statement.name.casefold()] = self._made(statement, query)

    def _check_form(self, statement: CreateAs, query: Query) -> None:
        windowed = query.monitor is not None
        if statement.what == "table" and not windowed:
            message = "a TABLE is made of aggregates; without an aggregate write CREATE STREAM … AS SELECT …"
            raise SqlError(message, statement.script, statement.at)
        if statement.what == "stream" and windowed:
            message = "an aggregate makes a TABLE: write CREATE TABLE … AS SELECT …"
            raise SqlError(message, statement.script, statement.at)
        if query.select.limit is not None:
            raise SqlError("LIMIT fits a SELECT of its own only", statement.script, statement.at)

    def _config(self, statement: CreateAs | None, query: Query) -> Config:
        """One stream, one monitor; checked as YAML is."""
        source, select = query.source, query.select
        name = statement.name if statement is not None else "query"
        try:
            return load(
                {
                    "streams": {source.name: stream_settings(query, self.given)},
                    "monitors": {name: dict(query.monitor or {})},
                }
            )
        except ConfigError as error:
            at = statement.at if statement is not None else select.at
            raise SqlError(f"this cannot be run: {error}", select.script, at) from error

    def _made(self, statement: CreateAs, query: Query) -> Readable:
        if query.monitor is not None:
            hidden = frozenset[str]() if query.windowed else frozenset(BOUNDS)
            kinds = {**query.kinds, **BOUNDS}
            return made(statement.name, kinds, time="window_end", is_table=query.windowed, hidden=hidden)
        kinds = {**query.kinds, ROWTIME: "timestamp"}
        return made(statement.name, kinds, time=ROWTIME, is_table=False, hidden=frozenset({ROWTIME}))

    def _unknown(self, token: Token, statement: Insert | Select) -> SqlError:
        names = [readable.name for readable in self.known.values()]
        hint = f" {nearest(token.text, names).rstrip('?')};" if names else ""
        message = (
            f"there is no stream {token.text};{hint} declare it with CREATE STREAM, or give its records by "
            f"--stream {token.text}=PATH"
        )
        return SqlError(message, statement.script, token.start)


def monitors(steps: Sequence[Step]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The monitors of a plan as YAML would write them, by name."""
    for step in steps:
        if step.config is not None and step.name is not None:
            yield step.name, step.query.monitor or {}
