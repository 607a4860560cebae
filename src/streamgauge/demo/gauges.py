"""The numbers of a running demo: rate, watermark, windows, incidents, in four lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from streamgauge.clock import SECOND

if TYPE_CHECKING:
    from streamgauge.demo.stage import Stage

QUIET, COLOUR = "bright_black", "cyan"

POINTS = 48
"""Of the line of the rate, over the whole stream."""

_BARS = "▁▂▃▄▅▆▇█"


class Gauges:
    """Of one demo; remembers the rates it has shown."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._rates: dict[int, float] = {}
        self._pictured = (0, 0)

    def show(self, passed: float) -> list[RenderableType]:
        """All of them, ``passed`` seconds after the stream began."""
        stream, status = self._stage.stream, self._stage.status
        if stream is None:
            return [Text("\n" * 3)]
        monitors = list(status.monitors.values())
        windows, firing = sum(m.open_windows for m in monitors), sum(m.open_incidents for m in monitors)
        delay = "–" if stream.delay is None else f"{stream.delay:.1f} s behind"
        table = (
            ("watermark", delay, "records", stream.records, "firing", firing),
            (
                "windows",
                f"{windows:,} open",
                "unreadable",
                stream.dead_letters,
                "notices",
                len(self._stage.hearing.lines),
            ),
            ("keys", sum(m.keys for m in monitors), "too late", stream.late, "commits", status.commits),
        )
        grid = grid_of(11, 16, 12, 14, 10, 12)
        for line in table:
            cells = (cell if isinstance(cell, str) else f"{cell:,}" for cell in line)
            grid.add_row(*(Text(cell, style="" if n % 2 else QUIET) for n, cell in enumerate(cells)))
        self._note(passed, stream.records + stream.dead_letters)
        return [self._line(), grid]

    def _note(self, passed: float, records: int) -> None:
        """The rate between the engine's last two pictures."""
        now, (at, before) = self._stage.status.at, self._pictured
        if now <= at:
            return
        self._pictured = (now, records)
        if at:
            point = int(passed / self._stage.play.seconds * POINTS)
            self._rates[min(point, POINTS - 1)] = max(0, records - before) * SECOND / (now - at)

    def _line(self) -> RenderableType:
        rates = [self._rates[point] for point in sorted(self._rates)]
        top = max(self._stage.play.rate * 1.3, *rates) if rates else 1.0
        bars = "".join(_BARS[round(rate / top * (len(_BARS) - 1))] for rate in rates)
        grid = grid_of(11, 16, POINTS)
        newest = f"{rates[-1]:,.0f}" if rates else "–"
        grid.add_row(Text("records/s", style=QUIET), Text(newest), Text(bars, style=COLOUR))
        return grid


def grid_of(*widths: int) -> Table:
    """Columns of fixed widths, so that nothing moves."""
    grid = Table.grid(padding=0)
    for width in widths:
        grid.add_column(width=width, no_wrap=True, overflow="ellipsis")
    return grid
