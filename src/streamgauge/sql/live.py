"""Statements as one configuration for ``run``: streams are topics, tables are monitors whose rows go to topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from streamgauge.clock import format_duration
from streamgauge.config import Config, load
from streamgauge.errors import ConfigError
from streamgauge.expressions.names import resolve
from streamgauge.settings import nearest
from streamgauge.sql.plan import Given, Step, plan
from streamgauge.sql.relations import Relation, replaced, rows_of
from streamgauge.sql.rewriting import column_text
from streamgauge.sql.script import SqlError
from streamgauge.sql.statements import CreateAs, CreateStream, Insert, Literally, Statement
from streamgauge.sql.streams import Readable

CHANNELS: Mapping[str, str] = {
    "console": "",
    "csv": "path",
    "webhook": "url",
    "slack": "webhook",
    "alertmanager": "url",
    "kafka": "topic",
}
"""What ``--notify TYPE:TARGET`` may name, and the key that TARGET stands for."""


@dataclass(frozen=True, slots=True)
class Live:
    """What ``run`` runs.

    Attributes:
        config: checked, as one file would give it.
        plain: the same as data, for people.
        notes: what of the statements is passed over.
    """

    config: Config
    plain: Mapping[str, Any]
    notes: Sequence[str]


def live(
    statements: Sequence[Statement],
    given: Given,
    *,
    notify: Sequence[str] = (),
    more: Mapping[str, Any] | None = None,
) -> Live:
    """One configuration of all statements.

    Args:
        statements: of all files.
        given: parameters and brokers.
        notify: ``TYPE:TARGET`` each; the console where there is none.
        more: other parts of the file, such as ``store``.

    Raises:
        SqlErrors: statements that cannot be run.
        SqlError: likewise.
        ConfigError: a channel that cannot be.
    """
    inserts = [one for one in statements if isinstance(one, Insert)]
    planned = plan([one for one in statements if not isinstance(one, Insert)], given)
    maker = _Maker(statements, given, _channels(notify, given.brokers))
    for step in planned.steps:
        maker.take(step)
    if not maker.monitors and not maker.has_sinks:
        raise ConfigError(
            "there is nothing to run: no CREATE TABLE … AS SELECT … and no CREATE STREAM … AS SELECT …; "
            "`streamgauge query` answers a bare SELECT"
        )
    notes = [*planned.notes, *maker.notes]
    if inserts:
        rows = sum(len(one.rows) for one in inserts)
        notes.append(f"{rows} INSERTs not run; use `generate -f`")
    plain = {
        "streams": maker.streams,
        "monitors": maker.monitors,
        "channels": {name: channel for name, channel in maker.channels.items() if name != "console"},
        **(more or {}),
    }
    return Live(load(plain), plain, notes)


@dataclass(slots=True)
class _Maker:
    """Gathers streams and monitors; ``relations`` are what statements made, ``changing`` the tables without final rows."""

    statements: Sequence[Statement]
    given: Given
    channels: Mapping[str, Mapping[str, Any]]
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)
    monitors: dict[str, dict[str, Any]] = field(default_factory=dict)
    relations: dict[str, Relation] = field(default_factory=dict)
    changing: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    @property
    def has_sinks(self) -> bool:
        """Whether a stream writes."""
        return any("write" in stream for stream in self.streams.values())

    def take(self, step: Step) -> None:
        """One query."""
        if step.name is None:
            self.notes.append("a SELECT of its own is not run; `streamgauge query` prints its rows")
            return
        statement = next(
            one
            for one in self.statements
            if isinstance(one, CreateAs) and one.name.casefold() == step.name.casefold()
        )
        if step.query.monitor is None:
            self._derived_stream(step, statement)
        else:
            self._table(step, statement)

    def _table(self, step: Step, statement: CreateAs) -> None:
        query, below = step.query, self._below(step)
        by = self._grouping(step, statement, below)
        monitor = {**dict(query.monitor or {}), "notify": list(self.channels), "stream": below.stream}
        compute = {name: below.text(text) for name, text in monitor["window"]["compute"].items()}
        monitor["window"] = {**monitor["window"], "by": list(dict.fromkeys(by.values())), "compute": compute}
        where = below.where(query.where)
        monitor |= {} if where is None else {"where": where}
        if not query.windowed:
            monitor["window"] = {**monitor["window"], "emit": "changes"}  # one window that never closes
        if query.having is None:
            monitor.pop("detect")
        keys = {name: column_text(column) for name, column in by.items() if name not in compute}
        columns = {output.name: replaced(output.expression.text, keys) for output in query.outputs}
        monitor["write"] = self._sink(statement, columns, None if query.having is None else query.having.text)
        self.monitors[str(step.name)] = monitor
        self.relations[str(step.name).casefold()] = rows_of(str(step.name), query, columns)
        if not query.windowed or query.changes:
            self.changing.add(str(step.name).casefold())

    def _grouping(self, step: Step, statement: CreateAs, below: Relation) -> dict[str, str]:
        """The columns below that a table groups by, by the name they have in it.

        Raises:
            SqlError: it groups a table's rows by something that is computed of them, which no stream can carry.
        """
        query = step.query
        fields = {
            name: {**spec, "compute": below.text(str(spec["compute"]))}
            for name, spec in query.derived.items()
        }
        found: dict[str, str] = {}
        for name, kind in query.keys.items():
            column = below.below(name)
            if name not in fields and column is None:
                fields[name] = {"type": kind, "compute": below.texts[name]}
            found[name] = name if name in fields or column is None else column
        if below.root is not None:
            self._declare(below.stream, below.root, statement, fields)
        elif fields:
            message = (
                f"the rows of {query.source.name} cannot be grouped by {next(iter(fields))}, which is computed of them; "
                f"group by one of its columns"
            )
            raise SqlError(message, statement.script, query.select.source.start)
        return found

    def _below(self, step: Step) -> Relation:
        """What a query reads.

        Raises:
            SqlError: a table whose rows change.
        """
        source, select = step.query.source, step.query.select
        if source.name.casefold() in self.changing:
            message = f"the rows of {source.name} change, and `run` reads final ones only; give it a WINDOW, and no EMIT CHANGES"
            raise SqlError(message, select.script, select.source.start)
        return self.relations.get(source.name.casefold()) or Relation(source.name, root=source)

    def _derived_stream(self, step: Step, statement: CreateAs) -> None:
        """The records of a topic, chosen and changed, in another one."""
        query, below = step.query, self._below(step)
        if below.root is None:
            message = f"{query.source.name} is a table; a STREAM is made of a stream"
            raise SqlError(message, statement.script, query.select.source.start)
        made = self._declare(str(step.name), below.root, statement, {})
        columns = {output.name: below.text(output.expression.text) for output in query.outputs}
        made["write"] = self._sink(statement, columns, below.where(query.where))
        made["write"]["key"] = [key for key in below.root.key if key in made["fields"]]
        self.relations[str(step.name).casefold()] = below.chosen(query)

    def _declare(
        self, name: str, source: Readable, statement: CreateAs, fields: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Any]:
        """The stream ``source`` under ``name``, with ``fields`` that queries compute of it.

        Raises:
            SqlError: two queries compute different fields of one name.
        """
        settings = source.settings(format_duration(self.given.lateness), self.given.brokers)
        settings["source"] = {**settings["source"], "start": "earliest"}
        settings["format"] = {"type": "json", "any_case": True}
        for key in self._key_columns(source.name):
            if key in settings["fields"]:
                settings["fields"][key] = {"type": settings["fields"][key]["type"], "from": "key"}
        declared = self.streams.setdefault(name, settings)
        for field_name, spec in fields.items():
            if declared["fields"].setdefault(field_name, dict(spec)) != spec:
                message = f"{field_name} is computed in another way, or a column, elsewhere; name this grouping value with AS"
                raise SqlError(message, statement.script, statement.at)
        return declared

    def _key_columns(self, stream: str) -> list[str]:
        for one in self.statements:
            if isinstance(one, CreateStream) and one.name.casefold() == stream.casefold():
                return [spec.name for spec in one.columns if spec.is_key]
        return []

    def _sink(self, statement: CreateAs, columns: Mapping[str, str], where: str | None) -> dict[str, Any]:
        partitions = statement.properties.get("partitions")
        made: dict[str, Any] = {
            "type": "kafka",
            "brokers": self.given.brokers,
            "topic": _topic(statement),
            "partitions": 1 if partitions is None else _whole(partitions, statement),
            "columns": dict(columns),
        }
        return made if where is None else {**made, "where": where}


def _topic(statement: CreateAs) -> str:
    """Where its rows go: what WITH says, else its name in upper case."""
    written = statement.properties.get("kafka_topic")
    return statement.name.upper() if written is None else str(written.value)


def _whole(written: Literally, statement: CreateAs) -> int:
    try:
        return int(str(written.value))
    except ValueError:
        raise SqlError("partitions is a whole number", statement.script, written.at) from None


def _channels(notify: Sequence[str], brokers: str) -> dict[str, dict[str, Any]]:
    """Channels by name, of ``TYPE:TARGET`` each."""
    made: dict[str, dict[str, Any]] = {}
    for number, text in enumerate(notify, 1):
        kind, _, target = text.partition(":")
        known = resolve(kind, CHANNELS)
        if known is None:
            raise ConfigError(f"`--notify {text}`: {kind} is no channel; {nearest(kind, CHANNELS)}")
        key = CHANNELS[known]
        if bool(key) != bool(target):
            shape = f"{known}:{key.upper()}" if key else known
            raise ConfigError(f"`--notify {text}`: write `--notify {shape}`")
        if known == "console":
            made["console"] = {}
        else:
            more = {"brokers": brokers} if known == "kafka" else {}
            made[f"{known}-{number}"] = {"type": known, key: target, **more}
    return made or {"console": {}}
