"""What every instance does: reads its share of the partitions, and commits it.

One thread does all of it, in one loop, as in :mod:`streamgauge.engines.embedded.engine`. Partitions come and go while
the group is polled: one that comes is made ours in the store before its position is looked up; one that goes is
committed before it is given up. Whatever the group believes, the store decides: a commit that loses a partition to
another instance is made again without it.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

import structlog

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.engines.embedded.collector import out_of_the_way
from streamgauge.engines.embedded.engine import BATCH, RETRY, TICK, WAIT
from streamgauge.engines.embedded.intake import Intake, Taken
from streamgauge.engines.embedded.mishaps import SOURCE_LOST, Homes
from streamgauge.engines.embedded.pace import Pace
from streamgauge.engines.instances.share import Means, Share
from streamgauge.engines.reporting.totals import Totals
from streamgauge.errors import StoreError, StoreTakenError
from streamgauge.pipeline import MonitorFailed
from streamgauge.plan import Plan
from streamgauge.sources.contract import Poll
from streamgauge.stores.contract import Commit, LateCount
from streamgauge.stores.member import PartitionsLostError, Place, SqlMember
from streamgauge.windows.watermark import StreamClock

NEWS = 1.0
"""Seconds between looks at what others have said in the store: monitors that pause, incidents that people ended."""

UNOWNED = 10.0
"""Seconds after which a partition is taken back that another instance took, if the group still says that it is ours."""

_log = structlog.get_logger("streamgauge.engine")


class Member:
    """Reads and judges until :meth:`stop`.

    Args:
        plan: what is shared.
        store: where each commit says for which partitions it is.
        intakes: by stream; their sources are to be told of this one by :meth:`sharing`.
        clock: whose time passes.
        totals: counted here.
        stopping: set when it shall end.
        report: told after each turn, with why the store refuses.

    Attributes:
        shares: the partitions that are ours.
        paused: monitors that take no part, and why.
    """

    def __init__(
        self,
        plan: Plan,
        store: SqlMember,
        intakes: Mapping[str, Intake],
        clock: Clock,
        totals: Totals,
        *,
        stopping: threading.Event,
        report: Callable[[str | None], None] = lambda _why: None,
    ) -> None:
        self.plan = plan
        self.store = store
        self.intakes = intakes
        self.clock = clock
        self.totals = totals
        self.shares: dict[Place, Share] = {}
        self.pace = Pace(clock)
        self.paused = self._paused_now()
        self.clocks = self._new_clocks()
        self._homes: Homes = {}
        self._stopping = stopping
        self._report = report
        self._ticked_at = self._heard_at = clock.monotonic()
        self._refused_at: float | None = None
        self._unowned: dict[Place, float] = {}

    def run(self) -> None:
        """Read, judge and commit to the end.

        Raises:
            SourceError: a source cannot be read, and that will not pass.
            StoreTakenError: the other instances run something else; nothing more was written.
        """
        for name, intake in self.intakes.items():
            intake.start(self.store.positions(name))
        with out_of_the_way():
            while not self._stopping.is_set():
                self.turn()
        self._commit_surely()

    def turn(self) -> None:
        """One turn of the loop."""
        try:
            wait = WAIT / max(1, len(self.intakes))
            for name, intake in self.intakes.items():
                poll, taken = intake.poll(BATCH, wait)
                self._assignments(name, poll)
                self._take(name, taken)
            self._go_on_telling()
            self._let_time_pass()
        except MonitorFailed as failed:
            self._failed(failed)
        if not self.intakes:
            self._stopping.wait(WAIT.total_seconds())
        if self._may_try() and self.pace.due(pressing=any(share.pressing for share in self._begun())):
            self.commit()
            self._hear_news()
        self._report(None)

    # partitions come and go

    def sharing(self, stream: str) -> StreamShares:
        """What the source of a stream is to tell in the middle of its polling."""
        return StreamShares(self, stream)

    def take(self, stream: str, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """Make partitions ours; where reading goes on. While the store refuses, this waits for it."""
        while True:
            try:
                self.store.take(stream, partitions)
                shares = {
                    place: Share(place, self._means()) for place in ((stream, one) for one in partitions)
                }
                break
            except StoreTakenError:
                raise
            except StoreError as error:
                self._report(str(error))
                if self._stopping.wait(RETRY):
                    raise
        for place, share in shares.items():
            self._drop(place)
            self.shares[place] = share
            self._unowned.pop(place, None)
        return {
            share.partition: share.reads_from for share in shares.values() if share.reads_from is not None
        }

    def give_up(self, stream: str, partitions: Sequence[Partition]) -> None:
        """Commit what was taken of these: another reads on from there. What cannot be committed it reads again."""
        if any((stream, partition) in self.shares for partition in partitions):
            try:
                self._commit()
            except StoreTakenError:
                raise
            except StoreError as error:
                _log.warning("a partition was given up without a commit; it is read again", why=str(error))
        for partition in partitions:
            self._forget((stream, partition))

    def _assignments(self, name: str, poll: Poll) -> None:
        for partition in poll.revoked | poll.lost:
            self._forget((name, partition))
        begun = []
        for partition, at in poll.assigned.items():
            share = self.shares.get((name, partition))
            if share is not None:
                share.begin(at)
                begun.append(share)
        if any(share.reads_from is None for share in begun):
            self._commit_surely()  # where a partition begins is committed before anything of it counts
        for partition, (wanted, found) in poll.gaps.items():
            _log.warning(
                "records are missing", stream=name, partition=str(partition), wanted=wanted, found=found
            )
            if (name, partition) in self.shares:
                self.shares[name, partition].runner.gap(partition, found)

    def _forget(self, place: Place) -> None:
        """It is another's by now."""
        stream, partition = place
        self._drop(place)
        self._unowned.pop(place, None)
        self.store.leave(stream, [partition])

    def _drop(self, place: Place) -> None:
        share = self.shares.pop(place, None)
        if share is not None:
            share.end()

    def _lost(self, places: Iterable[Place]) -> None:
        """The store says that these are another's: the group will say so too, or else we take them back."""
        now = self.clock.monotonic()
        for stream, partition in places:
            _log.warning(
                "another instance has taken over a partition", stream=stream, partition=str(partition)
            )
            self._drop((stream, partition))
            self.store.leave(stream, [partition])
            self._unowned[stream, partition] = now

    # what a turn does

    def _begun(self) -> list[Share]:
        return [share for share in self.shares.values() if share.begun]

    def _take(self, name: str, taken: list[Taken]) -> None:
        at = self.clock.monotonic()
        for part in taken:
            for batch in part.batches:
                share = self.shares.get((name, batch.partition))
                if share is not None:
                    share.take(batch, at)

    def _go_on_telling(self) -> None:
        for share in self._begun():
            if share.caught_up_with_itself():
                self._commit_surely()
                share.go_on()

    def _let_time_pass(self) -> None:
        now = self.clock.monotonic()
        if now - self._ticked_at < TICK:
            return
        self._ticked_at = now
        for name, intake in self.intakes.items():
            asked = intake.asked_at()
            rose = self.clocks[name].pass_time(intake.caught_up(), now, asked)
            shares = [share for share in self._begun() if share.stream == name]
            for share in shares:
                if rose:
                    share.pass_time()
                share.look(now)
                if share is shares[0] or share.board.of(f"stream {name}", SOURCE_LOST):
                    share.mishaps.watch_source(name, intake, share.runner)  # one speaks for all
        if any(now - since > UNOWNED for since in self._unowned.values()):
            self._unowned.clear()
            self._again()

    def _hear_news(self) -> None:
        """What others have said in the store."""
        now = self.clock.monotonic()
        if now - self._heard_at < NEWS:
            return
        self._heard_at = now
        try:
            over, paused = self.store.over(), self._paused_now()
        except StoreError:
            return  # the next commit will say so, and wait
        for share in self.shares.values():
            share.let_go(over)
        if paused != self.paused:
            self._commit_surely()
            self._again()

    def _failed(self, failed: MonitorFailed) -> None:
        """Go back to the last commit without the monitors that failed, and read on from there."""
        _log.error(
            "a monitor failed and is paused",
            monitors=failed.monitors,
            error=str(failed.error),
            exc_info=failed.error,
        )
        self._again()
        share = next(iter(self.shares.values()), None)
        reason = f"{type(failed.error).__name__}: {failed.error}"
        for name in failed.monitors:
            if share is not None:
                share.ledger.pause(name, reason)
                share.mishaps.failed(name, reason)
        self._commit_surely()
        self._again()

    def _again(self) -> None:
        """Start over from the last commit, with all partitions that the group says are ours."""
        self.paused = self._paused_now()
        self.clocks = self._new_clocks()
        for stream, partition in list(self.shares):
            del self.shares[stream, partition]
            self.store.leave(stream, [partition])
        for name, intake in self.intakes.items():
            intake.start(self.store.positions(name))

    # the store

    def commit(self) -> None:
        """Commit all that is ours, and show the positions to others; while the store refuses nothing more is read."""
        try:
            self._commit()
        except StoreTakenError:
            raise
        except StoreError as error:
            self._refused_at = self.clock.monotonic()
            self._hold(held=True)
            self._report(str(error))
            return
        if self._refused_at is not None:
            self._refused_at = None
            self._hold(held=False)

    def _commit(self) -> None:
        while True:
            started = self.clock.monotonic()
            shares = list(self.shares.values())
            commit = together(share.collected() for share in shares)
            try:
                self.store.commit(commit)
            except PartitionsLostError as lost:
                self._lost(lost.places)
                continue
            break
        self.pace.committed(started)
        late: Counter[str] = Counter()
        for share in shares:
            late.update(share.ledger.late_records)
            share.committed()
        self.totals.committed(commit, late, (), self.pace.seconds)
        for name, intake in self.intakes.items():
            read = {part: at.next_offset for (stream, part), at in commit.positions.items() if stream == name}
            intake.source.committed(read)

    def _commit_surely(self) -> None:
        """Commit now, trying again while the store refuses; when told to stop, once only."""
        self.commit()
        while self._refused_at is not None:
            if self._stopping.wait(RETRY):
                self._commit()
                return
            self.commit()

    def _may_try(self) -> bool:
        return self._refused_at is None or self.clock.monotonic() - self._refused_at >= RETRY

    def _hold(self, *, held: bool) -> None:
        for intake in self.intakes.values():
            intake.hold(held=held)

    def _means(self) -> Means:
        return Means(self.plan, self.store, self.clock, self.totals, self.paused, self.clocks, self._homes)

    def _paused_now(self) -> dict[str, str]:
        return {name: paused.reason for name, paused in self.store.monitor_status().items()}

    def _new_clocks(self) -> dict[str, StreamClock]:
        streams = self.plan.streams
        return {name: StreamClock(streams[name].lateness, streams[name].deadline) for name in streams}


class StreamShares:
    """What a source tells of its partitions; see :class:`streamgauge.sources.kafka.reader.Sharing`."""

    def __init__(self, member: Member, stream: str) -> None:
        self._member, self._stream = member, stream

    def take(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        """These are ours."""
        return self._member.take(self._stream, partitions)

    def give_up(self, partitions: Sequence[Partition]) -> None:
        """These will be another's."""
        self._member.give_up(self._stream, partitions)


def together(commits: Iterable[Commit]) -> Commit:
    """Several commits as one."""
    found = list(commits)
    if not found:
        return Commit()
    whole: dict[str, Any] = {}
    for each in fields(Commit):
        values = [getattr(commit, each.name) for commit in found]
        if values and isinstance(values[0], Mapping):
            whole[each.name] = {key: value for mapping in values for key, value in mapping.items()}
        else:
            whole[each.name] = [item for sequence in values for item in sequence]
    late: Counter[tuple[str, int]] = Counter()
    for count in whole.get("late", ()):
        late[count.monitor, count.window_start] += count.count
    return Commit(**whole | {"late": [LateCount(*where, count) for where, count in late.items()]})
