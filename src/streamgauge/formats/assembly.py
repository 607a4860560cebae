"""From decoded rows to a batch: which records of a slice are good, why the others are not, and when they were.

Both ways of decoding (messages, frames) end here, so they agree on event times and on the dead-letter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import numpy as np

from streamgauge.batch import BadRecord, Batch, BoolArray, Column, IntArray
from streamgauge.clock import format_duration, iso
from streamgauge.formats.contract import Layout
from streamgauge.formats.event_time import Moments
from streamgauge.formats.reasons import bad_record
from streamgauge.sources.contract import Slice


class Sieve:
    """The records of one slice, sorted into good and bad.

    *Positions* count records of the slice; *rows* count those that are still good, in order.
    """

    def __init__(self, piece: Slice, payload: Callable[[int], bytes | None]) -> None:
        """Start with what the source could not cut out.

        Args:
            piece: the slice.
            payload: the bytes of the record at a position, for the dead-letter.
        """
        self._piece = piece
        self._payload = payload
        self._bad: dict[int, str] = {at: reason for at, (reason, _) in piece.unreadable.items()}

    def drop(self, position: int, reason: str) -> None:
        """Send one record to the dead-letter."""
        self._bad[position] = reason

    def drop_rows(self, problems: Mapping[int, str]) -> BoolArray:
        """Send rows to the dead-letter; returns which of the rows so far stay."""
        positions = self.positions()
        for row, reason in problems.items():
            self._bad[int(positions[row])] = reason
        keep = np.ones(len(positions), np.bool_)
        keep[list(problems)] = False
        return keep

    def positions(self) -> IntArray:
        """int64[rows]: where the good records stand in the slice."""
        everything = np.arange(len(self._piece.offsets), dtype=np.int64)
        if not self._bad:
            return everything
        keep = np.ones(len(everything), np.bool_)
        keep[list(self._bad)] = False
        return everything[keep]

    def timestamps(self) -> IntArray:
        """int64[rows]: the source's timestamps of the good records."""
        stamps = self._piece.timestamps
        return stamps[self.positions()] if self._bad else stamps

    def batch(self, stream: str, times: IntArray, columns: Mapping[str, Column]) -> Batch:
        """The result: good rows as columns, bad ones with their reasons, both in offset order."""
        piece = self._piece
        offsets = piece.offsets[self.positions()] if self._bad else piece.offsets
        return Batch(
            stream,
            piece.partition,
            offsets,
            times,
            columns,
            piece.next_offset,
            tuple(self._dead_letter(position) for position in sorted(self._bad)),
        )

    def _dead_letter(self, position: int) -> BadRecord:
        piece = self._piece
        _, kept = piece.unreadable.get(position, ("", None))
        payload = kept if position in piece.unreadable else self._payload(position)
        return bad_record(
            piece.partition,
            int(piece.offsets[position]),
            self._bad[position],
            payload,
            int(piece.timestamps[position]),
        )


def time_problems(
    layout: Layout, moments: Mapping[str, Moments], sieve: Sieve, *, trusted: bool, now: int
) -> dict[int, str]:
    """Rows whose moments cannot be used: unreadable, missing where required, or too far ahead."""
    problems: dict[int, str] = {}
    for name, column in moments.items():
        required = layout.fields[name].required or name == layout.time
        if required and column.missing is not None:
            gone = np.flatnonzero(column.missing).tolist()
            problems.update((row, f"{name} is missing, and every record must carry it") for row in gone)
        problems.update((row, f"{name}: {reason}") for row, reason in column.problems.items())
    times = sieve.timestamps() if layout.time is None else moments[layout.time].micros
    for row, reason in _too_far_ahead(layout, times, sieve.timestamps() if trusted else None, now).items():
        problems.setdefault(row, reason)
    return problems


def _too_far_ahead(layout: Layout, times: IntArray, stamps: IntArray | None, now: int) -> dict[int, str]:
    if not len(times):
        return {}
    measure, whose = (now, "the wall clock") if stamps is None else (stamps, "the broker's clock")
    ahead = times - measure
    if ahead.max() <= layout.max_ahead:
        return {}
    name = layout.time or "the record's timestamp"
    allowed = format_duration(timedelta(microseconds=layout.max_ahead))
    return {
        row: f"{name} {iso(int(times[row]))} lies {_seconds(ahead[row])} ahead of {whose}; "
        f"max_ahead allows {allowed}"
        for row in np.flatnonzero(ahead > layout.max_ahead).tolist()
    }


def _seconds(micros: int) -> str:
    return format_duration(timedelta(seconds=max(1, int(micros) // 1_000_000)))
