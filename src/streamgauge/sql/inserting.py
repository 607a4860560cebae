"""The rows of INSERT statements as one table per stream, in the order in which they stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from streamgauge.batch import FieldKind
from streamgauge.expressions.names import resolve, unknown
from streamgauge.formats.event_time import moment
from streamgauge.sql.script import SqlError
from streamgauge.sql.statements import ColumnSpec, CreateStream, Insert, Literally
from streamgauge.sql.streams import ROWTIME

if TYPE_CHECKING:
    import polars as pl

_TYPES: dict[FieldKind, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "string": (str,),
    "bool": (bool,),
    "timestamp": (int, str),
}


def frame(
    stream: CreateStream, inserts: Sequence[Insert], parameters: Mapping[str, str], now: int
) -> pl.DataFrame:
    """All rows of one stream; columns are named by their paths, as records would hold them.

    Args:
        stream: what CREATE STREAM declares.
        inserts: its INSERTs.
        parameters: for ``${name}``.
        now: event time, in microseconds, of rows that give none and whose stream declares none: ksqlDB takes
            the moment of the INSERT.

    Raises:
        SqlError: a column is unknown, or a value does not fit its column.
    """
    import polars as pl

    specs = {spec.name: spec for spec in stream.columns}
    columns: dict[str, list[Any]] = {name: [] for name in specs}
    times: list[int] = []
    for insert in inserts:
        names = _names(insert, list(specs))
        for row in insert.rows:
            given = _row(insert, names, row)
            for name, spec in specs.items():
                columns[name].append(_value(insert, spec, given.get(name), parameters))
            times.append(_rowtime(insert, given.get(ROWTIME), now))
    series = [_series(specs[name].path, specs[name].kind, values) for name, values in columns.items()]
    return pl.DataFrame([*series, pl.Series(ROWTIME, times, dtype=pl.Int64)])


def _names(insert: Insert, known: Sequence[str]) -> list[str]:
    if not insert.columns:
        return list(known)
    names = []
    for token in insert.columns:
        name = resolve(token.text, [*known, ROWTIME])
        if name is None:
            raise SqlError(unknown(token.text, known), insert.script, token.start)
        if name in names:
            raise SqlError(f"column {name} stands twice", insert.script, token.start)
        names.append(name)
    return names


def _row(insert: Insert, names: Sequence[str], row: Sequence[Literally]) -> dict[str, Literally]:
    if len(row) != len(names):
        message = (
            f"{len(names)} columns ({', '.join(names)}) need {len(names)} values, and there are {len(row)}"
        )
        raise SqlError(message, insert.script, row[0].at)
    return dict(zip(names, row, strict=True))


def _value(insert: Insert, spec: ColumnSpec, given: Literally | None, parameters: Mapping[str, str]) -> Any:
    if given is None:
        return None
    value: Any = given.value
    if given.variable is not None:
        value = _parameter(insert, given, spec, parameters)
    if value is None:
        return None
    if spec.kind is None:
        message = f"column {spec.name} is a {spec.type}, which INSERT cannot fill here; leave it out"
        raise SqlError(message, insert.script, given.at)
    fits = isinstance(value, _TYPES[spec.kind]) and (spec.kind == "bool") == isinstance(value, bool)
    fits = fits and not (spec.kind == "int" and not -(2**63) <= value < 2**63)
    if fits and spec.kind == "timestamp":
        return _moment(insert, value, given)
    if not fits:
        shown = f"'{value}'" if isinstance(value, str) else str(value)
        raise SqlError(f"column {spec.name} is a {spec.type}; {shown} does not fit", insert.script, given.at)
    return value


def _parameter(insert: Insert, given: Literally, spec: ColumnSpec, parameters: Mapping[str, str]) -> Any:
    name = resolve(given.variable or "", parameters)
    if name is None:
        known = ", ".join(parameters) or "none"
        message = f"there is no parameter {given.variable}; --set {given.variable}=… gives one (parameters: {known})"
        raise SqlError(message, insert.script, given.at)
    text = parameters[name]
    try:
        return {"int": int, "float": float}.get(spec.kind or "", str)(text)
    except ValueError:
        message = f"column {spec.name} is a {spec.type}; {name} is {text!r}"
        raise SqlError(message, insert.script, given.at) from None


def _moment(insert: Insert, value: str | int, given: Literally) -> int:
    """Milliseconds since 1970, as a TIMESTAMP of JSON holds them."""
    try:
        return moment(value, "ms") // 1_000
    except ValueError as error:
        raise SqlError(str(error), insert.script, given.at) from None


def _rowtime(insert: Insert, given: Literally | None, now: int) -> int:
    """Microseconds."""
    if given is None or given.value is None:
        return now
    if not isinstance(given.value, int) or isinstance(given.value, bool):
        raise SqlError("ROWTIME is milliseconds since 1970, a whole number", insert.script, given.at)
    return _moment(insert, given.value, given) * 1_000


def _series(path: str, kind: FieldKind | None, values: list[Any]) -> pl.Series:
    import polars as pl

    types: dict[FieldKind, Any] = {
        "int": pl.Int64,
        "timestamp": pl.Int64,
        "float": pl.Float64,
        "string": pl.String,
        "bool": pl.Boolean,
    }
    return pl.Series(path, values, dtype=pl.Null if kind is None else types[kind])
