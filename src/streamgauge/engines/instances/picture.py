"""What an instance shows of itself: its share of the partitions, and (while it leads) the leader's part."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import structlog

from streamgauge.batch import NEVER, Batch
from streamgauge.engines.instances.member import Member
from streamgauge.engines.instances.share import Share
from streamgauge.engines.reporting.reporting import EVERY
from streamgauge.engines.reporting.status import (
    EngineStatus,
    MonitorStatus,
    PartitionStatus,
    StatusBoard,
    StreamStatus,
)

_log = structlog.get_logger("streamgauge.engine")


class Picture:
    """Made anew twice a second.

    Args:
        board: where it is put.
        leader: the leader's own picture; None while another one leads.
    """

    def __init__(self, board: StatusBoard, leader: Callable[[], EngineStatus | None]) -> None:
        self._board = board
        self._leader = leader
        self._at = float("-inf")
        self._records: Counter[str] = Counter()
        self._consumed: Counter[tuple[str, str]] = Counter()
        self._rates: dict[str, float] = {}
        self._store: str | None = None

    def show(self, member: Member, why: str | None) -> None:
        """A new picture, if the last is old enough; ``why`` the store refuses, where it does."""
        if why != self._store:
            if why is None:
                _log.info("the store takes commits again")
            else:
                _log.error("the store refuses commits; reading goes on when it takes them", why=why)
            self._store = why
        now = member.clock.monotonic()
        if now - self._at >= EVERY:
            passed, self._at = now - self._at, now
            self._board.now = self._made(member, now, max(passed, 1e-6))

    def _made(self, member: Member, now: float, passed: float) -> EngineStatus:
        totals, led = member.totals, self._leader()
        streams = {name: self._stream(member, name, passed) for name in member.intakes}
        mine = EngineStatus(
            at=member.clock.now(),
            started_at=self._board.now.started_at,
            turned_at=now,
            ready=True,
            streams=streams,
            monitors=_monitors(member),
            commits=totals.commits,
            commit_seconds=member.pace.seconds,
            commit_times=totals.commit_times.now(),
            store=self._store,
            notices=dict(totals.notices),
            opened=dict(totals.opened),
        )
        if led is None:
            return mine
        return replace(
            mine,
            streams={**led.streams, **streams},
            monitors={**led.monitors, **mine.monitors},
            waiting=led.waiting,
            notice_times=led.notice_times,
            open=led.open,
            rows=led.rows,
            spooled=led.spooled,
        )

    def _stream(self, member: Member, name: str, passed: float) -> StreamStatus:
        intake, clock, totals = member.intakes[name], member.clocks[name], member.totals
        shares = [share for share in member.shares.values() if share.stream == name and share.begun]
        fresh = intake.records - self._records[name]
        self._records[name] = intake.records
        totals.records[name] += fresh
        for topic, count in intake.consumed.items():
            totals.consumed[name, topic] += count - self._consumed[name, topic]
            self._consumed[name, topic] = count
        rate = fresh / passed
        self._rates[name] = 0.5 * self._rates.get(name, rate) + 0.5 * rate
        watermark = clock.minimum()
        source = dict(intake.source.describe())
        lost = [share.board.current(f"stream {name}", None, "source lost") for share in shares]
        return StreamStatus(
            records=totals.records[name],
            late=totals.late[name],
            dead_letters=totals.dead_letters[name],
            rate=self._rates[name],
            watermark=None if watermark == NEVER else watermark,
            delay=None if watermark == NEVER else (member.clock.now() - watermark) / 1e6,
            partitions=_partitions(member, name, shares),
            lost=next((each.title for each in lost if each is not None), None),
            source=source,
            group=str(source["group"]) if "group" in source else None,
            newest=_newest(shares),
            consumed={topic: n for (stream, topic), n in totals.consumed.items() if stream == name},
        )


def _partitions(member: Member, name: str, shares: list[Share]) -> dict[str, PartitionStatus]:
    tails, caught_up = member.intakes[name].tails(), member.intakes[name].caught_up()
    return {
        str(share.partition): PartitionStatus.of(
            share.runner.next_offset[share.partition],
            tails.get(share.partition),
            share.runner.clock.watermark(share.partition),
            caught_up=caught_up.get(share.partition, False),
        )
        for share in shares
    }


def _newest(shares: list[Share]) -> list[Batch]:
    return [batch for share in shares for batch in share.runner.newest.batches]


def _monitors(member: Member) -> Mapping[str, MonitorStatus]:
    """What is known of shared monitors here, over the partitions of this instance."""
    shown = {}
    for stream, plan in member.plan.streams.items():
        shares = [share for share in member.shares.values() if share.stream == stream]
        every = [
            lane
            for share in shares
            for one in share.runner.nested
            for bundle in one.bundles.values()
            for lane in bundle.lanes
        ]
        for group in plan.every_group:
            lanes = [lane for lane in every if lane.group is group]
            keys = sum(lane.keys.known for lane in lanes)
            filling = sum(group.window.filling(lane.window_state) for lane in lanes)
            for monitor in group.monitors:
                fire = sum(i.open for share in shares for i in share.board.of(monitor.name).values())
                shown[monitor.name] = MonitorStatus(
                    stream,
                    monitor.kind,
                    monitor.why,
                    keys,
                    filling,
                    fire,
                    member.paused.get(monitor.name),
                    member.totals.last_end.get(monitor.name),
                )
    return shown
