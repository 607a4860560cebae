"""Predictions and labels from tables through the detectors of model quality, once for all and once per window.

The detectors join by id and measure, exactly as in a stream: a label counts whenever it came, the last one of several,
and of a prediction that comes again the first one. What a stream bounds is unbounded here: ``label_wait`` and
``max_waiting`` are as large as the tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from streamgauge.batch import NEVER, Column, ColumnKind, IntArray, SlotArray
from streamgauge.clock import iso, to_micros
from streamgauge.detectors import classification, regression
from streamgauge.detectors.contract import Context
from streamgauge.detectors.joined import Joined, JoinedConfig
from streamgauge.errors import ConfigError
from streamgauge.keys import KeySlots, key_label
from streamgauge.settings import nearest
from streamgauge.state import State
from streamgauge.verdict import Verdict
from streamgauge.windows.contract import WindowResults

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["classification", "regression"]
WHOLE = 1_000_000
"""The size of the only window that there is where none are asked for; all moments are 0 then."""
FOREVER = timedelta(days=36_500)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be measured.

    Attributes:
        kind: which detector measures.
        id, prediction, label: columns.
        by: columns whose values are measured each for itself too.
        settings: further keys of the detector: ``threshold``, ``positive``, ``min_labels``, ``when``.
        window: how long the windows of prediction time are; None: all is measured as one.
    """

    kind: Kind
    id: str
    prediction: str
    label: str
    by: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    window: timedelta | None = None

    @property
    def passes(self) -> list[str]:
        """Each kind of rows, for which the whole table is gone through once."""
        wanted = {"overall": True, "key": bool(self.by), "window": self.window is not None}
        return [name for name, is_wanted in wanted.items() if is_wanted]


def evaluated(
    predictions: pl.DataFrame,
    labels: pl.DataFrame | None,
    asked: Asked,
    begins: Callable[[str], None] = lambda _name: None,
) -> list[dict[str, Any]]:
    """One row for all, one per value of ``by``, one per window.

    Args:
        predictions: records with an id and a prediction, their moments (int64 microseconds) as ``at`` where windows
            are asked for; labels may stand in them.
        labels: records with an id and a label, later ones below earlier ones.
        asked: what to measure.
        begins: told the name of each of :attr:`Asked.passes` when it begins.

    Returns:
        Rows with ``kind`` (``overall``, ``key``, ``window``), ``key``, ``window_start``, ``window_end``, ``severity``,
        the counts and the measures; what cannot be said is missing.

    Raises:
        ConfigError: a column is missing or of a kind that cannot be measured, or there is no prediction at all.
        ExpressionError: the condition does not fit the measures.
    """
    table = _together(predictions, labels, asked)
    zeros = np.zeros(len(table), np.int64)
    rows: list[dict[str, Any]] = []
    for name in asked.passes:
        begins(name)
        at = _moments(table) if name == "window" else zeros
        rows += _rows(name, table, at, () if name == "overall" else asked.by, asked)
    if not rows:
        raise ConfigError(
            f"there are no predictions: `{asked.prediction}` is missing in all that was read, or none was made in the span that "
            "is asked for (`--from`, `--until`)"
        )
    return rows


def _together(predictions: pl.DataFrame, labels: pl.DataFrame | None, asked: Asked) -> pl.DataFrame:
    """Both as one table of records, as they would come in one stream."""
    import polars as pl

    wanted = [asked.id, asked.prediction, *asked.by]
    for name in wanted if labels is not None else [*wanted, asked.label]:
        _there(name, predictions, "the predictions")
    own = [name for name in dict.fromkeys([*wanted, asked.label, "at"]) if name in predictions.columns]
    text = pl.col(asked.id).cast(pl.String)
    table = predictions.select(own).with_columns(text)
    if labels is None:
        return table
    for name in (asked.id, asked.label):
        _there(name, labels, "the labels")
    brought = labels.select(text, pl.col(asked.label))
    if asked.label in table.columns:
        table = table.drop(asked.label)
    return pl.concat([table, brought], how="diagonal_relaxed")


def _there(name: str, frame: pl.DataFrame, whose: str) -> None:
    if name not in frame.columns:
        raise ConfigError(f"{whose} have no column `{name}`; {nearest(name, frame.columns)}")


def _moments(table: pl.DataFrame) -> IntArray:
    if "at" not in table.columns:
        raise ConfigError("windows are cut by the time of the prediction; name its column with `--time NAME`")
    return table["at"].fill_null(0).to_numpy().astype(np.int64)


def _rows(
    kind: str, table: pl.DataFrame, at: IntArray, by: tuple[str, ...], asked: Asked
) -> Iterator[dict[str, Any]]:
    """What the detector says of each window, in the order of window and key."""
    size = timedelta(microseconds=WHOLE) if kind != "window" else cast("timedelta", asked.window)
    for verdict in _judged(table, at, by, asked, size):
        in_window = kind == "window"
        measured = {**verdict.observed, **verdict.evidence}
        yield {
            "kind": kind,
            "key": key_label(verdict.key) if by else None,
            "window_start": iso(verdict.window_start) if in_window else None,
            "window_end": iso(verdict.window_end) if in_window else None,
            "severity": verdict.severity.label,
            **{name: value for name, value in measured.items() if value is not None and name != "revision"},
        }


def _judged(
    table: pl.DataFrame, at: IntArray, by: tuple[str, ...], asked: Asked, size: timedelta
) -> Iterator[Verdict]:
    detector, state, keys = joined(table, at, by, asked, size)
    last = int(at.max(initial=0)) + 2 * to_micros(size)
    told = detector.step(state, _results(keys, np.zeros(0, np.int32), at[:0], {}, last))
    return told.all_rows()


def joined(
    table: pl.DataFrame, at: IntArray, by: tuple[str, ...], asked: Asked, size: timedelta
) -> tuple[Joined, State, KeySlots]:
    """The detector with all records of ``table`` taken in and nothing told yet, its state, and the keys.

    Args:
        table: the columns that are ``asked`` for, predictions and labels as they would come in one stream.
        at: int64[n] microseconds, when each record was.
        by: columns whose values are measured each for itself.
        asked: what to measure.
        size: of the windows.

    Raises:
        ConfigError: a column is of a kind that cannot be measured.
        ExpressionError: the condition does not fit the measures.
    """
    module: Any = {"classification": classification, "regression": regression}[asked.kind]
    config: JoinedConfig = module.Config.model_validate({
        "type": asked.kind, "id": asked.id, "prediction": asked.prediction, "label": asked.label, "by": by,
        "size": size, "label_wait": FOREVER, "max_waiting": max(len(table), 1), **asked.settings,
    })  # fmt: skip
    if asked.kind == "classification":
        _are_classes(table[asked.label])
    columns = {name: _column(table[name]) for name in (asked.id, asked.prediction, asked.label, *by)}
    kinds = {name: column.kind for name, column in columns.items()}
    detector: Joined = module.build(config, Context("evaluate", kinds, windowed=False))
    keys, slots = _keys(columns, by, len(table))
    state = detector.initial()
    detector.step(state, _results(keys, slots, at, columns))
    return detector, state, keys


def _are_classes(labels: pl.Series) -> None:
    """Numbers other than 0 and 1 are no classes: as one they would all mean yes, and the measures say nothing."""
    if not labels.dtype.is_numeric():
        return
    numbers = labels.cast(float)
    odd = numbers.filter((numbers != 0) & (numbers != 1) & numbers.is_not_nan())
    if len(odd):
        raise ConfigError(
            f"`{labels.name}` holds {odd[0]:g}; classes are 0 and 1, true and false, or texts; of predicted numbers measure a "
            "regression (`--kind regression`)"
        )


def _column(series: pl.Series) -> Column:
    import polars as pl

    kind: ColumnKind = "float"
    if series.dtype in (pl.String, pl.Categorical):
        kind, series = "string", series.cast(pl.String)
    elif series.dtype == pl.Boolean:
        kind = "bool"
    elif series.dtype.is_integer():
        kind = "int"
    elif not series.dtype.is_numeric() and series.dtype != pl.Null:
        raise ConfigError(f"`{series.name}` holds {series.dtype}; expected numbers, texts, or true and false")
    return Column(kind, series=series)


def _keys(columns: Mapping[str, Column], by: Sequence[str], count: int) -> tuple[KeySlots, SlotArray]:
    """The slots of the records; those of labels do not count, since a label belongs where its prediction is."""
    keys = KeySlots(max(count, 1) + 1)
    if not by:
        return keys, keys.whole(count)
    plain = [Column("string", values=_texts(columns[name])) for name in by]
    return keys, keys.slots_by(plain)


def _texts(column: Column) -> list[str]:
    return ["" if value is None else str(value) for value in column.values()]


def _results(
    keys: KeySlots, slots: SlotArray, at: IntArray, columns: Mapping[str, Column], watermark: int = NEVER
) -> WindowResults:
    """Records as a detector gets them, between which no time passes: nothing is told before all is known."""
    count = len(slots)
    no, places = np.zeros(count, np.bool_), np.arange(count, dtype=np.int64)
    marks = np.append(np.full(count + 1, NEVER, np.int64), watermark)
    return WindowResults(
        keys, slots, at, at, at, places, no, no, columns, columns, places + 1, watermark, places, marks=marks
    )
