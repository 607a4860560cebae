"""From a SELECT to what runs: a window with its threshold, or plain rows, and the columns that come out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from streamgauge.batch import FieldKind
from streamgauge.clock import format_duration
from streamgauge.errors import ExpressionError
from streamgauge.expressions import Expression, parse_condition, parse_value
from streamgauge.expressions.names import resolve
from streamgauge.sql.aggregates import Aggregates, holds_aggregate, is_lone_aggregate
from streamgauge.sql.cursor import Piece
from streamgauge.sql.rewriting import Rewritten, Scope, column_text, rewrite
from streamgauge.sql.script import SqlError
from streamgauge.sql.statements import Item, Select, WindowSpec
from streamgauge.sql.streams import Readable
from streamgauge.sql.tokens import Token

BOUNDS: Mapping[str, FieldKind] = {"window_start": "timestamp", "window_end": "timestamp"}
"""Columns that every window's row ends with."""

NEVER_FIRES = "1 = 0"
"""The threshold of a table without HAVING: its rows are all there is of it."""


@dataclass(frozen=True, slots=True)
class Output:
    """One column that comes out; ``expression`` reads keys, computed values and the window's bounds."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT that fits its stream.

    Attributes:
        select: as written.
        source: what it reads.
        where: which records, in the expression language.
        outputs: the columns of its rows, in order.
        monitor: the monitor as YAML would write it; None where there is no window.
        keys: the grouping columns.
        compute_kinds: of what the window computes.
        having: which windows come out.
        lateness: the window's own, where it has a GRACE PERIOD.
    """

    select: Select
    source: Readable
    where: Expression | None
    outputs: tuple[Output, ...]
    monitor: Mapping[str, Any] | None = None
    keys: tuple[str, ...] = ()
    compute_kinds: Mapping[str, FieldKind] | None = None
    having: Expression | None = None
    lateness: timedelta | None = None

    @property
    def kinds(self) -> dict[str, FieldKind]:
        """The columns that come out, with their kinds."""
        return {output.name: output.expression.kind for output in self.outputs}


def resolve_query(select: Select, source: Readable, parameters: Mapping[str, str]) -> Query:
    """Fit a SELECT to the stream it reads.

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
        where = _parsed(rewrite(select.where, records), records.columns, parse_condition)
    windowed = select.window is not None or select.group or select.having is not None
    if windowed or any(holds_aggregate(item.piece) for item in select.items):
        return _Windowed(select, source, records).query(where)
    return _plain(select, source, records, where)


def _parsed(
    written: Rewritten,
    columns: Mapping[str, FieldKind],
    parse: Callable[[str, Mapping[str, FieldKind]], Expression] = parse_value,
) -> Expression:
    try:
        return parse(written.text, columns)
    except ExpressionError as error:
        written.fail(error)


def _plain(select: Select, source: Readable, records: Scope, where: Expression | None) -> Query:
    if select.emit == "final":
        raise _at_emit(select, "EMIT FINAL fits windows only; leave it out")
    namer = _Namer()
    outputs: list[Output] = []
    for item in select.items:
        if item.is_star:
            shown = [name for name in source.fields if name not in source.hidden]
            outputs += [
                Output(namer.given(name, item), parse_value(column_text(name), source.kinds))
                for name in shown
            ]
            continue
        expression = _parsed(rewrite(item.piece, records), records.columns)
        outputs.append(Output(namer.name(item, expression), expression))
    return Query(select, source, where, tuple(outputs))


class _Windowed:
    """A SELECT with a window on its way to a query."""

    def __init__(self, select: Select, source: Readable, records: Scope) -> None:
        _check_windowed(select, source)
        assert select.window is not None
        self.select = select
        self.source = source
        self.records = records
        self.window = select.window
        self.keys = _keys(select, records)
        self.namer = _Namer()
        aliases = [item.alias.text for item in select.items if item.alias]
        self.aggregates = Aggregates(records, [*self.keys, *BOUNDS, *aliases])
        self.aliases: dict[str, str] = {}

    def query(self, where: Expression | None) -> Query:
        """The query; ``where`` is checked already."""
        for item in self.select.items:
            if item.alias is not None and is_lone_aggregate(item.piece):
                _check_free(item, item.alias, self.keys)
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
            self.keys,
            dict(self.aggregates.kinds),
            having,
            self.window.grace,
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
            _check_free(item, item.alias, self.keys)
        expression = _parsed(made, {**self._key_kinds(), **self.aggregates.kinds, **BOUNDS})
        if item.alias is not None and not expression.columns & {*self.keys, *BOUNDS}:
            self.aliases[item.alias.text] = f"({made.text})"
        return Output(self.namer.name(item, expression), expression)

    def _scope(self) -> Scope:
        """What SELECT may read beside aggregates."""
        return replace(
            self.records,
            columns=self._key_kinds(),
            replaced={"WINDOWSTART": "window_start", "WINDOWEND": "window_end"},
            aggregate=self.aggregates,
            instead={
                name.upper(): f"{name} is neither grouped nor aggregated: add it to GROUP BY, or write "
                f"{'MAX' if kind in ('int', 'float', 'timestamp') else 'LATEST_BY_OFFSET'}({name})"
                for name, kind in self.source.kinds.items()
            },
            what="grouping columns",
        )

    def _having(self, piece: Piece) -> Expression:
        words = {token.text.casefold() for token in piece.tokens if token.is_name}
        carried = [key for key in self.keys if words & set(key.casefold().split("->"))]
        for key in carried:
            self.aggregates.constant(key, f"first({column_text(key)})", self.source.kinds[key])
        later = "stands in SELECT only; choose the times of records with WHERE"
        bounds = {name: f"{name} {later}" for name in ("WINDOWSTART", "WINDOWEND")}
        names = {
            name.upper(): f"{name} is not aggregated: write it in WHERE, or MAX({name})"
            for name in self.source.kinds
        }
        scope = replace(
            self.records,
            columns={key: self.source.kinds[key] for key in carried},
            replaced=self.aliases,
            aggregate=self.aggregates,
            instead=names | bounds,
            what="columns in HAVING",
        )
        return _parsed(rewrite(piece, scope), self.aggregates.kinds, parse_condition)

    def _monitor(self, where: Expression | None, having: Expression | None) -> dict[str, Any]:
        made: dict[str, Any] = {
            "stream": self.source.name,
            "window": {
                **_window(self.window),
                "by": list(self.keys),
                "compute": dict(self.aggregates.compute),
            },
            "detect": {"type": "threshold", "when": NEVER_FIRES if having is None else having.text},
        }
        return {**made, "where": where.text} if where is not None else made

    def _whole(self, outputs: list[Output]) -> tuple[Output, ...]:
        """The selected columns between the keys and the bounds that are not among them."""
        named = {output.name.casefold() for output in outputs}
        known = {**self._key_kinds(), **BOUNDS}
        keys = [_same(key, known) for key in self.keys if key.casefold() not in named]
        bounds = [_same(bound, known) for bound in BOUNDS if bound not in named]
        return (*keys, *outputs, *bounds)

    def _key_kinds(self) -> dict[str, FieldKind]:
        return {key: self.source.kinds[key] for key in self.keys}


def _check_free(item: Item, alias: Token, keys: tuple[str, ...]) -> None:
    if resolve(alias.text, [*keys, *BOUNDS]) is not None:
        message = f"{alias.text} is the name of a column that each row carries; give the value another name"
        raise item.piece.error(message, alias.start)


def _check_windowed(select: Select, source: Readable) -> None:
    if select.window is None:
        called = next(
            (item.piece for item in select.items if holds_aggregate(item.piece)), select.items[0].piece
        )
        message = (
            "an aggregate without WINDOW is not supported; the nearest is WINDOW TUMBLING (SIZE 1 DAY) behind "
            f"FROM {source.name}"
        )
        raise called.error(message)
    if select.emit == "changes":
        message = (
            "EMIT CHANGES is not supported yet for windows; EMIT FINAL gives each window once, when it closed"
        )
        raise _at_emit(select, message)


def _at_emit(select: Select, message: str) -> SqlError:
    return SqlError(message, select.script, select.emit_at)


def _keys(select: Select, records: Scope) -> tuple[str, ...]:
    """The grouping columns; a constant groups nothing."""
    keys = []
    for piece in select.group:
        if len(piece.tokens) == 1 and piece.tokens[0].kind in ("number", "text"):
            continue
        written = rewrite(piece, records)
        column = next((name for name in records.columns if column_text(name) == written.text), None)
        if column is None:
            raise piece.error(
                "GROUP BY takes columns, not values computed of them; group by the column itself"
            )
        if column not in keys:
            keys.append(column)
    return tuple(keys)


def _window(window: WindowSpec) -> dict[str, str]:
    made = {"type": window.type, "size": format_duration(window.size)}
    return made if window.advance is None else {**made, "advance": format_duration(window.advance)}


def _same(name: str, known: Mapping[str, FieldKind]) -> Output:
    return Output(name, parse_value(column_text(name), known))


class _Namer:
    """Names the columns of a SELECT: the alias, the column's own name, else KSQL_COL_n as ksqlDB does."""

    def __init__(self) -> None:
        self._used: set[str] = set()
        self._unnamed = 0

    def name(self, item: Item, expression: Expression) -> str:
        """The name of one entry.

        Raises:
            SqlError: another column has its name.
        """
        if item.alias is not None:
            return self.given(item.alias.text, item)
        column = next(iter(expression.columns), "")
        if expression.text == column_text(column) and not holds_aggregate(item.piece):
            return self.given(column.rpartition("->")[2], item)
        name = f"KSQL_COL_{self._unnamed}"
        self._unnamed += 1
        return self.given(name, item)

    def given(self, name: str, item: Item) -> str:
        """A name, where it is free.

        Raises:
            SqlError: it is not.
        """
        if name.casefold() in self._used:
            at = item.alias.start if item.alias is not None else None
            raise item.piece.error(f"two columns are called {name}; give one another name with AS", at)
        self._used.add(name.casefold())
        return name
