"""Short ways to say "these messages, these fields" in the tests of formats."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from streamgauge.batch import Batch, Partition
from streamgauge.formats import json
from streamgauge.formats.contract import FieldSpec, Layout
from streamgauge.sources.contract import Slice

NOW = 1_795_341_600_000_000
"""2026-11-22 10:00 UTC."""
HERE = Partition("p", 3)


def piece_of(payloads: Sequence[bytes | None], *, first: int = 0, stamp: int = NOW, **more: Any) -> Slice:
    """A slice of messages with offsets from ``first`` on."""
    count = len(payloads)
    offsets = np.arange(first, first + count, dtype=np.int64)
    return Slice(HERE, offsets, np.full(count, stamp, np.int64), first + count, payloads, **more)


def frame_piece(frame: pl.DataFrame, **more: Any) -> Slice:
    """A slice with the rows of ``frame``."""
    count = frame.height
    return Slice(HERE, np.arange(count), np.full(count, NOW, np.int64), count, frame=frame, **more)


def layout(*fields: FieldSpec, time: str | None = None) -> Layout:
    """A layout of these fields."""
    return Layout("s", {spec.name: spec for spec in fields}, time)


def decode(
    payloads: Sequence[bytes | None], *fields: FieldSpec, time: str | None = None, **options: Any
) -> Batch:
    """Messages to a batch; ``options`` are the format's."""
    decoder = json.open_format(json.Config(**options), layout(*fields, time=time))
    return decoder.decode(piece_of(payloads), NOW)


def rows_of(batch: Batch) -> list[tuple[Any, ...]]:
    """Offset, time and every field of each good record, in plain Python."""
    columns = [column.values() for column in batch.columns.values()]
    return list(zip(batch.offsets.tolist(), batch.times.tolist(), *columns, strict=True))


def reasons(batch: Batch) -> list[str]:
    """Why each bad record is bad."""
    return [bad.reason for bad in batch.bad]
