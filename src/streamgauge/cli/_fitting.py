"""Where ``forecast`` takes records from and has series fitted: on this machine, or on Spark."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from streamgauge.cli._cluster import Cluster
from streamgauge.errors import ConfigError, SourceError

if TYPE_CHECKING:
    import polars as pl
    from pyspark.sql import SparkSession

    from streamgauge.forecasting.refit import Found, How, Progress
    from streamgauge.forecasting.spark import Wanted


@dataclass(frozen=True, slots=True)
class Asking:
    """What one call of the verb carries on.

    Attributes:
        target: a path, or a monitor.
        value, time, key: columns as given.
        step: microseconds; None: as values come.
        how: horizon, model, band, workers.
        kept_at: the configuration, and the store, where a monitor's windows are.
    """

    target: str
    value: str | None
    time: str | None
    key: tuple[str, ...]
    step: int | None
    how: How
    kept_at: tuple[Path | None, str | None] = field(default=(None, None))

    @property
    def is_path(self) -> bool:
        """Whether it is no monitor."""
        return "/" in self.target or bool(Path(self.target).suffix) or Path(self.target).exists()

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that name a series."""
        return self.key if self.is_path else self.key or ("key",)

    @property
    def named(self) -> str:
        """The same for a call that asks the same."""
        return f"{self.target} {self.value} {self.keys} {self.step} {self.how}"

    def plain(self) -> pl.DataFrame:
        """The records of a file, or of a monitor's stored windows, as columns at, y, key.

        Raises:
            ConfigError: there is no such monitor, or a column is missing.
            SourceError: the file is missing or cannot be read.
        """
        import polars as pl

        from streamgauge.forecasting.tables import chosen_columns, plain, read_table

        if not self.is_path:
            frame = self._windows()
        elif Path(self.target).exists():
            frame = read_table(Path(self.target))
        else:
            raise SourceError(f"there is no file {self.target}; a monitor's name has no ending")
        found = plain(frame, value=self.value, time=self.time, key=self.keys)
        if not self.keys:
            at, _ = chosen_columns(frame, value=self.value, time=self.time, key=())
            _say_averaged(
                found, [name for name, kind in frame.schema.items() if kind == pl.String and name != at]
            )
        return found

    def _windows(self) -> pl.DataFrame:
        """What the store kept of a monitor."""
        from streamgauge.cli._store import open_look
        from streamgauge.keys import key_from_text, key_label

        with open_look(*self.kept_at) as look:
            frame = look.history(self.target)
        if not len(frame):
            raise ConfigError(
                f"the store holds no windows of a monitor `{self.target}`, and there is no such file; "
                "name the store with `--config FILE` or `--store URL`"
            )
        texts = frame["key"].unique().to_list()
        labels = frame["key"].replace_strict(
            texts, [key_label(key_from_text(text)) or None for text in texts]
        )
        frame = frame.with_columns(labels).drop("window_start", strict=False)
        if len(self.key) == 1 and self.key[0] not in frame.columns:
            frame = frame.rename({"key": self.key[0]})  # what it groups by, by the name that is wanted
        return frame


def _say_averaged(records: pl.DataFrame, texts: Sequence[str]) -> None:
    """Say that several series seem to have been taken for one: most moments come more than once."""
    moments = records["at"].n_unique()
    if len(records) >= 2 * moments > 0 and texts:
        print(
            f"{len(records):,} values of {moments:,} moments are averaged to one series; `--key NAME` tells series apart (columns "
            f"of texts: {', '.join(texts)})",
            file=sys.stderr,
        )


class Place(Protocol):
    """Who reads and fits."""

    def records(self) -> pl.DataFrame:
        """All records that are asked for, here, as columns at, y, key."""
        ...

    def fits(self, records: pl.DataFrame | None, say: Callable[[Progress], None]) -> Iterable[Found]:
        """What comes of each series of ``records`` (None: of all that are asked for), in any order."""
        ...


@dataclass(frozen=True, slots=True)
class Here:
    """This process and its workers."""

    asked: Asking

    def records(self) -> pl.DataFrame:
        """As :class:`Place` says."""
        return self.asked.plain()

    def fits(self, records: pl.DataFrame | None, say: Callable[[Progress], None]) -> Iterator[Found]:
        """As :class:`Place` says; ``say`` is called after each."""
        from streamgauge.forecasting.refit import refit
        from streamgauge.forecasting.tables import series_of

        found = self.records() if records is None else records
        return refit(list(series_of(found, self.asked.step)), self.asked.how, say)


@dataclass(frozen=True, slots=True)
class OnSpark:
    """A Spark: it reads paths wherever it can, and fits each key where its records are."""

    asked: Asking
    spark: SparkSession

    def records(self) -> pl.DataFrame:
        """As :class:`Place` says."""
        from streamgauge.forecasting.spark import frame_of, records_of

        if not self.asked.is_path:
            return self.asked.plain()
        return records_of(*frame_of(self.spark, self.asked.target, self._wanted))

    def fits(self, records: pl.DataFrame | None, say: Callable[[Progress], None]) -> list[Found]:
        """As :class:`Place` says; records of a path never come here."""
        from streamgauge.forecasting.spark import carried_on, frame_from, frame_of

        if records is None and self.asked.is_path:
            return carried_on(*frame_of(self.spark, self.asked.target, self._wanted))
        here = self.asked.plain() if records is None else records
        return carried_on(*frame_from(self.spark, here, self.asked.step, self.asked.how))

    @property
    def _wanted(self) -> Wanted:
        from streamgauge.forecasting.spark import Wanted

        asked = self.asked
        return Wanted(asked.value, asked.time, asked.key, asked.step, asked.how)


@contextmanager
def place(asked: Asking, cluster: Cluster | None) -> Iterator[Place]:
    """Who does it, until the block ends.

    Raises:
        ConfigError: worker processes are asked for beside Spark.
        OutsideError: Spark does not start.
    """
    if cluster is None:
        yield Here(asked)
        return
    if asked.how.workers is not None:
        raise ConfigError("`--workers` are processes of this machine; with `--engine spark` its tasks fit")
    with cluster.started("forecast") as spark:
        yield OnSpark(asked, spark)
