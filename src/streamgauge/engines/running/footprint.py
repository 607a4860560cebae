"""How much a monitor remembers per key, measured: its window and detector take one record of each of many keys."""

from __future__ import annotations

import numpy as np

from streamgauge.batch import NEVER, Column, FieldKind, Partition
from streamgauge.keys import KeySlots
from streamgauge.monitor import Monitor
from streamgauge.plan import Group, StreamPlan
from streamgauge.state import State
from streamgauge.windows.contract import Rows

KEYS = 1024
"""Enough that what is allocated in powers of two comes out even."""

_VALUES: dict[FieldKind, object] = {"string": "abc", "int": 1, "float": 1.0, "bool": True, "timestamp": 1}


def bytes_per_key(stream: StreamPlan, group: Group, monitor: Monitor) -> int:
    """Bytes of saved state for one key with one record: what is held of it in memory, too.

    Keys themselves are not in it; monitors of one grouping share them.
    """
    rows = _rows(stream)
    window, detector = group.window.initial(), monitor.detector.initial()
    results = group.window.step(window, rows)
    monitor.detector.step(detector, results)
    return round((_size(window) + _size(detector)) / KEYS)


def _rows(stream: StreamPlan) -> Rows:
    """One record of each key, all at one moment, far from any watermark."""
    keys = KeySlots()
    slots = keys.slots([f"k{number}" for number in range(KEYS)])
    columns = {
        name: Column(spec.kind, values=[_VALUES[spec.kind]] * KEYS)
        for name, spec in stream.layout.fields.items()
    }
    never, numbers = np.full(KEYS, NEVER, np.int64), np.arange(KEYS, dtype=np.int64)
    return Rows(
        keys, slots, np.zeros(KEYS, np.int64), numbers, never, never, NEVER, columns, [Partition("measure")],
        np.zeros(KEYS, np.int32),
    )  # fmt: skip


def _size(state: State) -> int:
    columns = [column for table in state.tables().values() for column in table.values()]
    packed = [value for column in columns if column.dtype == object for value in column if value is not None]
    return sum(column.nbytes for column in columns) + sum(map(len, packed))
