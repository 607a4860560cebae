"""What is left of a demo to look at: its pages, as they stood when the stream ended, until Ctrl-C."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from rich.console import Console

    from streamgauge.clock import Clock
    from streamgauge.config.models import Config
    from streamgauge.demo.stage import Stage
    from streamgauge.engines.reporting.status import EngineStatus, StatusBoard


class Still:
    """A picture that stays: of an engine that has ended in order, so its loop is not missed."""

    def __init__(self, board: StatusBoard) -> None:
        self.totals = board.totals
        self.gauges = board.gauges
        self._last = board.now

    @property
    def now(self) -> EngineStatus:
        """The last one."""
        return replace(self._last, turned_at=time.monotonic())


class EndClock:
    """The wall clock of the end; only what the server itself measures goes on."""

    def __init__(self, end: int) -> None:
        self._end = end

    def now(self) -> int:
        """Microseconds."""
        return self._end

    def monotonic(self) -> float:
        """Seconds."""
        return time.monotonic()


class Ended:
    """A process whose engine has ended."""

    engine = None

    def __init__(self, stage: Stage) -> None:
        board = stage.session.status
        self.config: Config = stage.session.config
        self.status: StatusBoard = cast("StatusBoard", Still(board))
        self.clock: Clock = EndClock(board.now.at)


def stay(stage: Stage, console: Console) -> None:
    """Serve the pages where they were; returns at Ctrl-C."""
    from rich.text import Text

    from streamgauge.server.thread import ServerThread

    server = ServerThread(Ended(stage), "127.0.0.1", stage.port or 0)
    port = server.start()
    console.print(Text(f"\n  look around at http://127.0.0.1:{port}, Ctrl-C ends it"), soft_wrap=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop()
