"""A detector over plain arrays: the same code as in a stream, for notebooks, back-tests and benchmarks."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ValidationError

from streamgauge.batch import NEVER, Column, IntArray, SlotArray
from streamgauge.config import plugins
from streamgauge.config.mistakes import setting_mistakes
from streamgauge.detectors.contract import Context
from streamgauge.errors import ConfigError, ExpressionError
from streamgauge.kernels import jit
from streamgauge.keys import KeySlots
from streamgauge.scoring_inputs import apart_of, moments_of, numbers_of
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

if TYPE_CHECKING:
    import polars as pl

VALUE = "value"
TAKES = (
    "score() takes series detectors, such as auto, composite or seasonal, and calls the number `value`; tables are compared "
    "by drift(), whole streams judged by replay()"
)
ENOUGH = 1_000
"""From so many values on kernels are compiled: seconds the first time, kept on disk for the next."""


def scored(
    values: Any, detector: str, beside: tuple[Any, Sequence[Hashable] | None, Any], config: dict[str, Any]
) -> pl.DataFrame:
    """See :func:`streamgauge.api.score`; ``beside`` are the moments, the keys and what is apart."""
    times, keys, apart = beside
    numbers = numbers_of(values)
    count = len(numbers)
    moments, marked = moments_of(times, count), apart_of(apart, count)
    slots, known = _slots(keys, count)
    built = _built(detector, config, timed=times is not None)
    turned = bool((moments[1:] < moments[:-1]).any())
    order = np.argsort(moments, kind="stable") if turned else slice(None)  # as a stream would bring them
    ordered = marked if marked is None else marked[order]
    results = results_of(numbers[order], (moments[order], slots[order]), known, ordered)
    with jit.running(compiled=jit.compiled()):  # what was chosen before holds again afterwards
        jit.choose(live=count > ENOUGH)
        found = built.step(built.initial(), results)
    frame = _frame(found, count)
    return frame[np.argsort(order, kind="stable")] if isinstance(order, np.ndarray) else frame


def _built(detector: str, config: dict[str, Any], *, timed: bool) -> Any:
    """The detector, refused unless it judges one number."""
    if not isinstance(detector, str):
        raise ConfigError(f"detector: expected a name such as auto, got {detector!r}")
    module = plugins.module("detectors", detector)
    season = module.Config.model_fields.get("season")
    if not timed and season is not None and season.default is True:
        config = {"season": False, **config}  # without moments there is no time of day
    try:
        made = module.Config.model_validate({**config, "type": detector})
        built = module.build(made, Context("score", {VALUE: "float"}, windowed=False))
    except ValidationError as error:
        lacks = any(each["type"] == "missing" for each in error.errors())
        raise ConfigError(f"{detector}: {setting_mistakes(error)}{f'. {TAKES}' if lacks else ''}") from error
    except ExpressionError:
        raise
    except ConfigError as error:
        raise ConfigError(f"{detector}: {error}. {TAKES}") from error
    if built.needs.fields != {VALUE}:
        raise ConfigError(f"{detector} does not judge one number. {TAKES}")
    return built


def _slots(keys: Sequence[Hashable] | None, count: int) -> tuple[SlotArray, KeySlots]:
    known = KeySlots(limit=max(count, 1))
    if keys is None:
        return known.whole(count), known
    given: Iterable[Hashable] = keys.to_list() if hasattr(keys, "to_list") else keys
    column = Column("string", values=["" if key is None else str(key) for key in given])
    if len(column) != count:
        raise ConfigError(f"{len(column)} keys for {count} values; give one per value")
    return known.slots_of(column), known


def results_of(numbers: Any, rows: tuple[IntArray, SlotArray], keys: KeySlots, apart: Any) -> WindowResults:
    """Single records as a detector gets them: values, their moments and slots, and what is apart."""
    moments, slots = rows
    count = len(numbers)
    no, places = np.zeros(count, np.bool_), np.arange(count, dtype=np.int64)
    columns = {VALUE: Column("float", numbers=numbers)}
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
        apart=apart,
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
