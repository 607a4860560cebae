"""Numbers as series in Redis (TimeSeries), one per column and key, with labels and retention: a hot store.

.. code-block:: yaml

    streams:
      logs:
        source: {type: kafka, brokers: "localhost:9092", topic: LogTopic}
        write: {type: redis_timeseries, url: "${REDIS_URL}", retention: 7d}
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, field_validator

from streamgauge.batch import ColumnKind
from streamgauge.durations import Duration
from streamgauge.errors import OutsideError
from streamgauge.settings import Names, PositiveDuration, Settings, nearest
from streamgauge.sinks.contract import Outcome, Prepared, SinkConfig, SpooledRow
from streamgauge.sinks.postgres_table import NAME
from streamgauge.sinks.redis_link import Client, explained, opened, place_of, without_module
from streamgauge.sinks.redis_series import OWNERS, Book, Made, Samples, Series, series_in

NUMBERS = ("int", "float", "bool")
_BOUNDS = ("window_start", "window_end")
_NOT_TAKEN_BACK = (
    "with `emit: changes` rows are taken back, which those that were handed over cannot be; set `keep` to longer than "
    "a window stays open"
)
_PLACE = re.compile(r"\{(\w*)\}")


class HistoryConfig(Settings):
    """Where `streamgauge handover` takes the series."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[str, Field(pattern=r"^postgres(ql)?://.+")]
    """`postgresql://USER@HOST/DATABASE`."""
    table: Annotated[str, Field(pattern=NAME)]
    """Its name, or `schema.name`; it is made if it is missing."""
    key: Annotated[str, Field(pattern=r"^[A-Za-z_]\w{0,62}$")] = "key"
    """Its column for the key of a series."""
    time: Annotated[str, Field(pattern=r"^[A-Za-z_]\w{0,62}$")] = "ds"
    """Its column for the moment."""
    keep: Duration = timedelta(0)
    """What is younger stays in Redis."""


class Config(SinkConfig):
    """What may be written beside ``type: redis_timeseries``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    type: Literal["redis_timeseries"] = "redis_timeseries"
    url: Annotated[str, Field(pattern=r"^rediss?://.+")]
    """`redis://HOST:6379/0`, or `rediss://` for TLS; its password belongs in `${NAME}`."""
    time: Annotated[str | None, Field(min_length=1)] = None
    """The column of moments; default: `window_end`, else the only timestamp."""
    values: Names = ()
    """The columns that become series; default: all numbers."""
    series: Annotated[str, Field(min_length=1)] = "{column}_{key}"
    """How a series is called."""
    labels: dict[str, str] = Field(default_factory=lambda: {"key": "{key}", "column": "{column}"})
    """By which others find it: names with texts, in which `{key}` and `{column}` are filled in."""
    retention: Duration = timedelta(0)
    """How long Redis keeps samples, counted from a series' newest; 0 for ever."""
    fallback: Literal["plain"] | None = None
    """Where Redis lacks the module: sorted sets instead of waiting."""
    history: HistoryConfig | None = None
    """Where `streamgauge handover` takes them."""
    timeout: PositiveDuration = timedelta(seconds=10)
    """How long one answer of the server may take."""

    @field_validator("series", "labels")
    @classmethod
    def _places(cls, given: str | dict[str, str]) -> str | dict[str, str]:
        for text in (given,) if isinstance(given, str) else given.values():
            unknown = [name for name in _PLACE.findall(text) if name not in ("key", "column")]
            if unknown:
                raise ValueError(f"{{{unknown[0]}}} is not known; there are {{key}} and {{column}}")
        if isinstance(given, str) and "{column}" not in given:
            raise ValueError("must hold {column}, or all columns would share one series")
        return given

    def mistakes(self, columns: Mapping[str, ColumnKind], *, revises: bool) -> Iterator[tuple[str, str]]:
        """Columns that are not there or no numbers, and moments that cannot be told."""
        for name in self.values:
            if name not in columns:
                yield "values", f"`{name}` is no column of the rows; {nearest(name, columns)}"
            elif columns[name] not in NUMBERS:
                yield "values", f"`{name}` is a {columns[name]}, and a series holds numbers"
        if not self.numbers(columns):
            yield "values", "the rows hold no number; compute one, or name it under `columns`"
        time = self.moment(columns)
        moments = [name for name, kind in columns.items() if kind == "timestamp"]
        if time is None:
            there = f"there are {', '.join(moments)}" if moments else "the rows hold no timestamp"
            yield "time", f"say which column is the moment of a sample: {there}"
        elif columns.get(time) != "timestamp":
            yield "time", f"`{time}` is no timestamp of the rows; {nearest(time, moments)}"
        elif revises and time not in _BOUNDS:
            yield (
                "time",
                "with `emit: changes` rows are taken back by their bounds; write window_start or window_end",
            )
        if self.history is not None:
            yield from self._history_mistakes(self.history, columns)
            if revises and not self.history.keep:
                yield "history", _NOT_TAKEN_BACK

    def moment(self, columns: Mapping[str, ColumnKind]) -> str | None:
        """The column of moments; None where it cannot be told."""
        moments = [name for name, kind in columns.items() if kind == "timestamp"]
        if self.time is not None or "window_end" in moments:
            return self.time or "window_end"
        return moments[0] if len(moments) == 1 else None

    def numbers(self, columns: Mapping[str, ColumnKind]) -> list[str]:
        """The columns that become series."""
        return list(self.values) or [name for name, kind in columns.items() if kind in NUMBERS]

    def _history_mistakes(
        self, history: HistoryConfig, columns: Mapping[str, ColumnKind]
    ) -> Iterator[tuple[str, str]]:
        taken = [name for name in self.numbers(columns) if name in (history.key, history.time)]
        if taken or history.key == history.time:
            yield (
                "history",
                f"`{(taken or [history.key])[0]}` would be two columns of the table; set `key`, `time`",
            )
        if self.retention and history.keep >= self.retention:
            yield (
                "history",
                "`keep` is not shorter than `retention`: Redis drops samples before they are handed over",
            )


class RedisSink:
    """Turns each row into a sample per column; of two of one series and millisecond the later one holds."""

    def __init__(self, config: Config, name: str, columns: Mapping[str, ColumnKind]) -> None:
        self.where = place_of(config.url)
        self._config = config
        self._name = name
        self._time = config.moment(columns) or ""
        self._values = config.numbers(columns)
        self._client: Client = opened(config.url, config.timeout.total_seconds())
        self._series: Series | None = None
        self._known: dict[str, tuple[str, str]] = {}

    def __repr__(self) -> str:
        return f"RedisSink({self.where})"

    def write(self, rows: Sequence[SpooledRow]) -> Outcome:
        """Make the series that are new, then put all samples."""
        import redis

        try:
            if self._series is None:
                self._series = self._opened()
            if self._series is None:
                return Outcome(trouble=without_module(self.where))
            return self._write(self._series, rows)
        except (redis.RedisError, OSError) as error:
            self._series = None  # another server may answer there next time
            self._known.clear()
            return Outcome(trouble=explained(self.where, error))

    def prepare(self, keys: Sequence[str]) -> Iterator[Prepared]:
        """Make a series per number and key, empty, with labels and retention."""
        import redis

        wanted: dict[str, Made] = {}
        for key in keys:
            for column in self._values:
                self._claim(_filled(self._config.series, column, key), self._made(column, key), wanted)
        if not wanted:
            return
        try:
            yield from self._prepare(wanted)
        except (redis.RedisError, OSError) as error:
            raise OutsideError(explained(self.where, error)) from error

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _prepare(self, wanted: Mapping[str, Made]) -> Iterator[Prepared]:
        series = self._opened()
        if series is None:
            raise OutsideError(without_module(self.where))
        book = Book(self._client, self._name)
        there = book.all()
        refused = {name: _of_another(whose) for name, whose in book.note(wanted).items()}
        refused = refused or series.make(wanted)
        for name, why in refused.items():
            raise OutsideError(f"{self.where}: series {name}: {why}")
        for name in wanted:
            yield Prepared("series", name, name not in there)

    def _opened(self) -> Series | None:
        retention = round(self._config.retention.total_seconds() * 1000)
        return series_in(self._client, retention, plain=self._config.fallback == "plain")

    def _made(self, column: str, key: str) -> Made:
        labels = {name: _filled(text, column, key) for name, text in self._config.labels.items()}
        return Made(column, key, {name: text for name, text in labels.items() if text})

    def _write(self, series: Series, rows: Sequence[SpooledRow]) -> Outcome:
        refused: dict[int, str] = {}
        samples: Samples = {}
        whose: dict[tuple[str, int], set[int]] = {}
        fresh: dict[str, Made] = {}
        for row in rows:
            try:
                for name, made, at, value in self._samples(row):
                    self._claim(name, made, fresh)
                    samples[name, at] = value
                    whose.setdefault((name, at), set()).add(row.sequence)
            except ValueError as error:
                refused[row.sequence] = str(error)
        failed: dict[tuple[str, int], str] = {}
        if fresh:
            in_the_way = {
                name: _of_another(whose) for name, whose in Book(self._client, self._name).note(fresh).items()
            }
            ours = {name: made for name, made in fresh.items() if name not in in_the_way}
            self._known |= {name: (made.column, made.key) for name, made in ours.items()}
            in_the_way |= series.make(ours) if ours else {}
            failed = {place: in_the_way[place[0]] for place in samples if place[0] in in_the_way}
        failed |= series.put({place: value for place, value in samples.items() if place not in failed})
        trouble = self._sort_out(failed, whose, refused)
        stuck = {sequence for place in failed for sequence in whose[place]}
        written = [row.sequence for row in rows if row.sequence not in stuck and row.sequence not in refused]
        return Outcome(written, refused, trouble)

    def _sort_out(
        self,
        failed: Mapping[tuple[str, int], str],
        whose: Mapping[tuple[str, int], set[int]],
        refused: dict[int, str],
    ) -> str:
        """Samples that can never be taken refuse their rows; others wait, for the reason that is returned."""
        trouble = ""
        for (name, at), why in failed.items():
            if "retention" in why.lower():
                refused.update(
                    dict.fromkeys(whose[name, at], f"series {name}: older than `retention` allows")
                )
            else:
                trouble = f"{self.where}: series {name}: {why}"
                self._known.pop(name, None)  # it may have been removed: it is made anew
        return trouble

    def _samples(self, row: SpooledRow) -> Iterator[tuple[str, Made, int, float | None]]:
        """Series, what it is, millisecond and value of each number of a row."""
        import msgspec

        body = msgspec.json.decode(row.body)
        moment, key, config = body.get(self._time), row.key or "", self._config
        if moment is None:
            raise ValueError(f"{self._time} is missing, so its samples have no moment")
        at = round(datetime.fromisoformat(moment).timestamp() * 1000)
        if at < 0:
            raise ValueError(f"{self._time} lies before 1970, where Redis keeps nothing")
        for column in self._values:
            value = None if body.get("deleted") is True else body.get(column)
            made = self._made(column, key)
            yield _filled(config.series, column, key), made, at, None if value is None else float(value)

    def _claim(self, name: str, made: Made, fresh: dict[str, Made]) -> None:
        """Two columns or keys never share a series."""
        owner = self._known.get(name) or ((fresh[name].column, fresh[name].key) if name in fresh else None)
        if owner is None:
            fresh[name] = made
        elif owner != (made.column, made.key):
            raise ValueError(
                f"series {name} is that of column {owner[0]}, key {owner[1]} already; change `series`"
            )


def _of_another(sink: str) -> str:
    return (
        f"it is a series of {sink} already; change `series`, or, if that is no more or was called otherwise, remove the key "
        f"{OWNERS}: each series then belongs to whoever writes it next"
    )


def _filled(text: str, column: str, key: str) -> str:
    """A text with its places filled in; a key's own braces stay as they are.

    >>> _filled("{column}_{key}", "bytes", "10.0.0.1")
    'bytes_10.0.0.1'
    """
    return _PLACE.sub(lambda place: key if place[1] == "key" else column, text)


def open_sink(config: Config, name: str, columns: Mapping[str, ColumnKind]) -> RedisSink:
    """The sink of ``config``; it connects with the first rows.

    Raises:
        ConfigError: redis-py is not installed, or the address is none.
    """
    return RedisSink(config, name, columns)
