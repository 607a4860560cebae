"""The demo as plain lines, one per event: for logs, pipes and CI."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TextIO

from streamgauge.channels.wording import number_of, printable
from streamgauge.clock import SECOND

if TYPE_CHECKING:
    from streamgauge.demo.hearing import Line
    from streamgauge.demo.stage import Stage

EVERY = 5.0
"""Seconds between progress lines."""

_LOOK = 0.1


class PlainView:
    """Writes about ``stage`` to ``out`` until stopped."""

    def __init__(self, stage: Stage, out: TextIO) -> None:
        self._stage = stage
        self._out = out
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="demo view", daemon=True)
        self._starting: str | None = None
        self._has_begun = False
        self._told = 0
        self._next = EVERY

    def start(self) -> None:
        """Begin to write."""
        self._say(f"metrics and API: http://127.0.0.1:{self._stage.port}/metrics, …/api/v1/incidents")
        self._thread.start()

    def stop(self) -> None:
        """Write what is left, and end."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(_LOOK):
            self._look()
        self._look()

    def _look(self) -> None:
        start = self._stage.start
        if start is None:
            self._say_what_it_waits_for()
            return
        if not self._has_begun:
            self._has_begun = True
            play = self._stage.play
            self._say(
                f"ready after {self._stage.ready_after:.1f} s; {play.records:,} payments begin, {play.rate:g} a second"
            )
        rows = self._stage.rows()
        planted = {row.told.incident: row.after_planting for row in rows if row.told is not None}
        for line in self._stage.hearing.lines[self._told :]:
            self._told += 1
            self._say(_line(line, start, planted.get(line.told.incident)))
        passed = (self._stage.clock.now() - start) / SECOND
        if passed >= self._next:
            self._next += EVERY
            self._progress(passed)

    def _say_what_it_waits_for(self) -> None:
        starting = self._stage.status.starting
        if starting is not None and starting != self._starting:
            self._starting = starting
            self._say(f"{starting} …")

    def _progress(self, passed: float) -> None:
        stream = self._stage.stream
        if stream is None or self._stage.is_complete:
            return
        monitors = self._stage.status.monitors.values()
        self._say(
            f"{passed:5.1f} s  {stream.records:,} records, {stream.rate:,.0f}/s; watermark "
            f"{stream.delay or 0.0:.1f} s behind; {sum(m.open_windows for m in monitors):,} windows open; "
            f"{number_of(sum(m.open_incidents for m in monitors), 'incident')} firing"
        )

    def _say(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def _line(line: Line, start: int, after_planting: float | None) -> str:
    word = "RESOLVED" if line.status == "resolved" else line.severity.upper()
    passed = (line.arrived_at - start) / SECOND
    since = ""
    if line.status != "resolved":
        since = (
            f" ({after_planting:.2f} s after it was planted)"
            if after_planting is not None
            else " (NOT PLANTED)"
        )
    return f"{passed:5.1f} s  {word:<8}  {printable(line.told.title)}{since}"
