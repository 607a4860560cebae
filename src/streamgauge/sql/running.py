"""Running a plan over records that end: each query once, its rows in memory for the queries behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from streamgauge.batch import Batch, polars_type
from streamgauge.clock import to_micros
from streamgauge.errors import ConfigError
from streamgauge.formats.contract import FieldSpec, Layout
from streamgauge.sql.answers import Answer, limited, projected
from streamgauge.sql.plan import Plan, Step
from streamgauge.sql.streams import ROWTIME, Files, Readable, Rows
from streamgauge.sql.windowed import WHOLE

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.formats.contract import Decoder
    from streamgauge.plan import Plan as StreamsPlan
    from streamgauge.sources.contract import Source

READ = 20_000
"""Records asked of a source at once."""

AHEAD = 2**62
"""Recorded rows are never too far ahead: nobody reads them live."""


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
                self._made[step.name] = self._readable(step, answer)
            yield answer

    def _windows(self, step: Step) -> Answer:
        from streamgauge.clock import SystemClock
        from streamgauge.engines.decoding.ahead import large
        from streamgauge.engines.decoding.decoder import open_decoder
        from streamgauge.engines.replay import replay as engine
        from streamgauge.plan import make_plan
        from streamgauge.sql.gathering import WindowColumns, answered

        query, config = step.query, step.config
        assert config is not None
        name = query.source.name
        layout = replace(make_plan(config).streams[name].layout, max_ahead=AHEAD)
        stream, origin = config.streams[name], query.source.origin
        ahead = large(origin.paths if isinstance(origin, Files) else (), stream, layout, SystemClock())
        read = ahead or (self._source(query.source), open_decoder(stream, layout))
        inputs = {name: engine.Input(*read, many=ahead is not None)}
        kept: list[WindowColumns] = []

        def records(made: StreamsPlan) -> WindowColumns:
            kept.append(WindowColumns(made, query))
            return kept[0]

        done = engine.replay(config, inputs, flush=self.flush, progress=self.progress, observer=records)
        (windows,) = kept
        counts = {
            "records": done.records, "late": windows.late_records, "dead_letters": len(done.dead_letters),
        }  # fmt: skip
        return answered(query, step.name, windows.gathered_rows(), counts)

    def _plain(self, step: Step) -> Answer:
        import polars as pl

        query = step.query
        reading = _Reading(query.source, self._source(query.source))
        parts: list[pl.DataFrame] = []
        for batch in reading.batches():
            held = None if query.where is None else query.where.mask(batch.columns, len(batch))
            rows = projected(query, batch.columns, len(batch), held)
            times = batch.times if held is None else batch.times[held]
            parts.append(rows.with_columns(pl.Series(ROWTIME, times)))
            if self.progress is not None:
                self.progress(reading.records)
            if query.select.limit is not None and sum(part.height for part in parts) >= query.select.limit:
                break
        reading.source.close()
        empty = pl.DataFrame(
            [
                pl.Series(output.name, [], dtype=polars_type(output.expression.kind))
                for output in query.outputs
            ]
            + [pl.Series(ROWTIME, [], dtype=pl.Int64)]
        )
        rows = limited(query, pl.concat([empty, *parts]))
        return Answer(step.name, rows, query.kinds, reading.records, dead_letters=reading.dead_letters)

    @staticmethod
    def _readable(step: Step, answer: Answer) -> pl.DataFrame:
        """What later statements read: no tombstones, no lists; where there is no WINDOW, its time hidden."""
        import polars as pl

        rows = answer.kept()
        rows = rows.drop([name for name, kind in answer.kinds.items() if kind in ("list", "map")])
        if step.config is None or step.query.windowed:
            return rows
        whole = to_micros(WHOLE.size)
        return rows.with_columns(pl.lit(0).alias("window_start"), pl.lit(whole).alias("window_end"))

    def _source(self, stream: Readable) -> Source:
        import polars as pl

        from streamgauge.sources.files import open_files
        from streamgauge.sources.frames import open_frame

        if isinstance(stream.origin, Files):
            return open_files(list(stream.origin.paths))
        if not isinstance(stream.origin, Rows):
            raise ConfigError(
                f"the records of stream {stream.name} are not given: add --stream {stream.name}=PATH, or INSERT "
                "them; --brokers reads its topic"
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
        from streamgauge.engines.decoding.decoder import open_decoder

        config = StreamConfig.model_validate(self.stream.settings("0s", "unused:9092"))
        specs = {
            name: FieldSpec(name, spec.type, spec.path or "", unit=spec.unit, required=name == config.time)
            for name, spec in config.fields.items()
        }
        return open_decoder(config, Layout(self.stream.name, specs, config.time, AHEAD))
