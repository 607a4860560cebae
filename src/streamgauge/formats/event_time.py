"""Moments as producers write them, to int64 microseconds UTC.

Accepted: ISO 8601 text with a zone or without (then UTC), and numbers since 1970, also as text. The unit of
a number is the field's ``unit:``, else guessed by magnitude: below 1e11 seconds, below 1e14 milliseconds,
below 1e17 microseconds, else nanoseconds (so seconds reach the year 5138 and milliseconds start in 1973).
Text of digits only is a number, never a date. Fractions finer than a microsecond are cut off in text and
rounded in numbers. Years 1 to 9999 are moments, before 1970 too; anything else is refused.

:func:`moment` is the rule, one value at a time; :func:`moments` gives the same answers for a whole column
by NumPy and Arrow, and asks :func:`moment` only where those refuse.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from streamgauge import arrow
from streamgauge.batch import BoolArray, Column, IntArray
from streamgauge.clock import to_micros
from streamgauge.formats.contract import TimeUnit
from streamgauge.formats.reasons import shown

FIRST = to_micros(datetime(1, 1, 1, tzinfo=UTC))
LAST = to_micros(datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC))
_EXPECTED = "expected ISO 8601 or a number of s, ms, us or ns since 1970"
_OUTSIDE = "it lies outside the years 1 to 9999"
_EXACT = 2**53
_SECONDS_BELOW, _MILLIS_BELOW, _MICROS_BELOW = 10**11, 10**14, 10**17
_NANOS_PER: dict[TimeUnit, int] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{1,40})?", re.ASCII)


def moment(value: object, unit: TimeUnit | None = None) -> int:
    """One moment in microseconds.

    >>> moment("2026-11-22T10:00:00+01:00") == moment(1795338000) == moment("1795338000000")
    True

    Raises:
        ValueError: what came and what was expected, in words.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{_EXPECTED}, got {shown(value)}")  # noqa: TRY004  # one error for all refusals
    if isinstance(value, str):
        return _from_text(value, unit)
    return _from_number(value, unit)


def _from_text(text: str, unit: TimeUnit | None) -> int:
    if _NUMBER.fullmatch(text):
        return _from_number(float(text) if "." in text else int(text), unit)
    try:
        parsed = datetime.fromisoformat(text)
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        micros = to_micros(aware)
    except (ValueError, OverflowError):
        raise ValueError(f"{_EXPECTED}, got {shown(text)}") from None
    return _inside(micros, text)


def _from_number(number: int | float, unit: TimeUnit | None) -> int:  # noqa: PYI041  # mypy narrows by it
    if isinstance(number, float):
        if not math.isfinite(number) or abs(number) >= 2.0**63:
            raise ValueError(f"{_OUTSIDE}: {shown(number)}")
        return _inside(round(number * _factor(number, unit)), number)
    return _inside(number * _NANOS_PER[unit or _guess(number)] // 1_000, number)


def _inside(micros: int, value: object) -> int:
    if not FIRST <= micros <= LAST:
        raise ValueError(f"{_OUTSIDE}: {shown(value)}")
    return micros


def _guess(number: float) -> TimeUnit:
    size = abs(number)
    if size < _SECONDS_BELOW:
        return "s"
    if size < _MILLIS_BELOW:
        return "ms"
    return "us" if size < _MICROS_BELOW else "ns"


def _factor(number: float, unit: TimeUnit | None) -> float:
    """Microseconds in one unit; what :func:`moments` multiplies by too, so both round alike."""
    return _NANOS_PER[unit or _guess(number)] / 1_000


@dataclass(frozen=True, slots=True)
class Moments:
    """A column of moments.

    Attributes:
        micros: int64[n]; 0 where missing or refused.
        missing: bool[n], True where there was no value; None when none is missing.
        problems: why a row was refused, by row.
    """

    micros: IntArray
    missing: BoolArray | None = None
    problems: dict[int, str] = field(default_factory=dict)

    def only(self, keep: BoolArray) -> Moments:
        """The rows that stay; none of them may have a problem."""
        missing = None if self.missing is None else self.missing[keep]
        return Moments(self.micros[keep], missing if missing is not None and missing.any() else None)

    def column(self) -> Column:
        """As a timestamp column, exact, None where missing."""
        if self.missing is None and (not len(self.micros) or np.abs(self.micros).max() <= _EXACT):
            return Column("timestamp", numbers=self.micros.astype(np.float64))  # cheaper than a series
        import polars as pl

        series = pl.Series(self.micros)
        if self.missing is not None:
            series = pl.select(
                pl.when(pl.lit(pl.Series(self.missing))).then(None).otherwise(series)
            ).to_series()
        return Column("timestamp", series=series)


def moments(
    values: Sequence[Any], unit: TimeUnit | None = None, *, empty_is_missing: bool = False
) -> Moments:
    """A column of raw values (text, int, float, None, mixed as they come) as moments."""
    if empty_is_missing and "" in values:
        values = [None if value == "" else value for value in values]
    kinds = set(map(type, values))
    fast: IntArray | None
    if kinds == {str}:
        fast = _texts(values)
    elif kinds == {int}:
        fast = _integers(values, unit)
    elif kinds == {float}:
        fast = _floats(values, unit)
    else:
        fast = None
    return _one_by_one(values, unit) if fast is None else Moments(fast)


def _texts(values: Sequence[str]) -> IntArray | None:
    """ISO text, all with a zone or all without; None when a value needs a closer look."""
    pa = arrow.pyarrow()
    try:
        raw = pa.array(values, pa.string())
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None
    for zone in ("UTC", None):
        try:
            micros = arrow.numbers(raw.cast(pa.timestamp("us", zone)).view(pa.int64()))
        except pa.ArrowInvalid:
            continue
        return micros if micros.min() >= FIRST and micros.max() <= LAST else None
    return None


def _integers(values: Sequence[int], unit: TimeUnit | None) -> IntArray | None:
    try:
        numbers = np.fromiter(values, np.int64, len(values))
    except OverflowError:
        return None
    size_low, size_high = int(numbers.min()), int(numbers.max())
    guessed = {unit} if unit else {_guess(size_low), _guess(size_high)}
    if len(guessed) > 1 or (unit is None and size_low < 0):
        return None
    nanos = _NANOS_PER[guessed.pop()]
    if not FIRST <= size_low * nanos // 1_000 <= size_high * nanos // 1_000 <= LAST:
        return None
    return numbers * (nanos // 1_000) if nanos >= 1_000 else numbers // 1_000


def _floats(values: Sequence[float], unit: TimeUnit | None) -> IntArray | None:
    numbers = np.fromiter(values, np.float64, len(values))
    low, high = float(numbers.min()), float(numbers.max())
    if not (math.isfinite(low) and math.isfinite(high)) or low < 0 or _guess(low) != _guess(high):
        return None
    micros = np.rint(numbers * _factor(high, unit))
    return micros.astype(np.int64) if micros.min() >= FIRST and micros.max() <= LAST else None


def _one_by_one(values: Sequence[Any], unit: TimeUnit | None) -> Moments:
    micros = np.zeros(len(values), np.int64)
    missing = np.zeros(len(values), np.bool_)
    problems: dict[int, str] = {}
    for row, value in enumerate(values):
        if value is None or value != value:  # NaN is no moment  # noqa: PLR0124
            missing[row] = True
            continue
        try:
            micros[row] = moment(value, unit)
        except ValueError as error:
            problems[row] = str(error)
    return Moments(micros, missing if missing.any() else None, problems)
