"""Becomes the leader when there is none, and runs all that is the leader's until another takes its place."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import ExitStack

import structlog

from streamgauge.engines.embedded import opening
from streamgauge.engines.embedded.engine import Engine
from streamgauge.engines.embedded.keeper import kept
from streamgauge.engines.embedded.session import Session
from streamgauge.engines.instances.hearing import Ears
from streamgauge.engines.reporting.status import EngineStatus, StatusBoard
from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.plan import Plan
from streamgauge.schedule.book import Job
from streamgauge.schedule.thread import kept_going
from streamgauge.stores import Keep, Owner, open_store
from streamgauge.stores.lease import HeldError
from streamgauge.stores.sql import SqlStore

RETRY = 1.0
"""Seconds between looks whether somebody leads."""

_log = structlog.get_logger("streamgauge.engine")


class Leading:
    """On a thread of its own.

    Args:
        session: whose engine it is while it leads; it ends with an error of ours.
        plan: the leader's monitors.
        digest: of what all instances run.

    Attributes:
        error: why it ended, where that was no order.
    """

    def __init__(self, session: Session, plan: Plan, digest: str) -> None:
        self.error: BaseException | None = None
        self._session = session
        self._plan = plan
        self._digest = digest
        self._status = _own(session.status, session.clock.now())
        self._store: SqlStore | None = None
        self._engine: Engine | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leader", daemon=True)

    @property
    def picture(self) -> EngineStatus | None:
        """What the leader shows of itself; None while another one leads."""
        return None if self._engine is None else self._status.now

    def take(self) -> None:
        """Lead if nobody does; what all run is then what this one runs. Before anything else is opened.

        Raises:
            StoreError: the store cannot be opened.
        """
        self._try()

    def start(self) -> None:
        """Do what the leader does, now or once there is none."""
        self._thread.start()

    def stop(self) -> None:
        """Tell what is left to tell, and leave in order."""
        self._ending.set()
        if self._engine is not None:
            self._engine.stop()
        if self._thread.ident is not None:
            self._thread.join()
        if self._store is not None:
            self._store.close()

    def _try(self) -> None:
        config = self._session.config.store
        try:
            self._store = open_store(
                config.url,
                owner=Owner.among_several(reader="leader"),
                clock=self._session.clock,
                durability=config.durability,
                keep=Keep(history=config.history, dead_letters=config.dead_letters),
                plan=self._digest,
            )
        except HeldError:
            self._store = None

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                if self._store is None:
                    self._try()
                if self._store is not None:
                    self._lead(self._store)
            except StoreTakenError:
                _log.warning("another instance leads now; this one goes on with its share")
            except StoreError as error:
                _log.warning("the store refuses whoever would lead; it is tried again", why=str(error))
            except BaseException as error:  # noqa: BLE001  the session ends with it
                self.error = error
                self._session.stop()
                return
            self._ending.wait(RETRY)

    def _lead(self, store: SqlStore) -> None:
        from streamgauge.stores.listening import listening

        session, woken = self._session, threading.Event()
        config, clock = session.config, session.clock
        _log.info("this instance leads")
        with ExitStack() as ending:
            ending.callback(self._left)
            ending.callback(store.close)
            ending.enter_context(kept(store))
            ending.enter_context(listening(config.store.url, woken))
            ending.enter_context(kept_going(lambda: config, clock, self._jobs_known, path=session.path))
            part = opening.Part(self._plan, Ears(store, clock, woken))
            choices = opening.Choices(session.dry_run, self._made, _no_reload, part)
            opening.run(config, store, clock, self._status, choices)

    def _jobs_known(self, jobs: Mapping[str, Job]) -> None:
        self._session.status.totals.jobs = self._status.totals.jobs = jobs

    def _made(self, engine: Engine) -> None:
        self._engine = engine
        self._session.engine = engine
        if self._ending.is_set():
            engine.stop()

    def _left(self) -> None:
        self._store = self._engine = None
        self._session.engine = None


def _no_reload() -> bool:
    _log.warning(
        "instances that share a store read their file at the start only: stop them all, then start them"
    )
    return False


def _own(of: StatusBoard, started_at: int) -> StatusBoard:
    """A picture of the leader's own; what it tells, and values of models, count with the whole process's."""
    status = StatusBoard(started_at)
    for name in ("opened", "notices", "notice_times", "rows", "gauges", "drift", "quality", "last_end"):
        setattr(status.totals, name, getattr(of.totals, name))
    status.gauges = of.gauges
    return status
