"""Which monitors of a configuration would go on with the state that a store holds, and which start new."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamgauge.batch import Partition
from streamgauge.engines.running.bundle import bundle_key
from streamgauge.monitor import Monitor
from streamgauge.plan import Group, Plan, StreamPlan

if TYPE_CHECKING:
    from streamgauge.stores.sql import SqlVisitor


_ANY = Partition("any")
"""The shape of an aligned state is the same for each partition."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """Whether a monitor keeps its state, and why or why not."""

    monitor: str
    keeps: bool
    why: str


def inherited(plan: Plan, look: SqlVisitor) -> list[Inherited]:
    """One answer per monitor, then one per monitor that the store knows and the configuration does not."""
    search = _Saved(look)
    found = [
        search.of(stream, group, monitor)
        for stream in plan.streams.values()
        for group in stream.groups
        for monitor in group.monitors
    ]
    gone = sorted(search.named - set(plan.monitors))
    return found + [
        Inherited(name, keeps=False, why="it is not in the file any more: its state is dropped")
        for name in gone
    ]


class _Saved:
    """The names of the tables that the store holds, by the state's name and shape."""

    def __init__(self, look: SqlVisitor) -> None:
        self._tables: dict[tuple[str, str], set[str]] = {}
        for key in look.states():
            state = look.load(key)
            if state is not None:
                self._tables.setdefault((key.name, key.shape), set()).update(state.tables)
        everything = set().union(*self._tables.values())
        self.named = {table.split("/")[1] for table in everything if table.startswith("detector/")}

    def of(self, stream: StreamPlan, group: Group, monitor: Monitor) -> Inherited:
        """What becomes of one monitor's state."""
        key = bundle_key(stream, group.by, None if group.kind != "aligned" else _ANY)
        tables = self._tables.get((key.name, key.shape))
        whose = f"{stream.name} by {', '.join(group.by)}" if group.by else stream.name
        if tables is None:
            return Inherited(monitor.name, keeps=False, why=f"nothing is saved of {whose}, {group.kind}")
        if f"window/{group.shape}/since" not in tables:
            return Inherited(
                monitor.name, keeps=False, why="it is new, or its stream, `where`, window or grouping changed"
            )
        prefix = f"detector/{monitor.name}/{monitor.shape}/"
        remembers = bool(monitor.detector.initial().tables())
        if remembers and not any(table.startswith(prefix) for table in tables):
            return Inherited(monitor.name, keeps=False, why="it is new, or its detector's settings changed")
        return Inherited(monitor.name, keeps=True, why="what shapes its state is the same")
