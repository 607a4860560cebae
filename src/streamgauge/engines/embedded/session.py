"""One running process: the store, the engine, its signals, and a configuration that may change on the way."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from types import FrameType

import structlog

from streamgauge.clock import Clock, SystemClock
from streamgauge.config import load
from streamgauge.config.models import Config
from streamgauge.engines.embedded import opening
from streamgauge.engines.embedded.engine import Engine
from streamgauge.engines.embedded.keeper import kept
from streamgauge.engines.reporting.status import StatusBoard
from streamgauge.errors import ConfigError, StoreTakenError, StreamgaugeError
from streamgauge.logs import keep_secret
from streamgauge.schedule.book import Job
from streamgauge.schedule.thread import kept_going
from streamgauge.stores import Keep, Owner, file_of, open_store
from streamgauge.stores.contract import Store

_log = structlog.get_logger("streamgauge")


class Session:
    """Runs a configuration until it is told to stop.

    SIGTERM and SIGINT drain and commit; SIGHUP reads the file again and takes what changed, keeping the state
    of monitors that did not. A file with mistakes changes nothing.

    Args:
        config: checked.
        path: where it came from; None = from no file.
        read: reads it again, for SIGHUP; default: the file at ``path``, if there is one.
        dry_run: print notices instead of sending them.
        clock: whose time passes.

    Attributes:
        engine: what runs; None before it is made, and while another instance leads.
        status: where its picture is.
        stopping: set once it shall end.
    """

    def __init__(
        self,
        config: Config,
        *,
        path: Path | None = None,
        read: Callable[[], Config] | None = None,
        dry_run: bool = False,
        clock: Clock | None = None,
    ) -> None:
        keep_secret(config)
        self.config = config
        self.path = path
        self._read = read if read is not None or path is None else partial(load, path)
        self.clock = clock or SystemClock()
        self.status = StatusBoard(self.clock.now())
        self.engine: Engine | None = None
        self.dry_run = dry_run
        self.stopping = threading.Event()
        self._fresh: Config | None = None

    def run(self, *, beside: Callable[[Session], Callable[[], None]] | None = None) -> None:
        """Run to the end.

        Args:
            beside: starts what runs beside the engine (the server, a live view) once the store is ours;
                returns what ends it.

        Raises:
            StoreError: the store cannot be opened.
            SourceError: a source cannot be read, and that will not pass.
        """
        if self.config.store.shared:
            from streamgauge.engines.instances.session import share

            share(self, beside)
            return
        keep_secret(self.config)
        os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_folder(self.config)))
        keep = Keep(history=self.config.store.history, dead_letters=self.config.store.dead_letters)
        store = open_store(
            self.config.store.url,
            owner=Owner.this_process(),
            clock=self.clock,
            durability=self.config.store.durability,
            keep=keep,
        )
        with Signals(self), ExitStack() as ending:
            ending.callback(store.close)
            ending.enter_context(kept(store))
            if beside is not None:
                ending.callback(beside(self))
            ending.enter_context(
                kept_going(lambda: self.config, self.clock, self._jobs_known, path=self.path)
            )
            self._run_each(store)

    def stop(self) -> None:
        """End in order; from any thread or signal handler."""
        self.stopping.set()
        if self.engine is not None and not self.config.store.shared:
            self.engine.stop()

    def reload(self) -> None:
        """Read the file again; from any thread or signal handler."""
        if self.engine is not None:
            self.engine.ask("reload")

    def _jobs_known(self, jobs: Mapping[str, Job]) -> None:
        self.status.totals.jobs = jobs

    def _run_each(self, store: Store) -> None:
        """Run the configuration, and each that takes its place."""
        before: Config | None = None
        while True:
            last = self.engine
            choices = opening.Choices(self.dry_run, self._engine_made, self._read_again)
            try:
                self._open(store, choices)
            except StreamgaugeError as error:
                started = self.engine is not last and self.engine is not None and self.engine.started
                if before is None or started or isinstance(error, StoreTakenError):
                    raise
                _log.error("the changed file cannot be run; the one before stays in force", why=str(error))
                self.config, before = before, None
                continue
            fresh, self._fresh = self._fresh, None
            if fresh is None or self.stopping.is_set():
                return
            before, self.config = self.config, fresh

    def _open(self, store: Store, choices: opening.Choices) -> None:
        """Run the present configuration to its end."""
        opening.run(self.config, store, self.clock, self.status, choices)

    def _engine_made(self, engine: Engine) -> None:
        if self.engine is not None:
            engine.go_on_for(self.engine)
        self.engine = engine
        if self.stopping.is_set():
            engine.stop()

    def _read_again(self) -> bool:
        """Read the file; whether it holds something new to run."""
        if self._read is None:
            return False
        try:
            fresh = self._read()
            keep_secret(fresh)
        except ConfigError as error:
            _log.error("the changed file has mistakes; the one before stays in force", mistakes=str(error))
            return False
        if fresh.store != self.config.store or fresh.server != self.config.server:
            _log.warning("`store` and `server` take effect at the next start only")
        names = {*fresh.monitors, *self.config.monitors}
        changed = sorted(name for name in names if fresh.monitors.get(name) != self.config.monitors.get(name))
        _log.info("the file was read again", monitors_changed=changed, anything_changed=fresh != self.config)
        if fresh == self.config:
            return False
        keep_secret(fresh)
        self._fresh = fresh
        return True


class Signals:
    """SIGTERM, SIGINT and SIGHUP, while a session runs on the main thread."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._before: dict[int, object] = {}

    def __enter__(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        # Polars, when it is loaded, hooks SIGINT to break off what it computes: that must not come after us,
        # or a Ctrl-C in the middle of an expression would end the engine without a commit.
        import polars as pl  # noqa: F401

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            self._before[number] = signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._session.reload()
        else:
            self._session.stop()


def cache_folder(config: Config) -> Path:
    """Compiled kernels are kept beside the store's file; where it is none, beside where this runs."""
    store = file_of(config.store.url)
    folder = Path.cwd() if store is None else store.resolve().parent
    return folder / ".streamgauge-cache"
