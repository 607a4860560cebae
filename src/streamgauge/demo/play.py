"""Plays a demo from beginning to end: :func:`play`."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from streamgauge.demo import stage as _stage
from streamgauge.demo import table
from streamgauge.demo.matching import failed
from streamgauge.demo.staying import stay
from streamgauge.errors import OutsideError

if TYPE_CHECKING:
    from rich.console import Console

    from streamgauge.demo.live_view import LiveView
    from streamgauge.demo.plain_view import PlainView
    from streamgauge.demo.stage import Play, Stage
    from streamgauge.engines.embedded.session import Session
    from streamgauge.server.thread import ServerThread

PORT = 8000
INTERRUPTED = 130
LOG = "log.ndjson"
SHOWN = 5
"""Log lines shown at the end, of those that warn."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How a demo is shown.

    Attributes:
        port: of the server; None takes 8000, or a free one if that is taken.
        keep: a folder that stays; None takes one that goes.
        as_json: the table as JSON lines on the standard output, everything else on the error output.
        plain: lines instead of the live view.
        stay: the pages stay up at the end, until Ctrl-C.
        ui: the analysis app is served too, and what it shows is watched; stays as well.
    """

    port: int | None = None
    keep: Path | None = None
    as_json: bool = False
    plain: bool = False
    stay: bool = False
    ui: bool = False


def play(what: Play, manner: Manner) -> int:
    """Play it and print how it ended.

    Returns:
        The exit code: 0 all found and none invented, 1 not so, 130 interrupted.

    Raises:
        ConfigError: the settings do not fit, or the folder holds a demo.
        OutsideError: the port asked for is taken.
    """
    from rich.console import Console

    from streamgauge.testing import WebhookReceiver

    _keep_kernels()
    console = Console(highlight=False, soft_wrap=False)
    with ExitStack() as stack:
        folder = stack.enter_context(_folder(manner.keep))
        log = stack.enter_context(_logging(folder))
        receiver = stack.enter_context(WebhookReceiver())
        stage = _stage.Stage(_watched(what, folder) if manner.ui else what, folder, receiver)
        stage.session.run(beside=lambda session: _beside(session, stage, manner, console, stack))
        rows = stage.rows(at_the_end=True)
        _end(stage, manner, console)
        _tell_of(log)
        if (manner.stay or manner.ui) and stage.is_complete:
            stay(stage, console)
    if not stage.is_complete:
        return INTERRUPTED
    return 1 if failed(rows) else 0


def _watched(what: Play, folder: Path) -> Play:
    """With monitors for the analysis app."""
    from streamgauge.dashboard.process import check_installed
    from streamgauge.demo import analysing

    check_installed()
    reference = folder / analysing.REFERENCE
    analysing.write_reference(reference, what.seed)
    shipped = what.rules or files("streamgauge.demo").joinpath("streamgauge.yaml").read_text("utf-8")
    return replace(what, rules=analysing.rules(shipped, reference))


def _beside(
    session: Session, stage: Stage, manner: Manner, console: Console, stack: ExitStack
) -> Callable[[], None]:
    server = _serve(session, stage, manner.port)
    if manner.ui:
        from streamgauge.demo import analysing

        app = stack.enter_context(analysing.beside(stage.port or PORT))
        print(f"the analysis app: {app.url}", file=sys.stderr if manner.as_json else sys.stdout, flush=True)
    view = _view(stage, manner, console)
    view.start()

    def end() -> None:
        view.stop()
        server.stop()

    return end


def _serve(session: Session, stage: Stage, port: int | None) -> ServerThread:
    from streamgauge.server.thread import ServerThread

    server = ServerThread(session, "127.0.0.1", PORT if port is None else port)
    try:
        stage.port = server.start()
    except OutsideError:
        if port is not None:
            raise
        server = ServerThread(session, "127.0.0.1", 0)
        stage.port = server.start()
    return server


def _view(stage: Stage, manner: Manner, console: Console) -> LiveView | PlainView:
    if manner.plain or manner.as_json or not console.is_terminal or console.is_dumb_terminal:
        from streamgauge.demo.plain_view import PlainView

        return PlainView(stage, sys.stderr if manner.as_json else sys.stdout)
    from streamgauge.demo.live_view import LiveView

    return LiveView(stage, console)


def _end(stage: Stage, manner: Manner, console: Console) -> None:
    rows = stage.rows(at_the_end=True)
    if manner.as_json:
        for line in table.lines(rows, stage.course()):
            sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
        return
    if not stage.is_complete:
        console.print("\n  interrupted", style="yellow")
    table.show(rows, stage.course(), console)
    _say_what_next(stage, manner, console)


def _say_what_next(stage: Stage, manner: Manner, console: Console) -> None:
    from rich.text import Text

    console.print(Text("\n  next", style="bold"))
    for step in _steps(stage, manner.keep):
        console.print(Text(f"  {step}"), soft_wrap=True)
    if manner.keep is not None:
        names = f"{_stage.FILE}, {_stage.STORE}, {LOG}"
        console.print(Text(f"\n  kept in {manner.keep}: {names}", style="bright_black"), soft_wrap=True)


def _steps(stage: Stage, keep: Path | None) -> list[str]:
    """Commands to try, that do what they say as they stand there."""
    if keep is None:
        return [
            "streamgauge demo --keep demo   leaves its file, store and log there to look at",
            "streamgauge top                watches the next one from another terminal",
        ]
    config = f"--config {keep / _stage.FILE}"
    burst = next((row for row in stage.rows() if row.told is not None and row.key is not None), None)
    return [
        f"streamgauge incidents {config}",
        *([f"streamgauge why {burst.monitor} {burst.key} {config}"] if burst is not None else []),
        f"streamgauge dead-letters {config} --limit 3",
        f"streamgauge generate payments --records {stage.play.records} --out day.ndjson",
        f"streamgauge replay {keep / _stage.FILE} --stream payments=day.ndjson",
    ]


def _keep_kernels() -> None:
    """Compiled once for all demos: the folder of this one goes with it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache / "streamgauge" / "kernels"))


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="streamgauge-demo-") as name:
            yield Path(name)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutsideError(
            f"--keep: {keep} cannot be made: {(error.strerror or str(error)).lower()}"
        ) from error
    yield keep


@contextmanager
def _logging(folder: Path) -> Iterator[Path]:
    """Log into the folder, away from what is shown."""
    from streamgauge import logs

    path = folder / LOG
    with path.open("w", encoding="utf-8") as file:
        logs.set_up(to=file)
        try:
            yield path
        finally:
            logs.set_up(level="warning")


def _tell_of(log: Path) -> None:
    """Show what was logged as a warning or worse: in a good run, nothing."""
    events = map(json.loads, log.read_text("utf-8").splitlines())
    grave = [event for event in events if event.get("level") in ("warning", "error", "critical")]
    for event in grave[:SHOWN]:
        sys.stderr.write(json.dumps(event, ensure_ascii=False) + "\n")
    if len(grave) > SHOWN:
        sys.stderr.write(f"and {len(grave) - SHOWN} more; see them with --keep\n")
