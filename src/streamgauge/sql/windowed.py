"""A SELECT with aggregates: a window, what it computes, and HAVING as its threshold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from streamgauge.batch import ColumnKind
from streamgauge.clock import format_duration
from streamgauge.expressions import Expression, parse_condition, parse_value
from streamgauge.expressions.names import resolve
from streamgauge.sql.aggregates import Aggregates, is_lone_aggregate
from streamgauge.sql.cursor import Piece
from streamgauge.sql.grouping import grouping
from streamgauge.sql.naming import Namer
from streamgauge.sql.queries import BOUNDS, NEVER_FIRES, Output, Query, parsed
from streamgauge.sql.rewriting import Scope, column_text, rewrite
from streamgauge.sql.script import SqlError
from streamgauge.sql.statements import Item, Select, WindowSpec
from streamgauge.sql.streams import Readable
from streamgauge.sql.tokens import Token

WHOLE = WindowSpec("tumbling", timedelta(days=36_500))
"""Without WINDOW: one window from 1970 on that no stream of today leaves."""

KSQLDB_GRACE = timedelta(hours=24)
"""ksqlDB's own, where a statement with EMIT CHANGES says none."""


class Windowed:
    """A SELECT with aggregates on its way to a query.

    Args:
        select: as written.
        source: what it reads.
        records: what names mean in a record.
        lateness: of the stream, by the command line.
    """

    def __init__(self, select: Select, source: Readable, records: Scope, lateness: timedelta) -> None:
        if select.window is None and select.emit == "final":
            message = "EMIT FINAL fits windows only; add WINDOW TUMBLING (SIZE …), or write EMIT CHANGES"
            raise SqlError(message, select.script, select.emit_at)
        self.select = select
        self.source = source
        self.records = records
        self.lateness = lateness
        self.groups = grouping(select, records)
        self.bounds = {} if select.window is None else BOUNDS
        self.namer = Namer(self.groups.unnamed)
        aliases = [item.alias.text for item in select.items if item.alias]
        self.aggregates = Aggregates(records, [*self.groups.kinds, *BOUNDS, *source.fields, *aliases])
        self.aliases: dict[str, str] = {}

    def query(self, where: Expression | None) -> Query:
        """The query; ``where`` is checked already."""
        for item in self.select.items:
            if item.alias is not None and is_lone_aggregate(item.piece):
                self._check_free(item, item.alias)
                self.aggregates.named(item.piece, self.namer.given(item.alias.text, item))
        outputs = [self._output(item) for item in self.select.items]
        having = None if self.select.having is None else self._having(self.select.having)
        if not self.aggregates.compute:
            message = "GROUP BY and WINDOW need an aggregate such as COUNT(*) in SELECT or HAVING"
            raise self.select.items[0].piece.error(message)
        return Query(
            self.select,
            self.source,
            where,
            self._whole(outputs),
            self._monitor(where, having),
            self.groups.kinds,
            self.groups.derived,
            dict(self.aggregates.kinds),
            having,
            self.select.emit == "changes",
            self.select.window is not None,
        )

    def _output(self, item: Item) -> Output:
        if item.is_star:
            raise item.piece.error("SELECT * has no meaning with GROUP BY or WINDOW; name the columns")
        if item.alias is not None and is_lone_aggregate(item.piece):
            name = item.alias.text
            self.aliases[name] = column_text(name)
            return Output(name, parse_value(column_text(name), self.aggregates.kinds))
        made = rewrite(item.piece, self._scope())
        if item.alias is not None and len(item.piece.tokens) > 1:
            self._check_free(item, item.alias, made.text)
        expression = parsed(made, {**self.groups.kinds, **self.aggregates.kinds, **self.bounds})
        if item.alias is not None and not expression.columns & {*self.groups.kinds, *BOUNDS}:
            self.aliases[item.alias.text] = f"({made.text})"
        return Output(self.namer.name(item, expression), expression)

    def _scope(self) -> Scope:
        """What SELECT may read beside aggregates."""
        neither = {
            name.upper(): f"{name} is neither grouped nor aggregated: add it to GROUP BY, or write "
            f"{'MAX' if kind in ('int', 'float', 'timestamp') else 'LATEST_BY_OFFSET'}({name})"
            for name, kind in self.source.kinds.items()
        }
        return replace(
            self.records,
            columns=self.groups.kinds,
            replaced={"WINDOWSTART": "window_start", "WINDOWEND": "window_end"} if self.bounds else {},
            aggregate=self.aggregates,
            instead=neither | self._no_bounds(),
            what="grouping columns",
            phrases=self.groups.phrases,
        )

    def _no_bounds(self) -> dict[str, str]:
        if self.bounds:
            return {}
        return {name: f"{name} needs a WINDOW behind FROM" for name in ("WINDOWSTART", "WINDOWEND")}

    def _having(self, piece: Piece) -> Expression:
        later = "stands in SELECT only; choose the times of records with WHERE"
        bounds = {name: f"{name} {later}" for name in ("WINDOWSTART", "WINDOWEND")}
        names = {
            name.upper(): f"{name} is not aggregated: write it in WHERE, or MAX({name})"
            for name in self.source.kinds
        }
        scope = replace(
            self.records,
            columns=self.groups.kinds,
            replaced=self.aliases,
            aggregate=self.aggregates,
            instead=names | bounds,
            what="columns in HAVING",
            phrases=self.groups.phrases,
        )
        made = rewrite(piece, scope)
        kinds = {**self.groups.kinds, **self.aggregates.kinds}
        read = parsed(made, kinds, parse_condition).columns
        for key in self.groups.kinds:
            if key in read:
                self.aggregates.constant(key, f"first({column_text(key)})", self.groups.kinds[key])
        return parsed(made, self.aggregates.kinds, parse_condition)

    def _monitor(self, where: Expression | None, having: Expression | None) -> dict[str, Any]:
        made: dict[str, Any] = {
            "stream": self.source.name,
            "window": {
                **_window(self.select.window or WHOLE),
                **self._timing(),
                "by": list(self.groups.kinds),
                "compute": dict(self.aggregates.compute),
            },
            "detect": {"type": "threshold", "when": NEVER_FIRES if having is None else having.text},
        }
        return {**made, "where": where.text} if where is not None else made

    def _timing(self) -> dict[str, Any]:
        """GRACE PERIOD and EMIT, as a window says them."""
        window, emit = self.select.window, self.select.emit
        made: dict[str, Any] = {}
        if window is not None and window.grace is not None:
            made["grace"] = format_duration(window.grace)
        elif emit == "changes" and self.source.is_declared and not self.lateness:
            made["grace"] = format_duration(KSQLDB_GRACE)
        if emit is not None:
            made |= {"emit": "changes"} if emit == "changes" else {"early": False}
        return made

    def _whole(self, outputs: list[Output]) -> tuple[Output, ...]:
        """The selected columns between the keys and the bounds that are not among them."""
        named = {output.name.casefold() for output in outputs}
        selected = {output.expression.text for output in outputs}
        known = {**self.groups.kinds, **BOUNDS}
        keys = [
            _same(key, known)
            for key in self.groups.kinds
            if key.casefold() not in named
            and not (key in self.groups.derived and column_text(key) in selected)
        ]
        bounds = [_same(bound, known) for bound in self.bounds if bound not in named]
        return (*keys, *outputs, *bounds)

    def _check_free(self, item: Item, alias: Token, text: str = "") -> None:
        taken = resolve(alias.text, [*self.groups.kinds, *BOUNDS])
        if taken is not None and text != column_text(taken):
            message = (
                f"{alias.text} is the name of a column that each row carries; give the value another name"
            )
            raise item.piece.error(message, alias.start)


def _window(window: WindowSpec) -> dict[str, str]:
    if window.type == "session":
        return {"type": "session", "gap": format_duration(window.size)}
    made = {"type": window.type, "size": format_duration(window.size)}
    return made if window.advance is None else {**made, "advance": format_duration(window.advance)}


def _same(name: str, known: Mapping[str, ColumnKind]) -> Output:
    return Output(name, parse_value(column_text(name), known))
