"""Where all partitions meet: each stream's clock as they tell it, windows that span them, and records that are sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from streamgauge.batch import NEVER, Batch, Partition
from streamgauge.engines.running.bundle import Bundle
from streamgauge.engines.running.round import Runners
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.engines.spark.forwarding import judge, read_chosen, shape_of
from streamgauge.engines.spark.merging import MergedState, MergedWindow
from streamgauge.engines.spark.parts import read_parts
from streamgauge.keys import key_from_text
from streamgauge.pipeline import Lane
from streamgauge.stores.contract import Position


class Meeting:
    """Takes in lines of kinds ``part``, ``rows`` and ``time``, in the order in which each partition told them.

    Args:
        runners: of the :func:`~streamgauge.engines.spark.merging.merged` plan.
        positions: by stream, how far each partition had come at the last commit.
    """

    def __init__(self, runners: Runners, positions: Mapping[str, Mapping[Partition, Position]]) -> None:
        self._runners = runners
        self._whole: set[str] = set()
        self._partial: dict[str, dict[Partition, int]] = {}
        self._streams = {name: runner for name, runner in runners.streams.items() if runner.plan.groups}
        self.monitors = frozenset(
            monitor.name
            for runner in self._streams.values()
            for group in runner.plan.every_group
            for monitor in group.monitors
        )
        """The monitors that are judged here."""
        for name, runner in self._streams.items():
            for partition, position in positions.get(name, {}).items():
                _attach(runner, partition, position)

    def part(self, line: Mapping[str, Any]) -> None:
        """Windows of one partition as they are now."""
        lane, bundle = self._lane(line["stream"], line["group"])
        if lane is None or bundle is None or not lane.states:
            return  # the file has changed since, or all its monitors are paused
        runner, partition = self._streams[line["stream"]], Partition.parse(line["partition"])
        _attach(runner, partition, None)
        parts = read_parts(line["parts"])
        window, state = lane.group.window, lane.window_state
        assert isinstance(window, MergedWindow)
        assert isinstance(state, MergedState)
        if lane.judged != NEVER:
            parts = parts.take(np.nonzero(parts.starts + window.reach > lane.judged)[0])
        slots = bundle.keys.slots([key_from_text(text) for text in parts.keys])
        bundle.touch(slots, parts.times)
        window.take(state, slots, bundle.part_of(partition), parts)

    def rows(self, line: Mapping[str, Any]) -> None:
        """Records of one partition, for monitors that need those of all."""
        runner = self._streams.get(line["stream"])
        if runner is None:
            return
        partition = Partition.parse(line["partition"])
        self._spread(runner, line)
        _attach(runner, partition, None)
        self._not_whole(runner, partition, line.get("partial"))
        chosen = read_chosen(line["rows"])
        runner.newest.note(
            Batch(line["stream"], partition, chosen.offsets, chosen.times, chosen.columns, next_offset=-1)
        )
        for bundle in runner.bundles.values():
            lanes = [lane for lane in _waiting(bundle) if lane.states]
            if any(place == partition for _, place in bundle.beginnings.awaited):
                bundle.reached(partition, int(chosen.times[0]) + runner.plan.lateness)
                self._not_whole(runner, partition, line.get("partial"))
            if lanes:
                judge(runner, bundle, lanes, partition, chosen)

    def time(self, line: Mapping[str, Any]) -> None:
        """A partition has come so far: what that closes is judged, and limits crossed on the way before and after."""
        runner = self._streams.get(line["stream"])
        if runner is None:
            return
        partition, largest = Partition.parse(line["partition"]), int(line["largest"])
        self._spread(runner, line)
        _attach(runner, partition, None)
        runner.next_offset[partition] = int(line["next_offset"])
        self._begun(runner, partition, line.get("partial", {}), largest)
        if line["stream"] not in self._whole:
            runner.clock.lift(partition, largest)
            return
        states = _states(runner)
        waiting = [state.waiting.moments for state in states] or [np.empty(0, np.int64)]
        for moment in np.unique(np.concatenate(waiting)).tolist():
            runner.clock.lift(partition, min(moment, largest))
            runner.pass_time()
            if runner.clock.slowest() < moment:
                break
            for state in states:
                state.release(moment)
            runner.pass_time()
        runner.clock.lift(partition, largest)
        runner.pass_time()

    holds = False

    def counted(self, line: Mapping[str, Any]) -> None:
        """Partitions count here."""

    def batch(self, line: Mapping[str, Any], *, again: bool = False) -> None:
        """Partitions count here."""

    def _lane(self, stream: str, shape: str) -> tuple[Lane | None, Bundle | None]:
        runner = self._streams.get(stream)
        for bundle in [] if runner is None else runner.bundles.values():
            for lane in bundle.lanes:
                if lane.group.shape == shape:
                    return lane, bundle
        return None, None

    def _begun(
        self, runner: StreamRunner, partition: Partition, partial: Mapping[str, int], largest: int
    ) -> None:
        """Which windows a partition did not see whole: as it says, and where a monitor begins here in the middle."""
        for bundle in runner.bundles.values():
            if any(of == partition for _, of in bundle.beginnings.awaited):
                bundle.reached(partition, largest)
            for lane in bundle.lanes:
                if isinstance(lane.window_state, MergedState) and lane.group.shape in partial:
                    lane.window_state.partial[str(partition)] = int(partial[lane.group.shape])
        self._not_whole(runner, partition, partial.get(shape_of(runner.plan.name)))

    def _not_whole(self, runner: StreamRunner, partition: Partition, until: int | None) -> None:
        """Until when a partition's records were not sent whole, which holds for all that waits for records."""
        mine = self._partial.setdefault(runner.plan.name, {})
        if until is None and not mine:
            return
        mine[partition] = NEVER if until is None else int(until)
        latest = max(mine.values())
        for bundle in runner.bundles.values():
            bundle.note_partial()
            for lane in _waiting(bundle):
                if latest != NEVER:
                    lane.partial_until = max(lane.partial_until, latest + lane.group.margin)

    def _spread(self, runner: StreamRunner, line: Mapping[str, Any]) -> None:
        """Count all partitions that there are, before one of them is judged."""
        for topic, count in line.get("spread", {}).items():
            self._whole.add(line["stream"])
            for number in range(count):
                _attach(runner, Partition(topic, number), None)


def _attach(runner: StreamRunner, partition: Partition, position: Position | None) -> None:
    """Count a partition from now on, or go on where it had come to; once."""
    if partition not in runner.clock:
        runner.attach(partition, position, from_start=position is None)
        runner.begin(partition)


def _states(runner: StreamRunner) -> list[MergedState]:
    """Those of all windows that span partitions."""
    return [
        lane.window_state
        for bundle in runner.bundles.values()
        for lane in bundle.lanes
        if isinstance(lane.window_state, MergedState)
    ]


def _waiting(bundle: Bundle) -> list[Lane]:
    """The lanes that wait for records; those of all others wait for parts."""
    return [lane for lane in bundle.lanes if not isinstance(lane.window_state, MergedState)]
