"""What the rows of a monitor hold: for sinks, and for monitors that watch another monitor's rows."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from streamgauge.batch import ColumnKind, FieldKind

if TYPE_CHECKING:
    from streamgauge.config.models import Config, MonitorConfig

BOUNDS: Mapping[str, ColumnKind] = MappingProxyType({"window_start": "timestamp", "window_end": "timestamp"})
"""What each row ends with."""


def readable(kinds: Mapping[str, ColumnKind]) -> dict[str, FieldKind]:
    """Those columns that a record may hold: lists, maps and sketches are none."""
    plain: tuple[FieldKind, ...] = ("string", "int", "float", "bool", "timestamp")
    return {name: known for name, kind in kinds.items() for known in plain if known == kind}


def row_kinds(config: Config, monitor: MonitorConfig) -> dict[str, ColumnKind]:
    """The columns of a monitor's rows: what it groups by, what it computes, and the window's bounds.

    Raises:
        KeyError: its stream is not there.
        ExpressionError: a value cannot be computed.
    """
    from streamgauge.expressions import parse_aggregate

    kinds = config.kinds_of(monitor.stream)
    window = monitor.window
    if window is None:
        return {}
    computed = {name: parse_aggregate(text, kinds).kind for name, text in window.compute.items()}
    return {**{name: kinds[name] for name in window.by}, **computed, **BOUNDS}
