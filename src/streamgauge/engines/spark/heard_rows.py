"""Windows that were judged on Spark, as results again: for the sinks that their monitors write to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from streamgauge.batch import NEVER, Aside, Column, ColumnKind, Partition
from streamgauge.engines.outgoing.spooling import Spool
from streamgauge.keys import KeySlots, key_from_plain
from streamgauge.pipeline import Lane
from streamgauge.plan import Group, Plan
from streamgauge.state import NoState
from streamgauge.windows.contract import Rows, WindowResults

_EVERY = 2**31

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HeardRows:
    """Rows of the monitors that executors judge, on their way to the spool.

    Attributes:
        plan: with the monitors.
        spool: where rows wait.
    """

    plan: Plan
    spool: Spool

    def take(self, monitor: str, kinds: Mapping[str, ColumnKind], lines: Sequence[Line]) -> None:
        """Windows of a monitor that writes, in the order in which they were told; of others nothing happens."""
        group = _group(self.plan, monitor)
        if group is None:
            return
        # A topic may still hold lines of a version that did not say which record was the last: they have no id.
        told = [line for line in lines if "partition" in line]
        for place in dict.fromkeys(line["partition"] for line in told):
            mine = [line for line in told if line["partition"] == place]
            lane, rows = _lane(group, Partition.parse(place))
            self.spool.results(lane, rows, _results(lane, kinds, mine), [monitor])


def _group(plan: Plan, monitor: str) -> Group | None:
    groups = (group for stream in plan.streams.values() for group in stream.every_group)
    return next((g for g in groups if any(m.name == monitor for m in g.monitors)), None)


def _lane(group: Group, partition: Partition) -> tuple[Lane, Rows]:
    keys = KeySlots(_EVERY)
    none, no = np.empty(0, np.int64), np.empty(0, np.int32)
    rows = Rows(keys, no, none, none, none, none, NEVER, {}, [partition], no)
    return Lane(group, partition, keys, NoState(), {}), rows


def _results(lane: Lane, kinds: Mapping[str, ColumnKind], lines: Sequence[Line]) -> WindowResults:
    n = len(lines)
    slots = lane.keys.slots([key_from_plain(line["key"]) for line in lines])
    at, starts, ends = (np.array([line["moments"][k] for line in lines], np.int64) for k in range(3))
    names = dict.fromkeys(name for line in lines for name in line["values"])
    columns = {name: _column(name, kinds, [line["values"].get(name) for line in lines]) for name in names}
    no, none = np.zeros(n, np.bool_), np.full(n, -1, np.int64)
    return WindowResults(
        lane.keys, slots, starts, ends, at, np.array([line["offset"] for line in lines], np.int64), no,
        np.array([line["partial"] for line in lines], np.bool_), columns, columns, np.zeros(n, np.int64), NEVER, none,
    )  # fmt: skip


def _column(name: str, kinds: Mapping[str, ColumnKind], values: list[Any]) -> Column:
    """What no ``compute`` names stands beside something."""
    return Column(kinds[name], values=values) if name in kinds else Aside("float", values=values)
