"""Carry on the series of a file or of a monitor: what is expected next, in which band."""

from __future__ import annotations

import sys
import time as clock
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._cluster import Cluster, Conf, Engine, Master
from streamgauge.cli._store import ConfigOption, JsonOption, StoreOption
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    from streamgauge.cli._fitting import Place
    from streamgauge.forecasting.keeping import Kept
    from streamgauge.forecasting.refit import Found, Progress
    from streamgauge.forecasting.stored import Stored

STEPS = 24
"""Of a forecast, where no horizon is given."""
KEPT_FOR = timedelta(days=90)
"""How long `--keep` keeps rows of forecasts."""
TOLD = 20
"""So many series that are too short are named; the others are counted."""
AT_ONCE = 0.5
"""Seconds between two times at which fits are written down."""


class Model(StrEnum):
    """How a series is carried on."""

    AUTO = "auto"
    SEASONAL_MEDIAN = "seasonal_median"
    HOLT_WINTERS = "holt_winters"
    THETA = "theta"
    SEASONAL_NAIVE = "seasonal_naive"
    FOURIER = "fourier"
    LEVEL = "level"
    MEDIAN = "median"
    GRADIENT_BOOSTING = "gradient_boosting"
    PROPHET = "prophet"


Target = Annotated[
    str,
    typer.Argument(
        metavar="FILE|MONITOR", help="A .csv, .parquet or .ndjson file, or a monitor.", show_default=False
    ),
]
Value = Annotated[
    str | None, typer.Option(help="The column of numbers; default: the only one.", show_default=False)
]
Time = Annotated[
    str | None, typer.Option(help="The column of moments; default: by its name.", show_default=False)
]
Key = Annotated[
    list[str] | None,
    typer.Option(help="A column that names a series; may be repeated.", show_default=False),
]
Every = Annotated[
    str | None,
    typer.Option(
        metavar="DURATION", help="The step of the series; default: as values come.", show_default=False
    ),
]
Horizon = Annotated[
    str | None,
    typer.Option(metavar="DURATION", help=f"How far; default: {STEPS} steps.", show_default=False),
]
ModelOption = Annotated[Model, typer.Option(help="How; `auto` takes what did best on the past.")]
Interval = Annotated[
    float, typer.Option(min=0.01, max=0.999, help="The share of what comes that the band should hold.")
]
Out = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the rows there instead.", show_default=False)
]
Keep = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Keep the past and all forecasts there, over many refits.",
        show_default=False,
    ),
]
Table = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Write the rows into this table of PostgreSQL too, which is made if it is missing.",
        show_default=False,
    ),
]
Scores = Annotated[
    bool,
    typer.Option(
        "--scores",
        help="Tell of each series how the forecasts that `--keep` keeps came out: MAE, RMSE, coverage.",
    ),
]
Database = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="STREAMGAUGE_DATABASE",
        help="Where that table is: postgresql://USER@HOST/DATABASE.",
        show_default=False,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=256,
        help="Processes that fit; default: one per processor for many series, else none.",
        show_default=False,
    ),
]


EngineOption = Annotated[Engine, typer.Option("--engine", help="Who fits: this machine, or Spark.")]


def command(  # noqa: PLR0917  typer's options are its parameters
    target: Target,
    value: Value = None,
    time: Time = None,
    key: Key = None,
    every: Every = None,
    horizon: Horizon = None,
    model: ModelOption = Model.AUTO,
    interval: Interval = 0.9,
    out: Out = None,
    keep: Keep = None,
    scores: Scores = False,
    table: Table = None,
    database: Database = None,
    workers: Workers = None,
    engine: EngineOption = Engine.EMBEDDED,
    master: Master = None,
    conf: Conf = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Carry on the series of a file, or of a monitor's stored windows.

    Each model forecasts the newest part of the past several times; the one that did best carries on, and its errors set
    the band. A series needs 20 values, and two days for a daily season, two weeks for a weekly one.

    Example: streamgauge forecast requests.csv --value requests --key service --horizon 1d
    """
    from streamgauge.cli._fitting import Asking, place
    from streamgauge.forecasting.refit import How

    if keep is not None and out is not None:
        raise ConfigError("`--keep` writes into its folder: leave out `--out`")
    if scores and keep is None:
        raise ConfigError(
            "`--scores` tells how kept forecasts came out: say where they are with `--keep FOLDER`"
        )
    stored = _stored(table, database, tuple(key or ()))
    how = How(_micros("--horizon", horizon), _known(model), interval, workers)
    step = _micros("--every", every)
    asked = Asking(target, value, time, tuple(key or ()), step, how, (config, store))
    with place(asked, Cluster.of(engine.value, master, conf or [])) as where:
        if keep is None:
            rows = _rows(where)
        else:
            _kept(keep, where, asked.named)
    if keep is None:
        if stored is not None:
            _store(stored, rows, _now())
        _show(rows, out, json=json)
        return
    found, made_at, came_out = _newest(keep)
    if stored is not None:
        _store(stored, found, made_at)
        stored.put_scores(came_out, made_at)
    if scores:
        _show_scores(came_out, json=json)
    elif json:
        _show_kept(keep, found, made_at)


def _stored(table: str | None, database: str | None, keys: tuple[str, ...]) -> Stored | None:
    """The table that is asked for."""
    if table is None:
        return None
    if database is None:
        raise ConfigError(
            "`--table` needs a database: `--database URL`, or STREAMGAUGE_DATABASE in the environment"
        )
    from streamgauge.forecasting.stored import Stored

    return Stored(database, table, keys[0] if len(keys) == 1 else "key")


def _store(stored: Stored, rows: Sequence[dict[str, Any]], made_at: str) -> None:
    print(f"{stored.put(rows, made_at):,} rows in {stored}", file=sys.stderr)


def _newest(folder: Path) -> tuple[list[dict[str, Any]], str, list[dict[str, Any]]]:
    """The rows of the last refit that is kept, when it was made, and how all that is kept came out."""
    import polars as pl

    from streamgauge.forecasting.keeping import FORECASTS
    from streamgauge.forecasting.scores import scores_of

    frame = pl.read_parquet(folder / FORECASTS)
    made_at = str(frame["made_at"].max() or _now())
    return frame.filter(pl.col("made_at") == made_at).to_dicts(), made_at, scores_of(frame)


def _now() -> str:
    from streamgauge.clock import SystemClock, iso

    return str(iso(SystemClock().now()))


def _known(model: Model) -> str:
    """The model's name; said at once where what it needs is not installed."""
    from streamgauge.forecasting.optional import needed

    needed(model.value)
    return model.value


def _show(rows: Sequence[dict[str, Any]], out: Path | None, *, json: bool) -> None:
    from streamgauge.cli._table import print_lines, print_table
    from streamgauge.forecasting.tables import COLUMNS, write_table

    if out is not None:
        write_table(out, rows)
        print(f"{len(rows)} rows written to {out}", file=sys.stderr)
    elif json:
        print_lines(rows)
    else:
        print_table(
            COLUMNS, [[_short(row[name]) for name in COLUMNS] for row in rows], "no series is long enough"
        )


def _show_kept(folder: Path, rows: Sequence[dict[str, Any]], made_at: str) -> None:
    """What a refit left, in one object."""
    from streamgauge.cli._table import print_lines

    series = len({row["key"] for row in rows})
    print_lines([{"kept": str(folder), "made_at": made_at, "series": series, "rows": len(rows)}])


def _show_scores(rows: Sequence[dict[str, Any]], *, json: bool) -> None:
    from streamgauge.cli._table import print_lines, print_table

    names = ("key", "since", "until", "compared", "mae", "rmse", "coverage")
    if json:
        print_lines(rows)
    else:
        lines = [[_short(row[name]) for name in names] for row in rows]
        print_table(names, lines, "of no forecast is it known yet what came")


def _short(cell: Any) -> Any:
    return f"{cell:.6g}" if isinstance(cell, float) else cell


def _rows(where: Place) -> list[dict[str, Any]]:
    """The rows of all series, in the order of their keys; what is too short is told on the way."""
    from streamgauge.forecasting.tables import rows_of

    progress, short = _Shown(), _Short()
    found = sorted(where.fits(None, progress.at), key=lambda one: (one.key is not None, one.key or ""))
    progress.end()
    for one in found:
        short.add(one)
    short.end()
    return [row for one in found if one.forecast is not None for row in rows_of(one.key, one.forecast)]


def _kept(folder: Path, where: Place, name: str) -> None:
    """Refit into a folder; what was fitted before a cut is not fitted again."""
    import polars as pl

    from streamgauge.clock import to_micros
    from streamgauge.forecasting.keeping import kept_in

    records = where.records()
    with kept_in(folder) as kept:
        past = kept.begin(records, name, _now())
        left = past
        if kept.done:
            left = past.filter(~pl.col("key").is_in(list(kept.done), nulls_equal=True))
            print(
                f"goes on where it was cut off: {len(kept.done):,} series are fitted already", file=sys.stderr
            )
        progress, short = _Shown(), _Short()
        done = _Writing(kept, progress, short).take(where.fits(left, progress.at))
        progress.end()
        short.end()
        rows = kept.finish(past, to_micros(KEPT_FOR))
    print(f"{done:,} series fitted; {rows:,} rows in {folder / 'forecasts.parquet'}", file=sys.stderr)


class _Writing:
    """Writes fits down as they come, a few at a time, with how far it is."""

    def __init__(self, kept: Kept, progress: _Shown, short: _Short) -> None:
        self._kept, self._progress, self._short = kept, progress, short

    def take(self, found: Iterable[Found]) -> int:
        """Until all are fitted; how many they were."""
        from streamgauge.forecasting.keeping import Line
        from streamgauge.forecasting.tables import rows_of

        waiting: list[Line] = []
        written, done = clock.monotonic(), 0
        for one in found:
            done += 1
            self._short.add(one)
            rows = [] if one.forecast is None else list(rows_of(one.key, one.forecast))
            waiting.append(Line(one.key, rows))
            if clock.monotonic() - written > AT_ONCE:
                self._write(waiting)
                written = clock.monotonic()
        self._write(waiting)
        return done

    def _write(self, waiting: list[Any]) -> None:
        self._kept.add(waiting)
        waiting.clear()
        if self._progress.last is not None:
            last = self._progress.last
            self._kept.progress(
                {
                    "done": last.done,
                    "total": last.total,
                    "per_second": round(last.rate, 1),
                    "seconds_left": round(last.left),
                }
            )


class _Short:
    """Tells which series have no forecast, and why: the first ones by name, then how many."""

    def __init__(self) -> None:
        self._more = 0
        self._told = 0

    def add(self, found: Found) -> None:
        """One series."""
        from streamgauge.forecasting.choosing import LEAST

        if found.forecast is not None:
            return
        self._told += 1
        if self._told > TOLD:
            self._more += 1
            return
        subject = "the series" if found.key is None else found.key
        why = (
            "its fit ended each process that tried it"
            if found.given_up
            else f"not enough data: {found.known or 'one value or none'}{' values' * bool(found.known)}, and a forecast needs {LEAST}"
        )
        print(f"{subject}: {why}", file=sys.stderr)

    def end(self) -> None:
        """All are told."""
        if self._more:
            print(f"{self._more:,} series more have no forecast", file=sys.stderr)


class _Shown:
    """Keys done, rate and time left, on a terminal's last line.

    Attributes:
        last: how far it was last.
    """

    def __init__(self) -> None:
        self.last: Progress | None = None
        self._told = clock.monotonic()
        self._on = sys.stderr.isatty()

    def at(self, progress: Progress) -> None:
        """It is so far."""
        self.last = progress
        now = clock.monotonic()
        if self._on and progress.total > 1 and now - self._told > 0.2:
            self._told = now
            text = f"{progress.done:,} of {progress.total:,} series, {progress.rate:.0f} per second, {progress.left:.0f} s left"
            print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """The line is cleared."""
        if self._on:
            print(f"\r{'':<70}\r", end="", file=sys.stderr, flush=True)


def _micros(option: str, text: str | None) -> int | None:
    from streamgauge.clock import parse_duration, to_micros

    if text is None:
        return None
    try:
        found = to_micros(parse_duration(text))
    except ValueError as error:
        raise ConfigError(f"{option}: {error}") from error
    if found <= 0:
        raise ConfigError(f"{option}: {text} must be longer than zero")
    return found
