"""What the first records of a file, or the newest of a topic, show a query: their fields, and which is the event time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from streamgauge.batch import FieldKind
from streamgauge.clock import Clock, SystemClock
from streamgauge.errors import ConfigError, SourceError
from streamgauge.expressions.names import resolve
from streamgauge.formats.event_time import moment
from streamgauge.profiling import sample as looking
from streamgauge.profiling.fields import TIME_NAMES
from streamgauge.sql.streams import Files, Topic

SAMPLED = 1_000
"""Records looked at."""

_EARLIEST = 10**9
"""A smaller number is no moment: in seconds it would lie before September 2001."""


def sample(name: str, paths: Sequence[str], time: str | None) -> Files:
    """Look at the first records of a stream's files.

    Args:
        name: the stream's, for messages.
        paths: of its files.
        time: the field with the event time; None looks for one.

    Raises:
        SourceError: a file is missing or cannot be read.
        ConfigError: there is no such field, or none is plainly the event time.
    """
    try:
        found = looking.of_files(name, paths, SAMPLED, SystemClock())
    except SourceError:
        raise
    except ConfigError as error:
        raise ConfigError(f"stream {name}: {error}") from error
    if found.format == "avro":
        raise ConfigError(f"stream {name}: a query reads NDJSON, CSV and Parquet files, and this is Avro")
    form: Literal["json", "csv", "parquet"] = found.format
    records = _records(found)
    kinds = _kinds(records)
    at = _time(name, records, kinds, time)
    if at is None:
        raise ConfigError(
            f"stream {name}: which field is the event time? Say it with --time FIELD; it has {', '.join(kinds)}"
        )
    return Files(tuple(paths), form, kinds, at)


def sample_topic(name: str, topic: str, brokers: str, time: str | None, clock: Clock) -> Topic:
    """Look at the newest records of a topic; where none of their fields is plainly the event time, it is the broker's.

    Raises:
        SourceError: the topic is missing or empty, or the brokers refuse.
        ConfigError: its records are no JSON, or there is no such field.
    """
    from streamgauge.sources.kafka import Config

    config = Config.model_validate({"brokers": brokers, "topic": topic})
    records = _records(looking.of_topic(name, config, SAMPLED, clock))
    kinds = _kinds(records)
    return Topic(topic, kinds, _time(name, records, kinds, time))


def _records(found: looking.Sample) -> list[Mapping[str, Any]]:
    """Nested objects as paths such as ``user.id``."""
    return [{".".join(steps): value for steps, value in row.values.items()} for row in found.rows]


def _kinds(records: Sequence[Mapping[str, Any]]) -> dict[str, FieldKind]:
    seen: dict[str, set[FieldKind]] = {}
    for record in records:
        for path, value in record.items():
            kinds = seen.setdefault(path, set())
            kind = _kind(value)
            if kind is not None:
                kinds.add(kind)
    return {path: _united(kinds) for path, kinds in seen.items() if kinds}


def _kind(value: Any) -> FieldKind | None:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    if isinstance(value, float):
        return "float"
    if isinstance(value, str):
        return "string"
    return "timestamp" if hasattr(value, "isoformat") else None


def _united(kinds: set[FieldKind]) -> FieldKind:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float" if kinds == {"int", "float"} else "string"


def _time(
    name: str, records: Sequence[Mapping[str, Any]], kinds: Mapping[str, FieldKind], given: str | None
) -> str | None:
    """The field that is plainly the event time, if one is."""
    if given is not None:
        found = resolve(given.replace("->", "."), kinds)
        if found is None:
            raise ConfigError(f"--time {given}: stream {name} has no such field; it has {', '.join(kinds)}")
        return found
    fitting = [path for path in kinds if _are_moments(record.get(path) for record in records)]
    known = [path for word in TIME_NAMES for path in fitting if path.split(".")[-1].casefold() == word]
    if known:
        return known[0]
    written = [path for path in fitting if kinds[path] in ("string", "timestamp")]
    return written[0] if len(written) == 1 else None


def _are_moments(values: Iterable[Any]) -> bool:
    some = False
    for value in values:
        if value is None:
            continue
        some = True
        if hasattr(value, "isoformat"):
            continue
        try:
            moment(value)
        except ValueError:
            return False
        if not isinstance(value, str) and value < _EARLIEST:
            return False
    return some
