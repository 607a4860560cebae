"""A detector over plain arrays: the same code as in a stream, for notebooks, back-tests and benchmarks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.batch import NEVER, Column, IntArray, SlotArray
from streamgauge.clock import EPOCH, to_micros
from streamgauge.config import plugins
from streamgauge.detectors.contract import Context
from streamgauge.errors import ConfigError
from streamgauge.kernels import jit
from streamgauge.keys import KeySlots
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

if TYPE_CHECKING:
    import polars as pl

VALUE, MINUTE = "value", 60_000_000
ENOUGH = 1_000
"""From so many values on kernels are compiled: seconds the first time, kept on disk for the next."""


def scored(
    values: Any, detector: str, beside: tuple[Any, Sequence[Hashable] | None, Any], config: dict[str, Any]
) -> pl.DataFrame:
    """See :func:`streamgauge.api.score`; ``beside`` are the moments, the keys and what is apart."""
    times, keys, apart = beside
    numbers = _numbers(values)
    module = plugins.module("detectors", detector)
    season = module.Config.model_fields.get("season")
    if times is None and season is not None and season.default is True:
        config = {"season": False, **config}  # without moments there is no time of day
    made = module.Config.model_validate({"type": detector, **config})
    built = module.build(made, Context("score", {VALUE: "float"}, windowed=False))
    if built.needs.fields != {VALUE}:
        raise ConfigError(
            f"{detector} does not judge one number; score() takes series detectors, such as auto, composite or seasonal"
        )
    moments = _moments(times, len(numbers))
    slots, known = _slots(keys, len(numbers))
    results = results_of(numbers, (moments, slots), known, apart)
    with jit.running(compiled=jit.compiled()):  # what was chosen before holds again afterwards
        jit.choose(live=len(numbers) > ENOUGH)
        found = built.step(built.initial(), results)
    return _frame(found, len(numbers))


def _numbers(values: Any) -> Any:
    numbers = values.to_numpy() if hasattr(values, "to_numpy") else values
    numbers = np.asarray(
        [np.nan if v is None else v for v in numbers] if isinstance(numbers, list) else numbers, float
    )
    if numbers.ndim != 1:
        raise ValueError(
            f"values have {numbers.ndim} dimensions; give one series, and `keys` to tell several apart"
        )
    return np.where(np.isfinite(numbers), numbers, np.nan)


def _moments(times: Any, count: int) -> IntArray:
    """int64[n] microseconds: one value a minute where nothing is said."""
    if times is None:
        return np.arange(count, dtype=np.int64) * MINUTE
    given = times.to_numpy() if hasattr(times, "to_numpy") else times
    if isinstance(given, (list, tuple)):
        given = [_moment(moment) for moment in given]
    moments = np.asarray(given)
    if len(moments) != count:
        raise ValueError(f"{len(moments)} times for {count} values; give one per value")
    if np.issubdtype(moments.dtype, np.datetime64):
        return moments.astype("datetime64[us]").astype(np.int64)
    if np.issubdtype(moments.dtype, np.number):
        micros = np.multiply(moments, 1e6, dtype=np.float64)
        whole: IntArray = np.round(micros, out=micros).astype(np.int64)
        return whole
    raise ValueError(f"times are {moments.dtype}; give seconds since 1970, datetimes or datetime64")


def _moment(moment: Any) -> Any:
    if hasattr(moment, "utcoffset"):
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=EPOCH.tzinfo)
        return to_micros(aware) / 1e6
    return moment


def _slots(keys: Sequence[Hashable] | None, count: int) -> tuple[SlotArray, KeySlots]:
    known = KeySlots(limit=max(count, 1))
    if keys is None:
        return known.whole(count), known
    given: Iterable[Hashable] = keys.to_list() if hasattr(keys, "to_list") else keys
    column = Column("string", values=["" if key is None else str(key) for key in given])
    if len(column) != count:
        raise ValueError(f"{len(column)} keys for {count} values; give one per value")
    return known.slots_of(column), known


def results_of(numbers: Any, rows: tuple[IntArray, SlotArray], keys: KeySlots, apart: Any) -> WindowResults:
    """Single records as a detector gets them: values, their moments and slots, and what is apart."""
    moments, slots = rows
    count = len(numbers)
    no, places = np.zeros(count, np.bool_), np.arange(count, dtype=np.int64)
    columns = {VALUE: Column("float", numbers=numbers)}
    marked = None if apart is None else np.asarray(apart, np.bool_)
    end = int(moments.max()) if count else NEVER
    return WindowResults(
        keys,
        slots,
        moments,
        moments,
        moments,
        places,
        no,
        no,
        columns,
        columns,
        places + 1,
        end,
        places,
        apart=marked,
    )


def _frame(found: Verdicts, count: int) -> pl.DataFrame:
    import polars as pl

    if len(found) != count:
        raise ConfigError(
            f"{found.monitor}: {len(found)} answers for {count} values; this detector has no score per value"
        )
    labels = pl.Series([one.label for one in Severity], dtype=pl.String)
    columns = {"score": found.score, "expected": found.expected, "lower": found.lower, "upper": found.upper}
    numbers = {
        name: pl.Series(
            name, column if isinstance(column, np.ndarray) else np.full(count, np.nan), nan_to_null=True
        )
        for name, column in columns.items()
    }
    severity = labels.gather(found.severities.astype(np.int64)).alias("severity")
    return pl.DataFrame(
        {"score": numbers["score"], "severity": severity, **{n: numbers[n] for n in columns if n != "score"}}
    )
