"""What people hand to :func:`streamgauge.score`: values, moments and marks of rows in any form, as plain arrays.

Whatever cannot be read is refused with its row, never taken for something near it: a number that is no moment in
seconds, a text that is no time, a column of words.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import FloatArray, IntArray
from streamgauge.clock import EPOCH, SECOND, to_micros
from streamgauge.errors import ConfigError

MINUTE = 60 * SECOND
FARTHEST = 10_000_000_000
"""Seconds since 1970 that reach the year 2286; larger numbers are milliseconds or finer."""


def numbers_of(values: Any) -> FloatArray:
    """float64[n], NaN for what is missing or infinite.

    Raises:
        ConfigError: it is no single series of numbers.
    """
    given = values.to_numpy() if hasattr(values, "to_numpy") else values
    if isinstance(given, list):
        given = [np.nan if value is None else value for value in given]
    if not isinstance(given, (Sequence, np.ndarray)) or isinstance(given, (str, bytes)):
        raise ConfigError(
            f"values are {_name(values)}; give an array, a list, or a Polars or pandas series of numbers"
        )
    try:
        numbers = np.asarray(given, dtype=np.float64 if not np.iscomplexobj(given) else None)
    except (TypeError, ValueError) as error:
        raise ConfigError(_no_number(given, error)) from error
    if numbers.dtype != np.float64:
        raise ConfigError("values are complex numbers; give their size (`abs`) or one of their parts")
    if numbers.ndim != 1:
        raise ConfigError(
            f"values have {numbers.ndim} dimensions; give one series (a column), and `keys` to tell several apart"
        )
    return np.where(np.isfinite(numbers), numbers, np.nan)


def moments_of(times: Any, count: int) -> IntArray:
    """int64[count] microseconds since 1970 UTC; one value a minute where nothing is said.

    Raises:
        ConfigError: there is not one per value, or one of them is missing or no time.
    """
    if times is None:
        return np.arange(count, dtype=np.int64) * MINUTE
    given = _plain_times(times)
    if len(given) != count:
        raise ConfigError(f"{len(given)} times for {count} values; give one per value")
    if given.dtype.kind == "M":
        _all_known(np.isnat(given))
        return given.astype("datetime64[us]").astype(np.int64)
    if given.dtype.kind in "iuf":
        return _of_seconds(given)
    return np.fromiter((_moment(moment, row) for row, moment in enumerate(given.tolist())), np.int64, count)


def apart_of(apart: Any, count: int) -> NDArray[np.bool_] | None:
    """bool[count]: rows that are not learned from; None where nothing is said.

    Raises:
        ConfigError: there is not one per value.
    """
    if apart is None:
        return None
    marked = np.asarray(apart, np.bool_)
    if marked.shape != (count,):
        raise ConfigError(
            f"`apart` has {marked.size} marks for {count} values; give true or false for each value"
        )
    return marked


def _plain_times(times: Any) -> NDArray[Any]:
    """An array of moments, numbers, or whatever it is, one dimension."""
    given = times.to_numpy() if hasattr(times, "to_numpy") else times
    if (
        not isinstance(given, (Sequence, np.ndarray))
        or isinstance(given, (str, bytes))
        or np.ndim(given) == 0
    ):
        raise ConfigError(
            f"times are {_name(times)}; give one moment per value: an array, a list or a series"
        )
    if not isinstance(given, np.ndarray):
        kinds = {type(moment) for moment in given}
        given = np.asarray(given) if kinds <= {int, float} else np.array([*given, None], object)[:-1]
    plain: NDArray[Any] = given
    return plain


def _of_seconds(seconds: NDArray[Any]) -> IntArray:
    _all_known(~np.isfinite(seconds))
    if len(seconds) and (farthest := float(np.abs(seconds).max())) > FARTHEST:
        unit, parts = next(
            (unit, parts)
            for unit, parts in (
                ("milliseconds", 1e3),
                ("microseconds", 1e6),
                ("nanoseconds", 1e9),
                ("no time", np.inf),
            )
            if farthest / parts <= FARTHEST
        )
        raise ConfigError(
            f"times are numbers up to {farthest:.6g}, more than seconds since 1970 can be: they seem to be {unit}; "
            f"give seconds{f' (divide by {parts:,.0f})' if parts < np.inf else ''}, datetimes or datetime64"
        )
    micros = np.multiply(seconds, 1e6, dtype=np.float64)
    whole: IntArray = np.round(micros, out=micros).astype(np.int64)
    return whole


def _moment(moment: Any, row: int) -> int:
    """Microseconds of a datetime, a date, a pandas or NumPy moment, a number of seconds, or a text in ISO 8601."""
    read = moment
    if isinstance(read, np.datetime64):
        return int(_of_parts(read, row))
    if isinstance(read, str):
        try:
            read = datetime.fromisoformat(read.strip())
        except ValueError as error:
            raise ConfigError(
                f"times: {moment!r} in row {row} is no time in ISO 8601, such as 2026-01-31T12:00:00Z; read others first, "
                "as `pandas.to_datetime` does"
            ) from error
    if type(read) is date:
        read = datetime(read.year, read.month, read.day)  # noqa: DTZ001  what has no zone is UTC, below
    if isinstance(read, (int, float)) and not isinstance(read, bool):
        return int(_of_seconds(np.array([read]))[0]) if read == read else _of_missing(row)  # noqa: PLR0124  NaN
    if not isinstance(read, datetime) or read != read:  # noqa: PLR0124  pandas' NaT is a datetime that is not itself
        return _of_missing(row) if read is None or read != read else _of_unknown(read, row)  # noqa: PLR0124
    return to_micros(read if read.tzinfo is not None else read.replace(tzinfo=EPOCH.tzinfo))


def _of_parts(moment: np.datetime64, row: int) -> int:
    return _of_missing(row) if np.isnat(moment) else int(moment.astype("datetime64[us]").astype(np.int64))


def _of_missing(row: int) -> int:
    raise ConfigError(f"times: the moment in row {row} is missing; leave such rows out")


def _of_unknown(moment: Any, row: int) -> int:
    raise ConfigError(
        f"times: row {row} holds a `{type(moment).__name__}`; give datetimes, datetime64, texts in ISO 8601 or seconds since 1970"
    )


def _all_known(unknown: NDArray[np.bool_]) -> None:
    if unknown.any():
        _of_missing(int(unknown.argmax()))


def _no_number(given: Any, error: Exception) -> str:
    for row, value in enumerate(given):
        try:
            float(value)
        except (TypeError, ValueError):
            return f"values: row {row} holds {value!r}, which is no number; a missing one is None or NaN"
    return f"values are no numbers: {error}"


def _name(given: Any) -> str:
    return "None" if given is None else f"of type `{type(given).__name__}`"
