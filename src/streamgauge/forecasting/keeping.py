"""A folder in which forecasts live over many refits: the past that they rest on, what was expected, and what came.

``past.parquet`` (key, at, y) grows with every refit, so that a season may be longer than what the store keeps.
``forecasts.parquet`` holds the rows of forecasts with ``made_at``: of each moment the last forecast that was made before it,
and ``y`` once it is known. A refit in progress stands in ``fit.json`` and ``fit.rows``; whoever is cut off in the middle
goes on there, from the same past. Files change by rename: they are there whole, or as before.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from streamgauge import failpoints
from streamgauge.errors import OutsideError
from streamgauge.forecasting.series import LONGEST

if TYPE_CHECKING:
    import polars as pl

PAST, FORECASTS, FIT, ROWS, PROGRESS = (
    "past.parquet",
    "forecasts.parquet",
    "fit.json",
    "fit.rows",
    "progress.json",
)
STALE = 86_400_000_000
"""A refit that was cut off is gone on with for so long (event time, microseconds); later it begins anew."""


class Fit(msgspec.Struct, frozen=True):
    """A refit in progress: what it was asked, up to which moment it looks at the past, when it was begun."""

    asked: str
    until: int
    made_at: str


class Line(msgspec.Struct, frozen=True):
    """What came of one series: its rows, or why there are none."""

    key: str | None
    rows: list[dict[str, Any]]


class Kept:
    """One folder, held by one refit at a time.

    Attributes:
        fit: the refit that goes on.
        done: the series that are fitted already, from before a cut.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.fit: Fit | None = None
        self.done: dict[str | None, Line] = {}

    def begin(self, fresh: pl.DataFrame, asked: str, made_at: str) -> pl.DataFrame:
        """Take new values into the past, and begin a refit or go on with one that was cut off.

        Args:
            fresh: ``at`` (int64 microseconds), ``y``, ``key``.
            asked: what shapes the refit; only one that was asked the same is gone on with.
            made_at: the wall clock, ISO 8601.

        Returns:
            The past that this refit rests on.
        """
        import polars as pl

        past = self._past(fresh)
        newest = int(past["at"].max()) if len(past) else 0  # type: ignore[arg-type]
        before = self._cut_off()
        if before is not None and before.asked == asked and newest - before.until < STALE:
            self.fit, self.done = before, {line.key: line for line in self._lines()}
        else:
            (self._folder / ROWS).unlink(missing_ok=True)
            self.fit = Fit(asked, newest, made_at)
            self._put(FIT, msgspec.json.encode(self.fit))
        return past.filter(pl.col("at") <= self.fit.until)

    def add(self, lines: Sequence[Line]) -> None:
        """Keep what is fitted; it is not fitted again after a cut."""
        with (self._folder / ROWS).open("ab") as file:
            file.writelines(msgspec.json.encode(line) + b"\n" for line in lines)

    def finish(self, past: pl.DataFrame, keep: int) -> int:
        """Put the new rows in place of what they replace, fill in what came, and end the refit; how many rows there are.

        ``keep``: rows of older moments than so many microseconds before the newest value go.
        """
        import polars as pl

        assert self.fit is not None
        fresh = self._frame([row for line in self._lines() for row in line.rows])
        fresh = fresh.with_columns(pl.lit(self.fit.made_at).alias("made_at"))
        before = self._read(FORECASTS)
        if before is not None:
            begun = fresh.group_by("key").agg(pl.col("ds").min().alias("begun"))
            kept = before.join(begun, on="key", how="left", nulls_equal=True)
            kept = kept.filter(pl.col("begun").is_null() | (pl.col("ds") < pl.col("begun"))).drop("begun")
            fresh = pl.concat([kept, fresh], how="vertical_relaxed")
        whole = _with_what_came(fresh, past).filter(pl.col("ds") >= _iso(self.fit.until - keep))
        failpoints.reach(failpoints.KEPT)
        self._write(FORECASTS, whole.sort("key", "ds"))
        for name in (FIT, ROWS, PROGRESS):
            (self._folder / name).unlink(missing_ok=True)
        return len(whole)

    def progress(self, told: Mapping[str, Any]) -> None:
        """Say how far it is, for whoever looks."""
        self._put(PROGRESS, msgspec.json.encode(told))

    def _past(self, fresh: pl.DataFrame) -> pl.DataFrame:
        import polars as pl

        before, fresh = self._read(PAST), fresh.select("key", "at", "y")
        whole = fresh if before is None else pl.concat([before, fresh], how="vertical_relaxed")
        whole = whole.unique(["key", "at"], keep="last", maintain_order=True).sort("key", "at")
        whole = whole.group_by("key", maintain_order=True).tail(LONGEST).select("key", "at", "y")
        self._write(PAST, whole)
        return whole

    def _cut_off(self) -> Fit | None:
        try:
            return msgspec.json.decode((self._folder / FIT).read_bytes(), type=Fit)
        except (OSError, msgspec.DecodeError):
            return None

    def _lines(self) -> Iterator[Line]:
        """What is fitted; a line that a kill cut in two is no line."""
        try:
            text = (self._folder / ROWS).read_bytes()
        except FileNotFoundError:
            return
        seen: set[str | None] = set()
        for part in text.splitlines():
            try:
                line = msgspec.json.decode(part, type=Line)
            except msgspec.DecodeError:
                continue
            if line.key not in seen:
                seen.add(line.key)
                yield line

    def _frame(self, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
        import polars as pl

        from streamgauge.forecasting.tables import COLUMNS

        kinds = {name: pl.String if name in ("key", "ds", "model") else pl.Float64 for name in COLUMNS}
        return pl.DataFrame([[row[name] for name in COLUMNS] for row in rows], schema=kinds, orient="row")

    def _read(self, name: str) -> pl.DataFrame | None:
        import polars as pl

        path = self._folder / name
        if not path.exists():
            return None
        try:
            return pl.read_parquet(path)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise OutsideError(f"{path} cannot be read: {error}; move it away to begin anew") from error

    def _write(self, name: str, frame: pl.DataFrame) -> None:
        beside = self._folder / f"{name}.new"
        frame.write_parquet(beside)
        beside.replace(self._folder / name)

    def _put(self, name: str, body: bytes) -> None:
        beside = self._folder / f"{name}.new"
        beside.write_bytes(body)
        beside.replace(self._folder / name)


@contextmanager
def kept_in(folder: Path) -> Iterator[Kept]:
    """A folder for one refit; made where it is missing.

    Raises:
        OutsideError: another refit is at work in it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        place = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise OutsideError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OutsideError(f"another refit is at work in {folder}; wait for its end") from None
        try:
            yield Kept(folder)
        except OSError as error:
            raise OutsideError(f"{folder}: {error}") from error
    finally:
        os.close(place)


def _with_what_came(rows: pl.DataFrame, past: pl.DataFrame) -> pl.DataFrame:
    """``y`` of the moments whose value is known by now: the mean of what came within the step that begins there."""
    import polars as pl

    named = pl.col("key").fill_null("").alias("named")
    at = pl.col("ds").str.to_datetime(time_unit="us", time_zone="UTC").dt.epoch("us").alias("at")
    rows = rows.with_columns(at, named)
    moments = rows.select("named", "at").unique().sort("named", "at")
    steps = moments.group_by("named").agg(pl.col("at").diff().median().cast(pl.Int64).alias("step"))
    came = past.with_columns(named).join(steps, on="named").filter(pl.col("step") > 0)
    came = came.select("named", (pl.col("at") // pl.col("step") * pl.col("step")).alias("at"), "y")
    means = came.group_by("named", "at").agg(pl.col("y").mean().alias("came"))
    found = rows.join(means, on=["named", "at"], how="left")
    return found.with_columns(pl.coalesce("came", "y").alias("y")).drop("came", "at", "named")


def _iso(micros: int) -> str:
    from streamgauge.clock import iso

    return str(iso(micros))
