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
from streamgauge.sql.rewriting import column_text
from streamgauge.sql.script import SqlError
from streamgauge.sql.statements import CreateAs, CreateStream, Insert, Literally, Statement

CHANNELS: Mapping[str, str] = {"console": "", "csv": "path", "webhook": "url", "kafka": "topic"}
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
    """Gathers streams and monitors."""

    statements: Sequence[Statement]
    given: Given
    channels: Mapping[str, Mapping[str, Any]]
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)
    monitors: dict[str, dict[str, Any]] = field(default_factory=dict)
    tables: dict[str, Step] = field(default_factory=dict)
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
        query = step.query
        monitor = {**dict(query.monitor or {}), "notify": list(self.channels)}
        above = self.tables.get(query.source.name.casefold())
        if above is None:
            monitor["stream"] = self._stream_of(step, statement)
        else:
            monitor |= self._over_table(above, step, statement)
        if not query.windowed:
            monitor["window"] = {**monitor["window"], "emit": "changes"}  # one window that never closes
        if query.having is None:
            monitor.pop("detect")
        monitor["write"] = self._sink(step, statement, None if query.having is None else query.having.text)
        self.monitors[str(step.name)] = monitor
        self.tables[str(step.name).casefold()] = step

    def _over_table(self, above: Step, step: Step, statement: CreateAs) -> dict[str, Any]:
        """The rows of another table: those of its monitor that its HAVING keeps.

        Raises:
            SqlError: a column of that table is computed in its SELECT, which its monitor does not do.
        """
        at = step.query.select.source.start
        made = [out.name for out in above.query.outputs if out.expression.text != column_text(out.name)]
        if made or step.query.derived:
            name = made[0] if made else next(iter(step.query.derived))
            message = (
                f"{above.name} cannot be read by `run`, since {name} is computed of its columns or has another name; "
                f"declare its topic with CREATE STREAM in a file of its own, and run that beside"
            )
            raise SqlError(message, statement.script, at)
        conditions = [one.text for one in (above.query.having, step.query.where) if one is not None]
        joined = " and ".join(f"({text})" for text in conditions)
        return {"stream": str(above.name)} | ({"where": joined} if joined else {})

    def _derived_stream(self, step: Step, statement: CreateAs) -> None:
        """The records of a topic, chosen and changed, in another one."""
        query = step.query
        made = self._declare(str(step.name), step)
        made["write"] = self._sink(step, statement, None if query.where is None else query.where.text)
        made["write"]["key"] = [key for key in query.source.key if key in made["fields"]]

    def _stream_of(self, step: Step, statement: CreateAs) -> str:
        source = step.query.source
        made = [
            one
            for one in self.statements
            if isinstance(one, CreateAs) and one.name.casefold() == source.name.casefold()
        ]
        if made:
            message = (
                f"{source.name} is a stream made by another statement, and `run` reads tables only of what they make; "
                f"declare its topic {_topic(made[0])} with CREATE STREAM in a file of its own, and run that beside"
            )
            raise SqlError(message, statement.script, step.query.select.source.start)
        self._declare(source.name, step)
        return source.name

    def _declare(self, name: str, step: Step) -> dict[str, Any]:
        """The stream of a query's source under ``name``; fields of several queries come together."""
        source = step.query.source
        settings = source.settings(format_duration(self.given.lateness), self.given.brokers)
        settings["source"] = {**settings["source"], "start": "earliest"}
        settings["format"] = {"type": "json", "any_case": True}
        for key in self._key_columns(source.name):
            if key in settings["fields"]:
                settings["fields"][key] = {"type": settings["fields"][key]["type"], "from": "key"}
        declared = self.streams.setdefault(name, settings)
        declared["fields"] |= {name: dict(spec) for name, spec in step.query.derived.items()}
        return declared

    def _key_columns(self, stream: str) -> list[str]:
        for one in self.statements:
            if isinstance(one, CreateStream) and one.name.casefold() == stream.casefold():
                return [spec.name for spec in one.columns if spec.is_key]
        return []

    def _sink(self, step: Step, statement: CreateAs, where: str | None) -> dict[str, Any]:
        partitions = statement.properties.get("partitions")
        made: dict[str, Any] = {
            "type": "kafka",
            "brokers": self.given.brokers,
            "topic": _topic(statement),
            "partitions": 1 if partitions is None else _whole(partitions, statement),
            "columns": {output.name: output.expression.text for output in step.query.outputs},
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
