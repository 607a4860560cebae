"""The demo on a terminal: gauges, what was planted, what was told. Always as many lines, so that nothing jumps."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from streamgauge.clock import SECOND
from streamgauge.demo.matching import WRONG, Outcome, Row

if TYPE_CHECKING:
    from streamgauge.demo.hearing import Line
    from streamgauge.demo.stage import Stage

WIDTH = 78
LINES = 6
"""Notices shown, the newest last."""

REFRESH = 5
"""Pictures per second; the engine makes a new one twice a second."""

SPAN = 40
"""Points of the rate's line, half a second each."""

_BARS = "▁▂▃▄▅▆▇█"
_QUIET, _FRAME, _GOOD, _BAD, _WAIT = "bright_black", "cyan", "green", "red", "yellow"


class LiveView:
    """Shows ``stage`` until stopped; the terminal is as before then."""

    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._spinner = Spinner("dots", style=_FRAME)
        self._rates: deque[float] = deque(maxlen=SPAN)
        self._pictured_at = 0
        self._live = Live(
            console=console,
            get_renderable=self.picture,
            refresh_per_second=REFRESH,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def start(self) -> None:
        """Begin to show."""
        self._live.start()

    def stop(self) -> None:
        """Take it away."""
        self._live.stop()

    def picture(self) -> RenderableType:
        """The whole of it, now."""
        return Group(
            self._head(),
            Text(),
            *self._gauges(),
            Text(),
            self._faults(),
            Text(),
            *self._lines(),
            Text(),
            self._foot(),
        )

    def _head(self) -> RenderableType:
        grid = _grid(24, 30, 24)
        grid.add_row(Text("streamgauge demo", style="bold"), self._progress(), self._phase())
        return grid

    def _passed(self) -> float | None:
        """Seconds since the stream began."""
        start = self._stage.start
        return None if start is None else (self._stage.clock.now() - start) / SECOND

    def _progress(self) -> RenderableType:
        passed = self._passed()
        if passed is None:
            return Text()
        total = self._stage.play.seconds
        return ProgressBar(
            total, min(passed, total), width=30, style="grey23", complete_style=_FRAME, finished_style=_FRAME
        )

    def _phase(self) -> RenderableType:
        passed, total = self._passed(), self._stage.play.seconds
        if passed is None:
            return Text()
        words = "ending" if self._stage.is_complete else f"{min(passed, total):.0f} s of {total:.0f} s"
        return Text(words, style=_QUIET, justify="right")

    def _gauges(self) -> list[RenderableType]:
        stage = self._stage
        stream = stage.stream
        if stage.start is None or stream is None:
            waited = stage.clock.monotonic() - stage.began_at
            what = stage.status.starting or "the engine is being made"
            self._spinner.update(text=Text.assemble(f"{what} … ", (f"{waited:.0f} s", _QUIET)))
            note = Text("  the stream begins when all is ready; kernels are kept for the next time", _QUIET)
            return [self._spinner, note, Text(), Text()]
        if stage.status.at != self._pictured_at:
            self._pictured_at = stage.status.at
            self._rates.append(stream.rate)
        monitors = stage.status.monitors.values()
        delay = "–" if stream.delay is None else f"{stream.delay:.1f} s behind"
        rows = [
            ("records/s", f"{stream.rate:,.0f}", self._spark()),
            ("watermark", delay, _pair("records", f"{stream.records:,}")),
            (
                "windows",
                f"{sum(m.open_windows for m in monitors):,} open",
                _pair("unreadable", f"{stream.dead_letters:,}"),
            ),
            ("keys", f"{sum(m.keys for m in monitors):,}", _pair("too late", f"{stream.late:,}")),
        ]
        grid = _grid(11, 16, WIDTH - 27)
        for name, value, rest in rows:
            grid.add_row(Text(name, style=_QUIET), Text(value), rest)
        return [grid]

    def _spark(self) -> Text:
        top = max(self._stage.play.rate * 1.3, *self._rates, 1.0)
        bars = (_BARS[round(rate / top * (len(_BARS) - 1))] for rate in self._rates)
        return Text("".join(bars), style=_FRAME)

    def _faults(self) -> RenderableType:
        table = _grid(2, 11, 9, 12, 12, 13, 9, 10)
        names = ("", "planted", "key", "", "found by", "after planting", "delay", "")
        table.add_row(*(Text(name, style=_QUIET) for name in names))
        rows = self._stage.rows()
        for row in rows:
            if row.fault is not None and row.outcome is not Outcome.TWICE:
                table.add_row(*self._row(row))
        for _ in range(5 - len(rows)):
            table.add_row("")
        return table

    def _row(self, row: Row) -> Iterable[RenderableType]:
        fault, told = row.fault, row.told
        assert fault is not None
        age = (self._stage.clock.now() - fault.start) / SECOND
        if age < 0:
            when = Text(f"in {-age:.0f} s", style=_QUIET)
            return Text("·", _QUIET), Text(fault.what, _QUIET), Text(fault.key or "", _QUIET), when
        if told is None:
            when = Text(f"{age:.1f} s ago", style=_WAIT)
            return Text("●", _WAIT), Text(fault.what), Text(fault.key or ""), when
        began = self._stage.start or 0
        return (
            Text("✓", _GOOD),
            Text(fault.what),
            Text(fault.key or ""),
            Text(f"at {(fault.start - began) / SECOND:.1f} s", style=_QUIET),
            Text(told.monitor),
            Text(f"{row.after_planting:.2f} s"),
            Text(f"{told.delay:.2f} s", style=_GOOD),
            Text("resolved", _GOOD) if told.resolved_at is not None else Text("firing", _BAD),
        )

    def _lines(self) -> list[RenderableType]:
        wrong = [row for row in self._stage.rows() if row.outcome in WRONG]
        lines = [_line(line, self._stage.start or 0) for line in self._stage.hearing.lines[-LINES:]]
        if wrong:
            lines = [*lines[-LINES + 1 :], Text(f"{len(wrong)} told that nobody planted", style=_BAD)]
        return [*lines, *(Text() for _ in range(LINES - len(lines)))]

    def _foot(self) -> RenderableType:
        text = Text(style=_QUIET, no_wrap=True)
        if self._stage.port is not None:
            text.append(f"http://127.0.0.1:{self._stage.port}/metrics  /api/v1/incidents  /api/v1/monitors")
        text.append("   Ctrl-C ends")
        return text


def _grid(*widths: int) -> Table:
    grid = Table.grid(padding=0)
    for width in widths:
        grid.add_column(width=width, no_wrap=True, overflow="ellipsis")
    return grid


def _pair(name: str, value: str) -> Text:
    return Text.assemble((f"{name:<12}", _QUIET), value)


def _line(line: Line, began: int) -> Text:
    resolved = line.status == "resolved"
    word, style = ("RESOLVED", _GOOD) if resolved else (line.severity.upper(), _BAD)
    passed = (line.arrived_at - began) / SECOND
    text = Text.assemble((f"{passed:5.1f} s  ", _QUIET), (f"{word:<9} ", style), line.told.title)
    text.truncate(WIDTH, overflow="ellipsis")
    return text
