"""What a query can read: declared streams, files without a declaration, and the rows of earlier statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from streamgauge.batch import ColumnKind, FieldKind
from streamgauge.expressions.names import resolve
from streamgauge.settings import nearest
from streamgauge.sql.script import SqlError
from streamgauge.sql.statements import CreateStream, Literally

if TYPE_CHECKING:
    import polars as pl

ROWTIME = "ROWTIME"
"""The event time of streams that declare none, as a column."""

PROPERTIES = frozenset(
    {
        "kafka_topic", "format", "key_format", "value_format", "partitions", "replicas", "retention_ms", "timestamp",
        "timestamp_format", "wrap_single_value", "value_delimiter", "key_delimiter", "key_schema_id",
        "value_schema_id", "key_schema_full_name", "value_schema_full_name", "key_protobuf_nullable_representation",
        "value_protobuf_nullable_representation", "cleanup_policy", "value_avro_schema_full_name",
    }
)  # fmt: skip
"""What may stand behind WITH."""


@dataclass(frozen=True, slots=True)
class Files:
    """Records in files, as their beginning shows them.

    Attributes:
        paths: or globs.
        format: json, csv or parquet.
        kinds: of the fields found, by path.
        time: the field with the event time.
    """

    paths: tuple[str, ...]
    format: Literal["json", "csv", "parquet"]
    kinds: Mapping[str, FieldKind]
    time: str


@dataclass(frozen=True, slots=True)
class Topic:
    """Records of a topic, as its newest ones show them; ``time`` is None where it is the broker's."""

    name: str
    kinds: Mapping[str, FieldKind]
    time: str | None


@dataclass(frozen=True, slots=True)
class Rows:
    """Records that INSERT wrote, or ``None`` until an earlier statement has run."""

    frame: pl.DataFrame | None


Origin: TypeAlias = Files | Rows


@dataclass(frozen=True, slots=True)
class Readable:
    """A stream or table that a query names.

    Attributes:
        name: as declared.
        fields: as in YAML, by column.
        time: the column with the event time; None where it is the broker's.
        origin: where its records are; None on a topic.
        topic: where they are if they are not given.
        unread: declared columns that cannot be read, with their types.
        hidden: columns that ``*`` does not show.
        aliases: names that stand for a column, such as ROWTIME.
        key: the record's key.
        is_table: whether it is made of windows.
        is_declared: whether a statement made it, so that ksqlDB's defaults hold.
    """

    name: str
    fields: Mapping[str, Mapping[str, Any]]
    time: str | None
    origin: Origin | None = None
    topic: str = ""
    unread: Mapping[str, str] = field(default_factory=dict)
    hidden: frozenset[str] = frozenset()
    aliases: Mapping[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    is_table: bool = False
    is_declared: bool = True

    @property
    def kinds(self) -> dict[str, FieldKind]:
        """The kind of each column."""
        return {name: spec["type"] for name, spec in self.fields.items()}

    def settings(self, lateness: str, brokers: str) -> dict[str, Any]:
        """The stream as YAML would declare it."""
        source: dict[str, Any] = {
            "type": "kafka",
            "brokers": brokers,
            "topic": self.topic or self.name.upper(),
        }
        if isinstance(self.origin, Files):
            source = {"type": "files", "path": list(self.origin.paths)}
        made = {
            "source": source,
            "format": self.origin.format if isinstance(self.origin, Files) else "json",
            "fields": {name: dict(spec) for name, spec in self.fields.items()},
            "key": list(self.key),
            "lateness": lateness,
        }
        return {**made, "time": self.time} if self.time is not None else made


def declared(statement: CreateStream, origin: Origin | None, time: str | None) -> Readable:
    """A stream that CREATE STREAM declares.

    Args:
        statement: the declaration.
        origin: its records where they are given.
        time: the column named by ``--time``; wins over WITH.

    Raises:
        SqlError: a property is unknown, or names a column that does not exist.
    """
    _check_properties(statement)
    fields: dict[str, dict[str, Any]] = {}
    found = origin.kinds if isinstance(origin, Files) else {}
    for spec in statement.columns:
        if spec.kind is not None:
            path = _path(spec.path, found)
            fields[spec.name] = {"type": spec.kind} | ({"path": path} if path != spec.name else {})
            fields[spec.name] |= {"unit": "ms"} if spec.kind == "timestamp" else {}
    column = _named(time, statement, fields) if time is not None else _time_column(statement, fields)
    hidden = frozenset[str]()
    if column is not None:
        _make_moment(fields, column, "ms")
    elif isinstance(origin, Files):
        column, hidden = ROWTIME, frozenset({ROWTIME})
        fields[ROWTIME] = {"type": "timestamp", "path": origin.time}
    elif origin is not None:
        column, hidden = ROWTIME, frozenset({ROWTIME})
        fields[ROWTIME] = {"type": "timestamp", "unit": "us"}
    topic = statement.properties.get("kafka_topic")
    return Readable(
        statement.name,
        fields,
        column,
        origin,
        str(topic.value) if topic is not None else "",
        {spec.name: spec.type for spec in statement.columns if spec.kind is None},
        hidden,
        {ROWTIME: column} if column is not None else {},
        tuple(spec.name for spec in statement.columns if spec.is_key and spec.name in fields),
    )


def undeclared(name: str, files: Files) -> Readable:
    """A stream that only ``--stream NAME=PATH`` knows."""
    fields: dict[str, dict[str, Any]] = {}
    for path, kind in files.kinds.items():
        fields[path.replace(".", "->")] = {"type": kind} | ({"path": path} if "." in path else {})
    time = files.time.replace(".", "->")
    _make_moment(fields, time, None)
    return Readable(name, fields, time, files, aliases={ROWTIME: time}, is_declared=False)


def undeclared_topic(name: str, topic: Topic) -> Readable:
    """A stream that only ``--stream NAME=topic:TOPIC`` knows."""
    fields: dict[str, dict[str, Any]] = {
        path.replace(".", "->"): {"type": kind} | ({"path": path} if "." in path else {})
        for path, kind in topic.kinds.items()
    }
    if topic.time is None:
        return Readable(name, fields, None, topic=topic.name, is_declared=False)
    time = topic.time.replace(".", "->")
    _make_moment(fields, time, None)
    return Readable(name, fields, time, topic=topic.name, aliases={ROWTIME: time}, is_declared=False)


def made(
    name: str, kinds: Mapping[str, ColumnKind], *, time: str, is_table: bool, hidden: frozenset[str]
) -> Readable:
    """The rows of an earlier statement; its lists and maps cannot be read."""
    unread = {column: kind for column, kind in kinds.items() if kind in ("list", "map")}
    fields = {column: {"type": kind} for column, kind in kinds.items() if column not in unread}
    aliases = {ROWTIME: time}
    if is_table:
        aliases |= {"WINDOWSTART": "window_start", "WINDOWEND": "window_end"}
    return Readable(name, fields, time, Rows(None), "", unread, hidden, aliases, is_table=is_table)


def _check_properties(statement: CreateStream) -> None:
    for name, value in statement.properties.items():
        if name not in PROPERTIES:
            message = f"{name} is not a property of a stream; {nearest(name, sorted(PROPERTIES))}"
            raise SqlError(message, statement.script, value.at)
    pattern = statement.properties.get("timestamp_format")
    if pattern is not None and not str(pattern.value).startswith("yyyy-MM-dd"):
        message = (
            "timestamp_format is not supported; ISO 8601, and milliseconds since 1970 in a BIGINT, are read"
        )
        raise SqlError(message, statement.script, pattern.at)


def refuse_format(statement: CreateStream) -> None:
    """Say no to formats that cannot be read from a topic.

    Raises:
        SqlError: it is not JSON.
    """
    for name in ("value_format", "format"):
        value = statement.properties.get(name)
        if value is not None and str(value.value).upper() not in ("JSON", "JSON_SR", "KAFKA"):
            message = f"{name} {value.value} is not supported; JSON is"
            raise SqlError(message, statement.script, value.at)


def _named(time: str, statement: CreateStream, fields: Mapping[str, Any]) -> str:
    column = resolve(time, fields)
    if column is None:
        message = f"--time {time} is no column of {statement.name}; {nearest(time, fields)}"
        raise SqlError(message, statement.script, statement.at)
    return column


def _time_column(statement: CreateStream, fields: Mapping[str, Any]) -> str | None:
    value: Literally | None = statement.properties.get("timestamp")
    if value is None:
        return None
    column = resolve(str(value.value), fields)
    if column is None:
        message = f"timestamp names {value.value}, which is no column; {nearest(str(value.value), fields)}"
        raise SqlError(message, statement.script, value.at)
    return column


def _make_moment(fields: dict[str, dict[str, Any]], column: str, unit: str | None) -> None:
    """The event-time column is a timestamp whatever it was: ISO 8601 in a text, or a number since 1970."""
    spec = fields[column]
    if spec["type"] in ("int", "float", "string"):
        fields[column] = {**spec, "type": "timestamp"} | ({"unit": unit} if unit else {})


def _path(path: str, found: Mapping[str, FieldKind]) -> str:
    """As the file spells it: ksqlDB finds fields whatever their capitals."""
    if path in found:
        return path
    alike: Sequence[str] = [name for name in found if name.casefold() == path.casefold()]
    return alike[0] if len(alike) == 1 else path
