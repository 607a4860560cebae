"""Running a plan over records that end: each query once, its rows in memory for the queries behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.batch import Batch, Column, FieldKind, polars_type
from streamgauge.clock import iso
from streamgauge.errors import ConfigError
from streamgauge.formats.contract import FieldSpec, Layout
from streamgauge.formats.event_time import moment
from streamgauge.sql.plan import Plan, Step
from streamgauge.sql.selecting import BOUNDS, Query
from streamgauge.sql.streams import ROWTIME, Files, Readable, Rows

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.formats.contract import Decoder
    from streamgauge.sources.contract import Source

READ = 20_000
"""Records asked of a source at once."""

AHEAD = 2**62
"""Recorded rows are never too far ahead: nobody reads them live."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows of one query.

    Attributes:
        name: of the table or stream it makes; None for a bare SELECT.
        rows: its columns in order; timestamps are int64 microseconds.
        kinds: of the columns.
        records, late, dead_letters: how many were read, came too late, could not be read.
    """

    name: str | None
    rows: pl.DataFrame
    kinds: Mapping[str, FieldKind]
    records: int
    late: int = 0
    dead_letters: int = 0

    def lines(self) -> Iterator[dict[str, Any]]:
        """The rows as plain values; timestamps as ISO 8601 in UTC."""
        moments = [name for name, kind in self.kinds.items() if kind == "timestamp"]
        for row in self.rows.select(list(self.kinds)).iter_rows(named=True):
            yield {**row, **{name: iso(row[name]) for name in moments}}


@dataclass(slots=True)
class Run:
    """A run of one plan.

    Args:
        plan: what to run.
        flush: close all windows at the end of input.
        progress: told the number of records so far.
    """

    plan: Plan
    flush: bool = True
    progress: Callable[[int], None] | None = None
    _made: dict[str, pl.DataFrame] = field(default_factory=dict)

    def answers(self) -> Iterator[Answer]:
        """The rows of each query, in the order of the statements.

        Raises:
            SourceError: a file cannot be read.
            ConfigError: the records of a stream are not given.
        """
        for step in self.plan.steps:
            answer = self._windows(step) if step.config is not None else self._plain(step)
            if step.name is not None:
                self._made[step.name] = answer.rows
            yield answer

    def _windows(self, step: Step) -> Answer:
        from streamgauge.engines import replay as engine
        from streamgauge.engines.opening import open_decoder
        from streamgauge.plan import make_plan

        query, config = step.query, step.config
        assert config is not None
        name = query.source.name
        layout = replace(make_plan(config).streams[name].layout, max_ahead=AHEAD)
        inputs = {name: engine.Input(self._source(query.source), open_decoder(config.streams[name], layout))}
        done = engine.replay(config, inputs, flush=self.flush, progress=self.progress)
        windows = [line for line in done.lines if line["kind"] == "window"]
        late = sum(line["kind"] == "late" for line in done.lines)
        columns = _columns(query, windows)
        held = None if query.having is None else query.having.mask(columns, len(windows))
        rows = _limited(query, _projected(query, columns, len(windows), held))
        return Answer(step.name, rows, query.kinds, done.records, late, len(done.dead_letters))

    def _plain(self, step: Step) -> Answer:
        import polars as pl

        query = step.query
        reading = _Reading(query.source, self._source(query.source))
        parts: list[pl.DataFrame] = []
        for batch in reading.batches():
            held = None if query.where is None else query.where.mask(batch.columns, len(batch))
            rows = _projected(query, batch.columns, len(batch), held)
            times = batch.times if held is None else batch.times[held]
            parts.append(rows.with_columns(pl.Series(ROWTIME, times)))
            if self.progress is not None:
                self.progress(reading.records)
            if query.select.limit is not None and sum(part.height for part in parts) >= query.select.limit:
                break
        reading.source.close()
        kinds: dict[str, FieldKind] = {**query.kinds, ROWTIME: "timestamp"}
        empty = pl.DataFrame(
            {name: pl.Series(name, [], dtype=polars_type(kind)) for name, kind in kinds.items()}
        )
        rows = _limited(query, pl.concat([empty, *parts]))
        return Answer(step.name, rows, query.kinds, reading.records, dead_letters=reading.dead_letters)

    def _source(self, stream: Readable) -> Source:
        import polars as pl

        from streamgauge.sources.files import open_files
        from streamgauge.sources.frames import open_frame

        if isinstance(stream.origin, Files):
            return open_files(list(stream.origin.paths))
        if not isinstance(stream.origin, Rows):
            raise ConfigError(
                f"the records of stream {stream.name} are not given: add --stream {stream.name}=PATH, or INSERT "
                "them; `streamgauge run` reads a topic"
            )
        if stream.origin.frame is not None:
            return open_frame(stream.origin.frame, stream.name)
        moments = [name for name, kind in stream.kinds.items() if kind == "timestamp"]
        frame = self._made[stream.name].with_columns(pl.col(moments).cast(pl.Datetime("us")))
        return open_frame(frame, stream.name)


class _Reading:
    """All records of a stream, decoded."""

    def __init__(self, stream: Readable, source: Source) -> None:
        self.stream = stream
        self.source = source
        self.records = 0
        self.dead_letters = 0

    def batches(self) -> Iterator[Batch]:
        """One partition after the other, in offset order."""
        decoder = self._decoder()
        self.source.open({})
        open_partitions = set()
        while True:
            poll = self.source.poll(READ, timedelta(0))
            open_partitions |= set(poll.assigned)
            for piece in poll.slices:
                batch = decoder.decode(piece, 0)
                self.records += len(batch)
                self.dead_letters += len(batch.bad)
                yield batch
            open_partitions -= set(poll.ended)
            if not open_partitions:
                return

    def _decoder(self) -> Decoder:
        from streamgauge.config.models import StreamConfig
        from streamgauge.engines.opening import open_decoder

        config = StreamConfig.model_validate(self.stream.settings("0s", "unused:9092"))
        specs = {
            name: FieldSpec(name, spec.type, spec.path or "", unit=spec.unit, required=name == config.time)
            for name, spec in config.fields.items()
        }
        return open_decoder(config, Layout(self.stream.name, specs, config.time, AHEAD))


def _columns(query: Query, windows: list[dict[str, Any]]) -> dict[str, Column]:
    """What the windows hold, by name: keys, computed values, bounds."""
    columns = {name: _column("timestamp", [line[name] for line in windows]) for name in BOUNDS}
    kinds = query.source.kinds
    for place, key in enumerate(query.keys):
        lone = len(query.keys) == 1
        columns[key] = _column(kinds[key], [line["key"] if lone else line["key"][place] for line in windows])
    for name, kind in (query.compute_kinds or {}).items():
        columns[name] = _column(kind, [line["values"][name] for line in windows])
    return columns


def _column(kind: FieldKind, values: list[Any]) -> Column:
    if kind == "timestamp":
        values = [moment(value) if isinstance(value, str) else value for value in values]
    return Column(kind, values=values)


def _projected(query: Query, columns: Mapping[str, Column], length: int, held: Any) -> pl.DataFrame:
    """The columns that come out, of the rows that are ``held`` (None: all)."""
    import polars as pl

    made = {}
    for output in query.outputs:
        column = output.expression.evaluate(columns, length)
        if held is not None:
            column = column.take(np.flatnonzero(held))
        dtype = polars_type(output.expression.kind)
        made[output.name] = column.series().cast(dtype).alias(output.name)
    return pl.DataFrame(list(made.values()))


def _limited(query: Query, rows: pl.DataFrame) -> pl.DataFrame:
    return rows if query.select.limit is None else rows.head(query.select.limit)
