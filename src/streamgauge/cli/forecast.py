"""Carry on the series of a file or of a monitor: what is expected next, in which band."""

from __future__ import annotations

import sys
import time as clock
from collections.abc import Iterator
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._store import ConfigOption, JsonOption, StoreOption
from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from streamgauge.forecasting.series import Series

STEPS = 24
"""Of a forecast, where no horizon is given."""
MOST = 10_000


class Model(StrEnum):
    """How a series is carried on."""

    AUTO = "auto"
    SEASONAL_MEDIAN = "seasonal_median"
    HOLT_WINTERS = "holt_winters"
    THETA = "theta"
    SEASONAL_NAIVE = "seasonal_naive"
    FOURIER = "fourier"


def command(  # noqa: PLR0917  typer's options are its parameters
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE|MONITOR", help="A .csv, .parquet or .ndjson file, or a monitor.", show_default=False
        ),
    ],
    value: Annotated[
        str | None, typer.Option(help="The column of numbers; default: the only one.", show_default=False)
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="The column of moments; default: by its name.", show_default=False)
    ] = None,
    key: Annotated[
        list[str] | None,
        typer.Option(help="A column that names a series; may be repeated.", show_default=False),
    ] = None,
    every: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION", help="The step of the series; default: as values come.", show_default=False
        ),
    ] = None,
    horizon: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help=f"How far; default: {STEPS} steps.", show_default=False),
    ] = None,
    model: Annotated[Model, typer.Option(help="How; `auto` takes what did best on the past.")] = Model.AUTO,
    interval: Annotated[
        float, typer.Option(min=0.01, max=0.999, help="The share of what comes that the band should hold.")
    ] = 0.9,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the rows there instead.", show_default=False)
    ] = None,
    config: ConfigOption = None,
    store: StoreOption = None,
    json: JsonOption = False,
) -> None:
    """Carry on the series of a file, or of a monitor's stored windows.

    Each model forecasts the newest part of the past several times; the one that did best carries on, and its errors set
    the band. A series needs 20 values, and two days for a daily season, two weeks for a weekly one.

    Example: streamgauge forecast requests.csv --value requests --key service --horizon 1d
    """
    from streamgauge.cli._table import print_lines, print_table
    from streamgauge.forecasting.tables import COLUMNS, write_table

    frame, keys = _records(target, config, store, tuple(key or ()))
    given = {"value": value, "time": time, "key": keys, "step": _micros("--every", every)}
    rows = list(_rows(frame, given, _micros("--horizon", horizon), (model.value, interval)))
    if out is not None:
        write_table(out, rows)
        print(f"{len(rows)} rows written to {out}", file=sys.stderr)
    elif json:
        print_lines(rows)
    else:
        print_table(
            COLUMNS, [[_short(row[name]) for name in COLUMNS] for row in rows], "no series is long enough"
        )


def _short(cell: Any) -> Any:
    return f"{cell:.6g}" if isinstance(cell, float) else cell


def _records(
    target: str, config: Path | None, store: str | None, keys: tuple[str, ...]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """What is carried on, and the columns that name a series."""
    from streamgauge.forecasting.tables import read_table

    path = Path(target)
    if path.exists() or path.suffix:
        if not path.exists():
            raise ConfigError(f"there is no file {target}; a monitor's name has no ending")
        return read_table(path), keys
    from streamgauge.cli._store import open_look
    from streamgauge.keys import key_from_text, key_label

    with open_look(config, store) as look:
        frame = look.history(target)
    if not len(frame):
        raise ConfigError(
            f"the store holds no windows of a monitor `{target}`, and there is no such file; "
            "name the store with `--config FILE` or `--store URL`"
        )
    texts = frame["key"].unique().to_list()
    labels = frame["key"].replace_strict(texts, [key_label(key_from_text(text)) or None for text in texts])
    return frame.with_columns(labels).drop("window_start", strict=False), keys or ("key",)


def _rows(
    frame: pl.DataFrame, given: dict[str, Any], horizon: int | None, how: tuple[str, float]
) -> Iterator[dict[str, Any]]:
    """The rows of all keys; what is too short is told on the way."""
    from streamgauge.forecasting.choosing import LEAST, forecast
    from streamgauge.forecasting.tables import rows_of, series_of
    from streamgauge.kernels import jit

    every = list(series_of(frame, **given))
    jit.choose(live=False, rows=50 * sum(len(series) for _, series in every if series is not None))
    progress = _Progress(len(every))
    for name, series in every:
        found = None
        if series is not None:
            steps = _steps(series, horizon)
            found = forecast(series, steps, model=how[0], interval=how[1])
        progress.one()
        if found is None:
            known = 0 if series is None else series.known
            subject = "the series" if name is None else name
            print(
                f"{subject}: not enough data: {known} values, and a forecast needs {LEAST}", file=sys.stderr
            )
        else:
            yield from rows_of(name, found)
    progress.end()


def _steps(series: Series, horizon: int | None) -> int:
    steps = STEPS if horizon is None else -(-horizon // series.step)
    if steps > MOST:
        raise ConfigError(
            f"--horizon: {steps:,} steps of {timedelta(microseconds=series.step)} are more than {MOST:,}; "
            "make the series coarser with `--every`"
        )
    return steps


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


class _Progress:
    """Keys done, rate and time left, on a terminal's last line."""

    def __init__(self, total: int) -> None:
        self._total, self._done = total, 0
        self._began = self._told = clock.monotonic()
        self._shown = sys.stderr.isatty() and total > 1

    def one(self) -> None:
        """One more is done."""
        self._done += 1
        now = clock.monotonic()
        if self._shown and now - self._told > 0.2:
            self._told = now
            rate = self._done / (now - self._began)
            left = (self._total - self._done) / rate
            text = f"{self._done:,} of {self._total:,} series, {rate:.0f} per second, {left:.0f} s left"
            print(f"\r{text:<70}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        """The line is cleared."""
        if self._shown:
            print(f"\r{'':<70}\r", end="", file=sys.stderr, flush=True)
