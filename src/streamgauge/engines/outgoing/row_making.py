"""Results and records as rows for a sink: which of them, which columns, under which id."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from streamgauge.batch import Aside, Batch, BoolArray, Column, ColumnKind, FloatArray, IntArray
from streamgauge.channels.payload import encode
from streamgauge.config.derived import BOUNDS, row_kinds
from streamgauge.config.models import Config
from streamgauge.engines.running.watching import row_columns
from streamgauge.expressions import Expression, parse_condition, parse_value
from streamgauge.pipeline import Lane
from streamgauge.sinks.contract import SinkConfig
from streamgauge.stores.contract import DecidedRow
from streamgauge.windows.contract import Rows, WindowResults


class Shape:
    """Which rows a sink wants and what they hold.

    Args:
        config: the sink's.
        kinds: the columns that there are.
        shown: those of a row where the sink names none.
        key: what makes the key where the sink does not say.

    Raises:
        ExpressionError: an expression is wrong.
    """

    def __init__(
        self, config: SinkConfig, kinds: Mapping[str, ColumnKind], shown: Sequence[str], key: Sequence[str]
    ) -> None:
        self.where: Expression | None = None if config.where is None else parse_condition(config.where, kinds)
        computed = {name: parse_value(text, kinds) for name, text in config.columns.items()}
        self.outputs: Mapping[str, Expression | None] = computed or dict.fromkeys(shown)
        self.kinds: Mapping[str, ColumnKind] = {
            name: kinds[name] if made is None else made.kind for name, made in self.outputs.items()
        }
        self.key = tuple(config.key or key)

    def held(self, columns: Mapping[str, Column], length: int) -> BoolArray:
        """bool[length]: the rows that are wanted."""
        return np.ones(length, np.bool_) if self.where is None else self.where.mask(columns, length)

    def bodies(self, columns: Mapping[str, Column], length: int) -> list[dict[str, Any]]:
        """One object per row; moments as ISO 8601."""
        names = list(self.outputs)
        values = [
            _plain(columns[name] if made is None else made.evaluate(columns, length))
            for name, made in self.outputs.items()
        ]
        return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]

    def keys(self, columns: Mapping[str, Column], length: int) -> list[str | None]:
        """The key of each row: one column as text, several as a JSON list."""
        if not self.key:
            return [None] * length
        values = [_plain(columns[name]) for name in self.key]
        if len(values) == 1:
            return [None if value is None else _text(value) for value in values[0]]
        return [json.dumps(row, ensure_ascii=False) for row in zip(*values, strict=True)]


class WindowRows:
    """The rows of one monitor: one per closed window."""

    def __init__(self, name: str, config: Config, sink: SinkConfig) -> None:
        monitor = config.monitors[name]
        assert monitor.window is not None
        kinds = row_kinds(config, monitor)
        self.sink = f"monitor {name}"
        self._by = monitor.window.by
        self._counts = monitor.window.type == "count"
        self._changes = getattr(monitor.window, "emit", "final") == "changes"
        self._shape = Shape(sink, kinds, list(kinds), self._by)
        self.columns = self._shape.kinds

    def rows(self, lane: Lane, rows: Rows, results: WindowResults) -> list[DecidedRow]:
        """A row per window that closed; where changes are wanted, one per record that changed its window."""
        chosen = np.nonzero(results.early if self._changes else ~results.early)[0]
        if not len(chosen):
            return []
        columns = row_columns(lane, results, chosen, results.columns)
        held = self._shape.held(columns, len(chosen))
        gone = np.zeros(len(chosen), np.bool_)
        if self._changes and results.retracted is not None:
            retracted = results.retracted[chosen]
            held, gone = held & ~retracted, held & retracted
        if self._changes and not held.all():
            before = row_columns(lane, results, chosen, results.previous)
            gone |= ~held & self._shape.held(before, len(chosen))
        if results.retracted is not None:
            taken_back = results.retracted[chosen]
            held, gone = held & ~taken_back, gone | (held & taken_back)
        keep = np.nonzero(held | gone)[0]
        if not len(keep):
            return []
        if len(keep) < len(chosen):
            chosen, gone = chosen[keep], gone[keep]
            columns = {name: column.take(keep) for name, column in columns.items()}
        bodies = self._bodies(columns, gone, results.partial[chosen])
        ids = self._ids(lane, rows, results, chosen)
        keys = self._shape.keys(columns, len(chosen))
        return [
            DecidedRow(self.sink, row_id, key, encode(body), self._changes)
            for row_id, key, body in zip(ids, keys, bodies, strict=True)
        ]

    def _bodies(
        self, columns: Mapping[str, Column], gone: BoolArray, partial: BoolArray
    ) -> list[dict[str, Any]]:
        """The objects; a row that holds no more says only whose it was."""
        bodies = self._shape.bodies(columns, len(gone))
        for row in np.nonzero(partial)[0].tolist():
            bodies[row]["partial"] = True
        for name, column in columns.items():
            if isinstance(column, Aside) and any(
                name.startswith(f"{shown}_") for shown in self._shape.outputs
            ):
                for body, value in zip(bodies, column.values(), strict=True):
                    body.update({} if value is None else {name: value})
        if gone.any():
            named = {name: _plain(columns[name]) for name in (*self._by, *BOUNDS)}
            for row in np.nonzero(gone)[0].tolist():
                bodies[row] = {**{name: values[row] for name, values in named.items()}, "deleted": True}
        return bodies

    def _ids(self, lane: Lane, rows: Rows, results: WindowResults, closed: IntArray) -> list[str]:
        texts = results.keys.texts_of(results.slots[closed])
        if self._counts:
            records = results.rows[closed].tolist()
            places = [lane.partition or rows.partitions[int(rows.parts[at])] for at in records]
            ends: list[str] = [
                f"{place}/{offset}"
                for place, offset in zip(places, results.offsets[closed].tolist(), strict=True)
            ]
        else:
            bounds = (
                moments(results.starts[closed].astype(float)),
                moments(results.ends[closed].astype(float)),
            )
            ends = [f"{start}/{end}" for start, end in zip(*bounds, strict=True)]
        return [f"{self.sink}/{text}/{end}" for text, end in zip(texts, ends, strict=True)]


class RecordRows:
    """The rows of one stream: one per record that could be read."""

    def __init__(self, name: str, config: Config, sink: SinkConfig) -> None:
        stream = config.streams[name]
        self.sink = f"stream {name}"
        shown = [field for field, spec in stream.fields.items() if not spec.mask]
        self._shape = Shape(sink, config.kinds_of(name), shown, stream.key)
        self.columns = self._shape.kinds

    def rows(self, batch: Batch) -> list[DecidedRow]:
        """Those of a batch."""
        keep = np.nonzero(self._shape.held(batch.columns, len(batch)))[0]
        columns = batch.columns
        if len(keep) < len(batch):
            columns = {name: column.take(keep) for name, column in columns.items()}
        offsets, prefix = batch.offsets[keep].tolist(), f"{self.sink}/{batch.partition}/"
        made = zip(
            offsets, self._shape.keys(columns, len(keep)), self._shape.bodies(columns, len(keep)), strict=True
        )
        return [DecidedRow(self.sink, f"{prefix}{offset}", key, encode(body)) for offset, key, body in made]


def written_columns(config: Config) -> dict[str, Mapping[str, ColumnKind]]:
    """What the rows for each sink hold, by the sink's name."""
    made: list[WindowRows | RecordRows] = [
        WindowRows(name, config, monitor.write) for name, monitor in config.monitors.items() if monitor.write
    ]
    made += [
        RecordRows(name, config, stream.write) for name, stream in config.streams.items() if stream.write
    ]
    return {one.sink: one.columns for one in made}


def _plain(column: Column) -> list[Any]:
    return moments(column.numbers()) if column.kind == "timestamp" else column.values()


def moments(micros: FloatArray) -> list[str | None]:
    """Moments as :func:`streamgauge.clock.iso` writes them, many at once; missing ones stay missing.

    >>> moments(np.array([0.0, np.nan, 1_772_445_600_123_999.0]))
    ['1970-01-01T00:00:00.000Z', None, '2026-03-02T10:00:00.123Z']
    """
    known = ~np.isnan(micros)
    whole = np.where(known, micros, 0).astype(np.int64) // 1000
    texts = np.char.add(np.datetime_as_string(whole.astype("datetime64[ms]"), unit="ms"), "Z").tolist()
    return (
        texts
        if known.all()
        else [text if there else None for text, there in zip(texts, known.tolist(), strict=True)]
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
