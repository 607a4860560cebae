"""From a SELECT to what runs: plain rows here, windows in :mod:`streamgauge.sql.windowed`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from streamgauge.expressions import Expression, parse_condition, parse_value
from streamgauge.sql.aggregates import holds_aggregate
from streamgauge.sql.naming import Namer
from streamgauge.sql.queries import Output, Query, parsed
from streamgauge.sql.rewriting import Scope, column_text, rewrite
from streamgauge.sql.script import SqlError
from streamgauge.sql.statements import Select
from streamgauge.sql.streams import Readable
from streamgauge.sql.windowed import Windowed


def resolve_query(
    select: Select, source: Readable, parameters: Mapping[str, str], lateness: timedelta = timedelta(0)
) -> Query:
    """Fit a SELECT to the stream it reads.

    Args:
        select: as written.
        source: what it reads.
        parameters: what names may stand for.
        lateness: given on the command line; where there is one, windows without GRACE PERIOD wait so long.

    Raises:
        SqlError: a name is unknown, kinds do not fit, or it cannot be run.
    """
    records = Scope(
        source.kinds,
        parameters,
        tuple(dict.fromkeys([source.name, select.source.text, *([select.alias] if select.alias else [])])),
        {name: column_text(column) for name, column in source.aliases.items()},
        source.unread,
        what=f"columns of {source.name}",
    )
    where = None
    if select.where is not None:
        where = parsed(rewrite(select.where, records), records.columns, parse_condition)
    windowed = select.window is not None or select.group or select.having is not None
    if windowed or any(holds_aggregate(item.piece) for item in select.items):
        return Windowed(select, source, records, lateness).query(where)
    return _plain(select, source, records, where)


def _plain(select: Select, source: Readable, records: Scope, where: Expression | None) -> Query:
    if select.emit == "final":
        raise SqlError("EMIT FINAL fits windows only; leave it out", select.script, select.emit_at)
    namer = Namer()
    outputs: list[Output] = []
    for item in select.items:
        if item.is_star:
            shown = [name for name in source.fields if name not in source.hidden]
            outputs += [
                Output(namer.given(name, item), parse_value(column_text(name), source.kinds))
                for name in shown
            ]
            continue
        expression = parsed(rewrite(item.piece, records), records.columns)
        outputs.append(Output(namer.name(item, expression), expression))
    return Query(select, source, where, tuple(outputs))
