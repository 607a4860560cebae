"""Which field is the event time, how much out of order records come by it, and how long gaps are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

import numpy as np

from streamgauge.batch import IntArray, Partition
from streamgauge.clock import SECOND, to_micros
from streamgauge.errors import ConfigError
from streamgauge.formats.event_time import moment
from streamgauge.profiling.fields import TIME_NAMES, Field, Fields
from streamgauge.profiling.sample import Row, Sample

_MOST = 0.99
"""The share of records that must carry an event time."""
_STRAGGLERS = 10
"""Beyond so many times what 999 of 1,000 records need, the slowest are left to be late."""

SENSIBLE = tuple(
    timedelta(seconds=seconds)
    for seconds in (
        0,
        1,
        2,
        5,
        10,
        15,
        30,
        60,
        120,
        300,
        600,
        900,
        1800,
        3600,
        7200,
        10800,
        21600,
        43200,
        86400,
    )
)
"""Durations that people write."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How time shows in a sample.

    Attributes:
        field: the event time; None: the timestamp of the topic's records.
        times: event time in microseconds, by partition and offset; only of records that have one.
        disorder: the most that a record lay behind the newest one before it in its partition, microseconds.
        lateness: what to write.
        beyond: how many records lie further behind than that.
        others: fields that could be the event time too.
    """

    field: Field | None
    times: Mapping[tuple[Partition, int], int]
    disorder: int
    lateness: timedelta
    beyond: int
    others: tuple[str, ...] = ()

    @property
    def first(self) -> int:
        """The earliest event time."""
        return min(self.times.values())

    @property
    def last(self) -> int:
        """The latest event time."""
        return max(self.times.values())


def find(sample: Sample, fields: Fields, wanted: str | None = None) -> Timing:
    """The event time of a sample.

    Args:
        sample: the records.
        fields: what they hold.
        wanted: a field's name; None looks for one.

    Raises:
        ConfigError: there is no such field, or none is a moment and the source gives none.
    """
    candidates = _candidates(sample, fields)
    chosen = candidates[0] if candidates else None
    if wanted is not None:
        chosen = fields.get(wanted)
        if chosen is None or chosen.type != "timestamp":
            names = ", ".join(one.name for one in fields.found if one.type == "timestamp") or "none"
            raise ConfigError(f"{wanted!r} is no field with moments; of those there are: {names}")
    if chosen is None and not sample.of_topic:
        names = ", ".join(one.name for one in fields.found) or "none with values of one type"
        raise ConfigError(
            f"no field of {sample.name} is a moment that nearly every record carries, and files give none by "
            f"themselves (fields: {names}); windows of time need one: ISO 8601, or a number of s, ms, us or ns since 1970"
        )
    times = _times(sample.rows, chosen)
    behind = _behind(times)
    most = int(behind.max(initial=0))
    lateness = _lateness(behind, of_topic=sample.of_topic)
    others = tuple(one.name for one in candidates if one is not chosen)
    return Timing(chosen, times, most, lateness, int((behind > to_micros(lateness)).sum()), others)


def sensible(micros: float, *, least: timedelta = timedelta(0)) -> timedelta:
    """The shortest duration that people write and that covers ``micros``.

    >>> str(sensible(1_300_000)), str(sensible(59_000_000))
    ('0:00:02', '0:01:00')
    """
    fitting = (one for one in SENSIBLE if one >= least and to_micros(one) >= micros)
    return next(fitting, timedelta(days=-(-int(micros) // to_micros(timedelta(days=1)))))


def _candidates(sample: Sample, fields: Fields) -> list[Field]:
    """The likeliest first: by name, then by how near it is to the topic's own timestamps."""
    fitting = [one for one in fields.found if one.type == "timestamp" and one.filled >= _MOST]
    ranks = {name: rank for rank, name in enumerate(TIME_NAMES)}

    def order(one: Field) -> tuple[int, float]:
        apart = _apart(sample.rows, one) if sample.of_topic else 0.0
        return ranks.get(one.plain_name, len(ranks)), apart

    return sorted(fitting, key=order)


def _apart(rows: Sequence[Row], one: Field) -> float:
    times = _times(rows[:200], one)
    gaps = [
        abs(times[row.partition, row.offset] - row.stamp)
        for row in rows[:200]
        if (row.partition, row.offset) in times
    ]
    return median(gaps) if gaps else float("inf")


def _times(rows: Sequence[Row], chosen: Field | None) -> dict[tuple[Partition, int], int]:
    found = {}
    for row in rows:
        at = row.stamp if chosen is None else _micros(row, chosen)
        if at is not None:
            found[row.partition, row.offset] = at
    return found


def _micros(row: Row, chosen: Field) -> int | None:
    value = row.values.get(chosen.steps)
    if value is None:
        return None
    try:
        return moment(value.isoformat() if hasattr(value, "isoformat") else value, chosen.unit)
    except ValueError:
        return None


def _behind(times: Mapping[tuple[Partition, int], int]) -> IntArray:
    """How far each record lies behind the newest before it in its partition."""
    by_partition: dict[Partition, list[tuple[int, int]]] = {}
    for (partition, offset), at in times.items():
        by_partition.setdefault(partition, []).append((offset, at))
    parts = []
    for pairs in by_partition.values():
        column = np.array([at for _, at in sorted(pairs)], np.int64)
        parts.append(np.maximum.accumulate(column) - column)
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _lateness(behind: IntArray, *, of_topic: bool) -> timedelta:
    if not behind.any():
        return timedelta(seconds=1 if of_topic else 0)
    usual = float(np.quantile(behind, 0.999))
    most = float(behind.max())
    return sensible(most if most <= max(_STRAGGLERS * usual, SECOND) else usual)
