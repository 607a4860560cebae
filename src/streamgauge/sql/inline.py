"""A monitor that is written in SQL within the configuration: the same monitor as its keys would make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from streamgauge.batch import FieldKind
from streamgauge.settings import nearest
from streamgauge.sql.parse import parse
from streamgauge.sql.queries import Query
from streamgauge.sql.script import Script, SqlError, SqlErrors
from streamgauge.sql.selecting import resolve_query
from streamgauge.sql.statements import CreateAs, Select
from streamgauge.sql.streams import ROWTIME, Readable

KINDS: frozenset[str] = frozenset(get_args(FieldKind))


@dataclass(frozen=True, slots=True)
class Inline:
    """What a statement means.

    Attributes:
        monitor: ``stream``, ``where``, ``window`` and ``detect`` as YAML would write them.
        fields: what its stream must have beside its own fields.
    """

    monitor: Mapping[str, Any]
    fields: Mapping[str, Mapping[str, Any]]


def monitor_of(text: str, streams: Mapping[str, Any], *, writes: bool) -> Inline:
    """Read the ``sql:`` of a monitor.

    Args:
        text: one SELECT.
        streams: the configuration's, as plain data.
        writes: whether the monitor's rows are written somewhere, so that it may do without HAVING.

    Raises:
        SqlErrors: it cannot be read, or does not fit its stream.
        LookupError: its stream is not declared well enough to tell.
    """
    script = Script("sql", text)
    statements = parse([script])
    try:
        select = _select(script, statements)
        query = resolve_query(select, _readable(select, streams), {})
        return _inline(query, writes=writes)
    except SqlError as error:
        raise SqlErrors([error]) from error


def _select(script: Script, statements: list[Any]) -> Select:
    if len(statements) != 1:
        at = statements[1].at if statements else 0
        raise SqlError("a monitor is one SELECT", script, at)
    found = statements[0].query if isinstance(statements[0], CreateAs) else statements[0]
    if not isinstance(found, Select):
        message = "a monitor is a SELECT; its stream is declared under `streams:`"
        raise SqlError(message, script, statements[0].at)
    if found.limit is not None:
        raise SqlError("a monitor has no end, so LIMIT has no meaning", script, found.at)
    return found


def _readable(select: Select, streams: Mapping[str, Any]) -> Readable:
    wanted = select.source.text
    name = next((one for one in streams if one.casefold() == wanted.casefold()), None)
    if name is None:
        message = f"`streams:` declares no {wanted}; {nearest(wanted, streams)}"
        raise SqlError(message, select.script, select.source.start)
    stream = streams[name]
    fields = stream.get("fields") if isinstance(stream, dict) else None
    if not isinstance(fields, dict):
        raise LookupError(name)  # noqa: TRY004  # it is not there as far as anybody can tell
    kinds = {field: _kind(spec) for field, spec in fields.items()}
    time = stream.get("time")
    aliases = {ROWTIME: time} if time in kinds else {}
    return Readable(
        name,
        {field: {"type": kind} for field, kind in kinds.items()},
        time,
        aliases=aliases,
        is_declared=False,
    )


def _kind(spec: Any) -> str:
    kind = spec.get("type") if isinstance(spec, dict) else spec
    if kind not in KINDS:
        raise LookupError("a field has no type")
    return str(kind)


def _inline(query: Query, *, writes: bool) -> Inline:
    select = query.select
    if query.monitor is None:
        message = (
            "a SELECT without aggregates tells nothing; add WINDOW, an aggregate such as COUNT(*), and HAVING"
        )
        raise SqlError(message, select.script, select.at)
    monitor = dict(query.monitor)
    if query.having is None:
        if not writes:
            message = (
                "HAVING is missing, so nothing would ever be told; write for example HAVING COUNT(*) > 100"
            )
            raise SqlError(message, select.script, select.at)
        del monitor["detect"]
    for name in query.derived:
        if name in query.source.fields:
            message = f"{name} is a field of {query.source.name}; name the grouping value with AS in SELECT"
            raise SqlError(message, select.script, select.at)
    return Inline(monitor, query.derived)
