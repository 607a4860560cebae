"""The demo on a terminal: gauges, what was planted, what was told. Always as many lines, so that nothing jumps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.text import Text

from streamgauge.channels.wording import printable
from streamgauge.clock import SECOND
from streamgauge.demo.gauges import COLOUR, QUIET, Gauges, grid_of
from streamgauge.demo.matching import WRONG, Outcome, Row

if TYPE_CHECKING:
    from streamgauge.demo.hearing import Line
    from streamgauge.demo.stage import Stage

WIDTH = 76
"""Room is left at the right for the ^C that a terminal echoes: a line that wraps would stay behind."""

LINES = 6
"""Notices shown, the newest last; fewer where the terminal is low."""

REST = 17
"""Lines of everything else."""

REFRESH = 5
"""Pictures per second; the engine makes a new one twice a second."""

INTRODUCTION = """\
Card payments are invented, and five faults are planted in them. Five rules
watch; what they find goes through the store to a webhook, by HTTP."""

_GOOD, _BAD, _WAIT = "green", "red", "yellow"


class LiveView:
    """Shows ``stage`` until stopped; the terminal is as before then."""

    def __init__(self, stage: Stage, console: Console) -> None:
        self._stage = stage
        self._room = min(LINES, max(0, console.height - REST))
        self._spinner = Spinner("dots", style=COLOUR)
        self._gauges = Gauges(stage)
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
        whole = Group(
            self._head(),
            Text(),
            *self._top(),
            Text(),
            self._faults(),
            Text(),
            *self._lines(),
            Text(),
            self._foot(),
        )
        return Padding(whole, (0, 0, 0, 1), expand=False)

    def _head(self) -> RenderableType:
        grid = grid_of(24, 30, WIDTH - 54)
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
            total, min(passed, total), width=30, style="grey23", complete_style=COLOUR, finished_style=COLOUR
        )

    def _phase(self) -> RenderableType:
        passed, total = self._passed(), self._stage.play.seconds
        if passed is None:
            return Text()
        words = "ending" if self._stage.is_complete else f"{min(passed, total):.0f} s of {total:.0f} s"
        return Text(words, style=QUIET, justify="right")

    def _top(self) -> list[RenderableType]:
        """Four lines: the gauges, or what readiness waits for."""
        stage = self._stage
        if stage.start is not None and stage.stream is not None:
            return self._gauges.show(self._passed() or 0.0)
        waited = stage.clock.monotonic() - stage.began_at
        what = stage.status.starting or "the engine is being made"
        self._spinner.update(text=Text.assemble(f"{what} … ", (f"{waited:.0f} s", QUIET)))
        note = Text("  the stream begins when all is ready; kernels are kept for the next time", QUIET)
        return [self._spinner, note, Text("\n")]

    def _faults(self) -> RenderableType:
        if self._stage.start is None:
            return Text(INTRODUCTION + "\n" * 4, style=QUIET)
        table = grid_of(2, 11, 8, 11, 12, 15, 9, 8)
        names = ("", "planted", "key", "", "found by", "since planting", "delay", "")
        table.add_row(*(Text(name, style=QUIET) for name in names))
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
            when = Text(f"in {-age:.0f} s", style=QUIET)
            return Text("·", QUIET), Text(fault.what, QUIET), Text(fault.key or "", QUIET), when
        if told is None:
            when = Text(f"{age:.1f} s ago", style=_WAIT)
            return Text("●", _WAIT), Text(fault.what), Text(fault.key or ""), when
        began = self._stage.start or 0
        return (
            Text("✓", _GOOD),
            Text(fault.what),
            Text(fault.key or ""),
            Text(f"at {(fault.start - began) / SECOND:.1f} s", style=QUIET),
            Text(told.monitor),
            Text(f"{row.after_planting:.2f} s"),
            Text(f"{told.delay:.2f} s", style=_GOOD),
            Text("resolved", _GOOD) if told.resolved_at is not None else Text("firing", _BAD),
        )

    def _lines(self) -> list[RenderableType]:
        wrong = sum(row.outcome in WRONG for row in self._stage.rows())
        lines = [_line(line, self._stage.start or 0) for line in self._stage.hearing.lines[-LINES:]]
        if wrong:
            lines.append(Text(f"told of {wrong} that nobody planted", style=_BAD))
        lines = lines[max(0, len(lines) - self._room) :]
        return [*lines, *(Text() for _ in range(self._room - len(lines)))]

    def _foot(self) -> RenderableType:
        server = f"http://127.0.0.1:{self._stage.port}"
        return Text(f"{server}  /metrics  /api/v1/incidents       Ctrl-C ends", style=QUIET, no_wrap=True)


def _line(line: Line, began: int) -> Text:
    resolved = line.status == "resolved"
    word, style = ("RESOLVED", _GOOD) if resolved else (line.severity.upper(), _BAD)
    passed = (line.arrived_at - began) / SECOND
    title = printable(line.told.title.partition("; expected")[0])
    text = Text.assemble((f"{passed:4.1f} s  ", QUIET), (f"{word:<9} ", style), title)
    text.truncate(WIDTH, overflow="ellipsis")
    return text
