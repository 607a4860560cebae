"""A monitor as a statement: what its keys say, in the manner of ksqlDB; and why where that cannot be said."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from streamgauge.config.models import Config, MonitorConfig
from streamgauge.config.windows import EventTimeConfig, HoppingConfig, SessionConfig, TumblingConfig
from streamgauge.expressions import Aggregate, parse_aggregate, parse_condition
from streamgauge.expressions.wording import text_of
from streamgauge.sql.rewriting import column_text

NAMES: Mapping[str, str] = {
    "count": "COUNT",
    "sum": "SUM",
    "avg": "AVG",
    "min": "MIN",
    "max": "MAX",
    "stddev": "STDDEV_SAMP",
    "distinct": "COUNT_DISTINCT",
    "first": "EARLIEST_BY_OFFSET",
    "last": "LATEST_BY_OFFSET",
    "topk": "TOPK",
    "topk_distinct": "TOPKDISTINCT",
    "collect_list": "COLLECT_LIST",
    "collect_set": "COLLECT_SET",
    "histogram": "HISTOGRAM",
    "quantile": "PERCENTILE",
    "approx_distinct": "APPROX_COUNT_DISTINCT",
}
"""ksqlDB's names of aggregates."""

_UNITS = (("DAY", 86_400_000), ("HOUR", 3_600_000), ("MINUTE", 60_000), ("SECOND", 1_000), ("MILLISECOND", 1))


class NoStatementError(Exception):
    """A monitor that SQL cannot say; the text is the reason, as the end of a sentence."""


def statement_of(name: str, config: Config) -> str:
    """The monitor ``name`` as ``CREATE TABLE … AS SELECT …;``.

    Raises:
        NoStatementError: SQL has no words for it.
    """
    monitor = config.monitors[name]
    if monitor.sql is not None:
        body = monitor.sql.strip().rstrip(";")
        return f"{body};" if body.upper().startswith("CREATE") else f"CREATE TABLE {_named(name)} AS\n{body};"
    window = monitor.window
    if window is None:
        raise NoStatementError("it judges single records, and SQL tells of windows")
    if not isinstance(window, TumblingConfig | HoppingConfig | SessionConfig):
        raise NoStatementError(f"SQL has no window of type {window.type}")
    if window.include_empty:
        raise NoStatementError("SQL has no windows without records (`include_empty`)")
    fields = {} if monitor.stream not in config.streams else config.streams[monitor.stream].fields
    computed = {field: spec.compute for field, spec in fields.items() if spec.compute is not None}
    keys = [computed.get(key) or column_text(key) for key in window.by]
    kinds = config.kinds_of(monitor.stream)
    columns = [_as(key, text) for key, text in zip(window.by, keys, strict=True)]
    aggregates = {column: parse_aggregate(text, kinds) for column, text in window.compute.items()}
    columns += [f"{_aggregate(part)} AS {column_text(column)}" for column, part in aggregates.items()]
    lines = [
        f"CREATE TABLE {_named(name)} AS",
        f"SELECT {', '.join(columns)}",
        f"FROM {_named(monitor.stream)}",
    ]
    lines.append(f"WINDOW {_window(window)}")
    if monitor.where is not None:
        lines.append(f"WHERE {text_of(parse_condition(monitor.where, kinds).root)}")
    if keys:
        lines.append(f"GROUP BY {', '.join(keys)}")
    having = _having(monitor, aggregates)
    lines += [f"HAVING {having}"] if having is not None else []
    lines += {"changes": ["EMIT CHANGES"]}.get(window.emit, [] if window.early else ["EMIT FINAL"])
    return "\n".join(lines) + ";"


def _having(monitor: MonitorConfig, aggregates: Mapping[str, Aggregate]) -> str | None:
    detect = monitor.detect
    if monitor.for_:
        raise NoStatementError("SQL has no words for `for`")
    if detect is None:
        return None
    if detect.type != "threshold":
        raise NoStatementError(f"SQL has no words for the detector {detect.type}")
    said = {"type", "when"}
    more = [key for key in detect.model_dump(exclude_defaults=True) if key not in said]
    if more:
        raise NoStatementError(f"SQL has no words for `{more[0]}`")
    when = str(detect.when)  # type: ignore[attr-defined]  # threshold has one
    return text_of(parse_condition(when, {column: part.kind for column, part in aggregates.items()}).root)


def _aggregate(part: Aggregate) -> str:
    if part.function not in NAMES:
        raise NoStatementError(f"SQL has no {part.function}()")
    if part.argument is None:
        return f"{NAMES[part.function]}(*)"
    number = "" if part.number is None else f", {part.number:g}"
    return f"{NAMES[part.function]}({text_of(part.argument.root)}{number})"


def _window(window: EventTimeConfig) -> str:
    grace = "" if window.grace is None else f", GRACE PERIOD {_duration(window.grace)}"
    match window:
        case HoppingConfig(size=size, advance=advance):
            return f"HOPPING (SIZE {_duration(size)}, ADVANCE BY {_duration(advance)}{grace})"
        case SessionConfig(gap=gap):
            return f"SESSION ({_duration(gap)}{grace})"
        case TumblingConfig(size=size):
            return f"TUMBLING (SIZE {_duration(size)}{grace})"
        case other:
            raise AssertionError(f"no words for {other!r}")


def _duration(length: timedelta) -> str:
    if length % timedelta(milliseconds=1):
        raise NoStatementError("SQL counts time in whole milliseconds")
    whole = length // timedelta(milliseconds=1)
    if whole == 0:
        return "0 SECONDS"
    unit, size = next((unit, size) for unit, size in _UNITS if whole % size == 0)
    return f"{whole // size} {unit}{'' if whole == size else 'S'}"


def _as(name: str, text: str) -> str:
    return text if text == column_text(name) else f"{text} AS {column_text(name)}"


def _named(name: str) -> str:
    return name if name.replace("_", "a").isalnum() and not name[0].isdigit() else f"`{name}`"
