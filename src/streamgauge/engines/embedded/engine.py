"""The engine that runs everything in this process: reads, advances, commits, and hands notices on.

One thread does all of it, in one loop: poll each stream, take what came, let time pass where nothing came,
commit when it is due. Delivery, the server and the end-of-partition questions have threads of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

import structlog

from streamgauge.batch import NEVER, Partition
from streamgauge.clock import Clock
from streamgauge.config.models import Config
from streamgauge.config.telling import rules_of
from streamgauge.engines.embedded.acting import Acting, Answer
from streamgauge.engines.embedded.attendance import Attendance
from streamgauge.engines.embedded.collector import out_of_the_way
from streamgauge.engines.embedded.company import NOBODY, Ears, refuse_company
from streamgauge.engines.embedded.forgetting import Forgetting
from streamgauge.engines.embedded.intake import Intake, Taken
from streamgauge.engines.embedded.job_mishaps import watch_jobs
from streamgauge.engines.embedded.ledger import Ledger
from streamgauge.engines.embedded.mishaps import Mishaps
from streamgauge.engines.embedded.reread import Rereading
from streamgauge.engines.embedded.restart import Restart
from streamgauge.engines.outgoing.delivery import Delivery
from streamgauge.engines.outgoing.sinking import Sinking
from streamgauge.engines.outgoing.spooling import Spool
from streamgauge.engines.reporting.reporting import Reporter
from streamgauge.engines.reporting.status import StatusBoard
from streamgauge.engines.running.built_in import LATE, shadow
from streamgauge.engines.running.round import Runners
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.errors import SourceFencedError, StoreError, StoreTakenError
from streamgauge.incidents.actions import Asked, Office
from streamgauge.incidents.board import Board
from streamgauge.incidents.memory import read_memories
from streamgauge.incidents.silence import read_silences
from streamgauge.incidents.telling import Telling
from streamgauge.kernels import jit
from streamgauge.pipeline import MonitorFailed
from streamgauge.plan import Plan, make_plan
from streamgauge.sources.contract import Poll
from streamgauge.stores.contract import Position, Store

BATCH = 10_000
"""Records asked of a source at once."""

WAIT = timedelta(milliseconds=20)
"""How long a poll waits for the first record."""

TICK = 0.1
"""Seconds between looks at what the mere passing of time closes."""

RETRY = 1.0
"""Seconds between tries while the store refuses."""

FENCED_OFTEN, FENCED_WITHIN = 3, 60.0
"""Another process that joins in our name more often than this, in so many seconds, owns a copy of the store."""

_log = structlog.get_logger("streamgauge.engine")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an engine is given from outside; :mod:`streamgauge.engines.embedded.opening` makes it from a file.

    Attributes:
        reload: called between two turns when somebody asked to read the file again; whether this engine shall
            end, for one made from what was read.
        sinking: carries rows to sinks; None where none are written.
        plan: what runs, where that is not all of the file.
        ears: hears what other instances decided.
    """

    store: Store
    intakes: Mapping[str, Intake]
    delivery: Delivery
    clock: Clock
    status: StatusBoard
    reload: Callable[[], bool] = lambda: False
    sinking: Sinking | None = None
    plan: Plan | None = None
    ears: Ears = NOBODY


class Engine:
    """Runs a plan until it is stopped or its sources end.

    Attributes:
        started: whether its sources were opened and its loop began.
        replaced: whether it ends for another one, made from a changed file.
    """

    def __init__(self, config: Config, surroundings: Surroundings) -> None:
        self.config = config
        self.plan: Plan = surroundings.plan or make_plan(config)
        self.store = surroundings.store
        self.intakes = surroundings.intakes
        self.delivery = surroundings.delivery
        self.clock = surroundings.clock
        self.finite = bool(self.intakes) and all(intake.finite for intake in self.intakes.values())
        self.stopping = threading.Event()
        self.totals = surroundings.status.totals
        self.sinking = surroundings.sinking
        self._reload = surroundings.reload
        self._ears = surroundings.ears
        self._full: set[str] = set()
        self._commands: list[str] = []
        self._acting = Acting()
        self._ticked_at = self.clock.monotonic()
        self._refused_at: float | None = None
        self._fenced_at: list[float] = []
        self.started = self.replaced = False
        self._begin()
        self.reporter = Reporter(self, surroundings.status)

    def _begin(self) -> None:
        """Take up the store's last commit."""
        self.paused = {name: paused.reason for name, paused in self.store.monitor_status().items()}
        kept = self.store.telling()
        self.board = Board(self.store.open_incidents(), read_memories(kept))
        self.telling = Telling(
            self.board, rules_of(self.config), rows=kept, silences=read_silences(kept, self.clock.now())
        )
        self.mishaps = Mishaps(self.plan, self.board, self.clock)
        spool = None if self.sinking is None else Spool(self.config, self.store, self.mishaps)
        self.ledger = Ledger(
            self.store,
            self.board,
            self.clock,
            self.totals,
            paused=self.paused,
            spool=spool,
            telling=self.telling,
        )
        self.runners = Runners(
            self._judged_here(), self.board, self.ledger, paused=frozenset(self.paused), replay=self.finite
        )
        self._forgetting = Forgetting(self.runners, self.board)
        self.mishaps.removed(self.store.told_through, self.config.schedule)
        self._restarts = {name: Restart(self.store, runner) for name, runner in self.runners.streams.items()}
        self._unread = set(self.intakes)
        about = [name for name in self.runners.streams if name not in self.intakes]
        waited = {mirror.runner.plan.name: self.store.load(mirror.key) for mirror in self.runners.mirrors}
        for mirror in self.runners.mirrors:
            told = self._restarts[mirror.runner.plan.name]
            whole = mirror.is_whole(waited[mirror.runner.plan.name], told.stored)
            for stream in self.intakes:
                self._restarts[stream].no_later_than(told, whole=whole)
        unseen = [
            (partition, until)
            for stream in self.intakes
            for name in about
            if name == LATE
            for partition, until in self._restarts[stream].unseen(self._restarts[name]).items()
        ]
        for name, runner in self.runners.streams.items():
            for bundle in runner.bundles.values():
                self._restarts[name].restore(bundle)
        for name in about:
            self._begin_about(name)
        for partition, until in unseen:
            self.runners.streams[LATE].incomplete(partition, until)
        reading = {
            shadow(stream, partition): at
            for stream in self.intakes
            for partition, at in self._restarts[stream].offsets.items()
        }
        for mirror in self.runners.mirrors:
            mirror.restore(waited[mirror.runner.plan.name], reading)
        self._rereading = self._reread()
        self._ears.begin()

    def _judged_here(self) -> Plan:
        """What windows and detectors run here; of the rest others tell."""
        return self.plan

    def _reread(self) -> Rereading | None:
        """After a damage: what leads from older states to the last commit, unheard."""
        ways = {name: self._restarts[name] for name in self.intakes}
        rereading = Rereading(
            {name: way.offsets for name, way in ways.items()},
            {name: way.ends for name, way in ways.items()},
            self.clock.monotonic(),
        )
        if not rereading.needed:
            return None
        self.runners.hush()
        return rereading

    def _begin_about(self, name: str) -> None:
        """What a built-in stream knows of each partition: it has no source that would assign them."""
        for stream in self.intakes:
            for partition, position in self._restarts[stream].positions.items():
                mirror = shadow(stream, partition)
                known = self._restarts[name].positions.get(mirror)
                here = known or replace(position, began=position.next_offset)
                self._attach(name, mirror, here, from_start=position.next_offset == 0)

    def run(self) -> None:
        """Read and judge until :meth:`stop`, or until all sources have ended; commits before it returns.

        Raises:
            SourceError: a source cannot be read and that will not pass.
            StoreTakenError: another process owns the store; nothing more was written.
        """
        jit.choose(live=not self.finite)
        self.reporter.starting("kernels are being compiled")
        self._warm_up()
        self.reporter.starting("sources are being opened")
        for name, intake in self.intakes.items():
            intake.start(self._restarts[name].positions)
        self.reporter.ready()
        self.started = True
        with out_of_the_way():
            while not self.stopping.is_set() and not self._finished():
                self.turn()
        self._ears.listen(self.board, self.ledger)
        for name, runner in self.runners.streams.items():  # the last turns may have gone by between two looks
            self.mishaps.watch_keys(name, runner)
        self._commit_surely()
        if not self.replaced:
            self._acting.close()
        self.reporter.report()

    def stop(self) -> None:
        """Ask the loop to end; from any thread or signal handler."""
        self.stopping.set()

    def ask(self, verb: Literal["reload"]) -> None:
        """Read the file again; carried out between two turns."""
        self._commands.append(verb)

    def act(self, asked: Asked) -> Answer:
        """Have something done about an incident, a silence or a monitor; from any thread. Answers once committed."""
        return self._acting.ask(asked)

    def go_on_for(self, other: Engine) -> None:
        """Carry out what ``other`` was asked and did not come to."""
        self._acting.go_on_for(other._acting)
        self._commands[:0] = other._commands
        other._commands = self._commands

    def turn(self) -> None:
        """One turn of the loop."""
        try:
            self._obey()
            wait = WAIT / max(1, len(self.intakes))
            for name, intake in self.intakes.items():
                poll, taken = intake.poll(BATCH, wait)
                if poll.lost:
                    # What was read of them since the last commit may not be committed any more.
                    self._again()
                    return
                self._assignments(name, intake, poll)
                self._take(name, taken)
            self.ledger.gathered(self.runners.settle())
            self._go_on_telling()
            self._ears.listen(self.board, self.ledger, 0.0 if self.intakes else WAIT.total_seconds())
            self._let_time_pass()
        except MonitorFailed as failed:
            self._failed(failed)
        except SourceFencedError:
            if not self._owns_the_store():
                raise
            self._again()
        if self.ledger.due() and self._may_try():
            self.commit()
        self.reporter.report_when_due()

    def commit(self) -> None:
        """Commit, wake the delivery, and show the positions to others.

        While the store refuses nothing more is read, so that what waits for it stays bounded.
        """
        try:
            told = self.ledger.commit(self.runners)
        except StoreTakenError:
            raise
        except StoreError as error:
            self._refused_at = self.clock.monotonic()
            self._hold(held=True)
            self.reporter.store_refuses(str(error))
            return
        if self._refused_at is not None:
            self._refused_at = None
            self._hold(held=False)
        self.reporter.store_refuses(None)
        self.delivery.wake(told)
        if self.sinking is not None and self.ledger.rows_went:
            self.sinking.wake()
        if not self.runners.hushed:
            for name, intake in self.intakes.items():
                intake.source.committed(dict(self.runners.streams[name].next_offset))

    # what a turn does

    def _take(self, name: str, taken: list[Taken]) -> None:
        at = self.clock.monotonic()
        if self._rereading is not None:
            for part in self._rereading.admit(name, taken, at):
                self.runners.take(name, part.batches, part.order, at=at)
            return
        for part in taken:
            self.runners.take(name, part.batches, part.order, at=at)
            if self.ledger.spool is not None:
                self.ledger.spool.records(name, part.batches)

    def _go_on_telling(self) -> None:
        """Once all is read again that was told before a damage: take what has waited, and tell of it."""
        rereading = self._rereading
        if rereading is None:
            return
        reached = {name: self.runners.streams[name].next_offset for name in self.intakes}
        if not rereading.over(reached):
            if not rereading.hopeless(self.clock.monotonic()) and not self._all_ended():
                return
            _log.warning(
                "some records cannot be read again after a damage; what was told of them may be told once more",
                waiting=rereading.waiting,
            )
        self._rereading = None
        self.runners.speak({name: restart.stored for name, restart in self._restarts.items()})
        self._commit_surely()
        for name, taken in rereading.rest():
            self._take(name, [taken])
        self.ledger.gathered(self.runners.settle())

    def _assignments(self, name: str, intake: Intake, poll: Poll) -> None:
        runner = self.runners.streams[name]
        if poll.revoked:
            self._settled()
        for partition in poll.revoked:
            runner.detach(partition)
        if poll.assigned or poll.revoked:
            refuse_company(name, intake.source)
        if poll.assigned:
            self._assigned(name, poll.assigned)
        for partition, (wanted, found) in poll.gaps.items():
            _log.warning(
                "records are missing", stream=name, partition=str(partition), wanted=wanted, found=found
            )
            runner.gap(partition, found)
        if poll.gaps:
            self.ledger.gathered(self.runners.settle())

    def _assigned(self, name: str, assigned: Mapping[Partition, int]) -> None:
        """Partitions are ours; where they begin is committed before anything of them counts."""
        if name not in self._unread:
            self._settled()  # a partition that comes back goes on from what is stored by now
            self._restarts[name] = Restart(self.store, self.runners.streams[name])
        self._unread.discard(name)
        stored = self._restarts[name].positions
        for partition, at in assigned.items():
            position = stored.get(partition, Position(at, NEVER, NEVER, began=at))
            self._attach(name, partition, position, from_start=at == 0)
        if any(partition not in stored for partition in assigned):
            self._settled()

    def _let_time_pass(self) -> None:
        now = self.clock.monotonic()
        if now - self._ticked_at < TICK:
            return
        self._ticked_at = now
        self._wait_for_room()
        self._forgetting.look(now)
        for name, intake in self.intakes.items():
            runner = self.runners.streams[name]
            runner.gone = intake.gone()
            if not intake.finite and self._rereading is None:
                asked = intake.asked_at()
                rose = runner.clock.pass_time(intake.caught_up(), now, asked)
                unheard = self._unheard(runner)
                if rose or unheard is not None:
                    runner.pass_time(unheard=unheard)
            if not intake.finite:
                self.mishaps.watch_source(name, intake, runner)
            self.mishaps.watch_keys(name, runner)
        watch_jobs(self.board, self.config, self.totals.jobs, self.clock.now())
        self.ledger.gathered(self.runners.settle())

    def _unheard(self, runner: StreamRunner) -> tuple[int, int] | None:
        """For a stream that has never brought a record: how long it was seen to be empty, and the time."""
        if runner.clock.maximum() != NEVER or not runner.clock.idle_for:
            return None
        return runner.clock.idle_for, self.clock.now()

    def _finished(self) -> bool:
        """Whether all sources have ended; then their windows have closed."""
        if not self._all_ended() or self._rereading is not None:
            return False
        try:
            self.ledger.gathered(self.runners.finish())
        except MonitorFailed as failed:
            self._failed(failed)
            return False
        return True

    def _all_ended(self) -> bool:
        return bool(self.intakes) and all(intake.ended for intake in self.intakes.values())

    def _obey(self) -> None:
        while self._commands:
            if self._commands[0] == "reload" and self._reload():
                self.replaced = True
                self.stop()
            self._commands.pop(0)
        attendance = Attendance(self.plan, self.paused, self.ledger, self.mishaps)
        office = Office(self.board, self.telling, self.store.incident, attendance.attend)

        def commit() -> None:
            self._commit_surely()
            if attendance.changed:
                self._again()
                self.reporter.report()

        self._acting.carry_out(office, self.clock.now(), commit)

    def _failed(self, failed: MonitorFailed) -> None:
        """Go back to the last commit without the monitors that failed, and read on from there."""
        _log.error(
            "a monitor failed and is paused",
            monitors=failed.monitors,
            error=str(failed.error),
            exc_info=failed.error,
        )
        self._again()
        for name in failed.monitors:
            reason = f"{type(failed.error).__name__}: {failed.error}"
            self.ledger.pause(name, reason)
            self.mishaps.failed(name, reason)
        self._commit_surely()
        self._again()

    def _again(self) -> None:
        """Start over from the last commit."""
        self._begin()
        for name, intake in self.intakes.items():
            intake.start(self._restarts[name].positions)

    # the store

    def _owns_the_store(self) -> bool:
        """Whether we go on where another process joined in our name.

        A process that was frozen and woken joins again before it can find that it has lost the store.
        """
        now = self.clock.monotonic()
        self._fenced_at = [at for at in self._fenced_at if now - at < FENCED_WITHIN] + [now]
        if len(self._fenced_at) > FENCED_OFTEN or not self.store.still_mine():
            return False
        _log.warning(
            "another process joined the consumer group in our name; the store is ours: joining again"
        )
        return True

    def _settled(self) -> None:
        """Commit in the middle of a turn: with what the streams tell of themselves."""
        self.ledger.gathered(self.runners.settle())
        self._commit_surely()

    def _commit_surely(self) -> None:
        """Commit now, trying again while the store refuses; when told to stop, once only.

        Raises:
            StoreError: it refuses still, and we are to stop.
        """
        self.commit()
        while self._refused_at is not None:
            if self.stopping.wait(RETRY):
                self.ledger.commit(self.runners)
            self.commit()

    def _may_try(self) -> bool:
        return self._refused_at is None or self.clock.monotonic() - self._refused_at >= RETRY

    def _hold(self, *, held: bool) -> None:
        for name, intake in self.intakes.items():
            intake.hold(held=held or name in self._full)

    def _wait_for_room(self) -> None:
        """A stream whose sink takes no more, and is to lose nothing, stands still."""
        full = set() if self.ledger.spool is None else self.ledger.spool.full()
        if full != self._full:
            self._full = full
            if full:
                _log.warning("streams wait for their sinks", streams=sorted(full))
            else:
                _log.info("the sinks have room again")
            self._hold(held=self._refused_at is not None)

    def _attach(
        self, name: str, partition: Partition, position: Position | None, *, from_start: bool
    ) -> None:
        runner = self.runners.streams[name]
        for bundle in runner.attach(partition, position, from_start=from_start):
            self._restarts[name].restore(bundle)
        runner.begin(partition)

    def _warm_up(self) -> None:
        """Before readiness: load what the first commit needs, and run invented records through every lane."""
        from streamgauge.engines.running.warm_up import load_arrow, told_if_slow, warm_up

        load_arrow()
        if jit.compiled():
            with told_if_slow():
                warm_up(self.plan)
