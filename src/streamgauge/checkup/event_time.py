"""Can the newest records be read, and does their event time make sense: ahead, behind, out of order, in time?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from streamgauge.batch import Batch, IntArray
from streamgauge.checkup.contract import Finding, Grade, from_error
from streamgauge.checkup.patient import Patient, Records
from streamgauge.clock import SECOND, format_duration, to_micros
from streamgauge.errors import StreamgaugeError
from streamgauge.profiling.timing import sensible

if TYPE_CHECKING:
    from streamgauge.config.models import StreamConfig

READABLE = "records"
SANE = "event time"
_FEW = 0.01
"""A share of bad records that may happen."""
_LATE = 0.001
"""A share of late records that may happen."""
_HOUR = 3600 * SECOND
_NEAR = 120 * SECOND
"""How near to whole hours a difference must be to look like a time zone."""
_AHEAD = 5 * SECOND


def examine(patient: Patient) -> Iterator[Finding]:
    """For each stream whose records can be looked at."""
    for name, stream in patient.watched():
        live = name in patient.kafka
        if not live and stream.source.type != "files":
            continue
        about = f"streams.{name}"
        try:
            records = patient.records(name)
        except StreamgaugeError as error:
            yield from_error(READABLE, about, error)
            continue
        if not records.slices:
            yield Finding(READABLE, about, Grade.UNKNOWN, "there are no records to look at yet")
            continue
        yield from _read(records, about)
        yield from _times(patient, stream, records, about, live=live)


def _read(records: Records, about: str) -> Iterator[Finding]:
    bad = [letter.reason for batch in records.batches for letter in batch.bad]
    good = sum(len(batch) for batch in records.batches)
    total = good + len(bad)
    if not bad or len(bad) <= _FEW * total:
        said = f"{good:,} of {total:,}" if bad else f"all {good:,}"
        yield Finding(READABLE, about, Grade.FINE, f"{said} records looked at can be read")
        return
    reasons = Counter(_without_values(reason) for reason in bad)
    example = next(reason for reason in bad if _without_values(reason) == reasons.most_common(1)[0][0])
    yield Finding(
        READABLE, about, Grade.WRONG if len(bad) > total / 2 else Grade.WARNING,
        f"{len(bad):,} of {total:,} records looked at cannot be read; mostly: {example}",
        "correct `fields:`, `time:` or `format:` (`streamgauge init` guesses them), or the producer",
    )  # fmt: skip


def _without_values(reason: str) -> str:
    """Reasons of one kind are one, whatever value and moment they name."""
    return reason.partition(", got ")[0].partition(" 20")[0]


def _times(
    patient: Patient, stream: StreamConfig, records: Records, about: str, *, live: bool
) -> Iterator[Finding]:
    batches = [batch for batch in records.batches if len(batch)]
    if not batches:
        return
    newest = max(int(batch.times.max()) for batch in batches)
    ahead = newest - patient.clock.now()
    if ahead > _AHEAD:
        yield Finding(
            SANE, about, Grade.WARNING, f"the newest event time lies {_span(ahead)} ahead of this clock{_zone(ahead)}",
            "let producers write UTC or a zone, and set `unit:` where moments are numbers; then compare clocks",
        )  # fmt: skip
    elif live and (behind := _behind(records)) > _HOUR - _NEAR:
        yield Finding(
            SANE, about, Grade.WARNING,
            f"event times lie {_span(behind)} behind the moment at which the records were written{_zone(behind)}",
            "check the field named by `time:`, its zone and its `unit:`; fine if the producer repeats old records",
        )  # fmt: skip
    else:
        yield from _order(stream, batches, about)
    yield from _arrival(stream, records, about)


def _order(stream: StreamConfig, batches: Sequence[Batch], about: str) -> Iterator[Finding]:
    behind = np.concatenate([_disorder(batch) for batch in _by_partition(batches)])
    beyond = int((behind > to_micros(stream.lateness)).sum())
    written = format_duration(stream.lateness)
    if beyond > _LATE * len(behind):
        wanted = format_duration(sensible(float(behind.max())))
        yield Finding(
            SANE, about, Grade.WARNING,
            f"{beyond:,} of {len(behind):,} records lie further out of order than `lateness: {written}` allows, "
            f"the worst by {_span(int(behind.max()))}",
            f"write `lateness: {wanted}`, or accept that such records may come too late for their window",
        )  # fmt: skip
        return
    yield Finding(
        SANE,
        about,
        Grade.FINE,
        f"sane; at most {_span(int(behind.max()))} out of order, lateness is {written}",
    )


def _arrival(stream: StreamConfig, records: Records, about: str) -> Iterator[Finding]:
    """Where brokers stamp records: does time pass without records before these have arrived?"""
    delays = _delays(records)
    if stream.time is None or not len(delays) or not all(piece.trusted for piece in records.slices):
        return
    usual = float(np.quantile(delays, 0.99))
    waits = to_micros(stream.lateness) + to_micros(stream.deadline)
    if usual > waits:
        wanted = format_duration(sensible(usual - to_micros(stream.lateness)))
        yield Finding(
            SANE, about, Grade.WARNING,
            f"records arrive up to {_span(int(usual))} after their event time, but a quiet partition's time goes on after "
            f"{format_duration(stream.deadline + stream.lateness)} (`deadline` + `lateness`): they may come too late",
            f"write `deadline: {wanted}`, or let the producer send sooner (linger.ms)",
        )  # fmt: skip


def _delays(records: Records) -> IntArray:
    """From event time to the source's stamp, of the records that can be read."""
    parts = []
    for piece, batch in zip(records.slices, records.batches, strict=True):
        rows = np.searchsorted(piece.offsets, batch.offsets)
        parts.append(piece.timestamps[rows] - batch.times)
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _behind(records: Records) -> int:
    delays = _delays(records)
    return int(np.median(delays)) if len(delays) else 0


def _by_partition(batches: Sequence[Batch]) -> Iterator[IntArray]:
    partitions = sorted({batch.partition for batch in batches})
    for partition in partitions:
        yield np.concatenate([batch.times for batch in batches if batch.partition == partition])


def _disorder(times: IntArray) -> IntArray:
    return np.maximum.accumulate(times) - times


def _span(micros: int) -> str:
    rounded = round(micros / SECOND) if micros >= 10 * SECOND else round(micros / SECOND, 1)
    return format_duration(timedelta(seconds=rounded))


def _zone(micros: int) -> str:
    hours = round(micros / _HOUR)
    near = hours > 0 and abs(micros - hours * _HOUR) < _NEAR and hours <= 14
    return f", which is {hours} whole hour{'s' if hours > 1 else ''}: a time zone?" if near else ""
