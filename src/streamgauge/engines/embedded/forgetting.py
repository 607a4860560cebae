"""What is remembered of keys without an incident goes once it can change nothing: the store stays bounded.

How often a key flapped counts for so long, and what people declared to be over shuts windows that lie behind. Both
end by event time, so they go when every partition of the monitor's stream has come beyond it; going changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from streamgauge.batch import NEVER
from streamgauge.engines.running.round import Runners
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.incidents.board import Board

AFTER = 3_600_000_000
"""Microseconds of event time beyond that end: what is out of order may still come."""

EVERY = 60.0
"""Seconds between two looks."""


class Forgetting:
    """Looks at all memories once in a while.

    Args:
        runners: whose time counts.
        board: where memories are.
    """

    def __init__(self, runners: Runners, board: Board) -> None:
        self._runners = runners
        self._board = board
        self._looked_at: float | None = None

    def look(self, now: float) -> None:
        """Forget what counts no more, unless that was looked at just now; ``now`` is monotonic seconds."""
        if self._looked_at is not None and now - self._looked_at < EVERY:
            return
        self._looked_at = now
        if not self._board.memory:
            return
        ends = dict(self._ends())
        gone = [
            name
            for name, memory in self._board.memory.items()
            if memory.monitor in ends
            and memory.counts_until(ends[memory.monitor][1]) < ends[memory.monitor][0]
        ]
        for name in gone:
            self._board.remember(name, None)

    def _ends(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """By monitor: up to which event time nothing comes any more, and for how long flapping counts."""
        for stream in self._runners.streams.values():
            for name, runner in _slowest(stream).items():
                mark = runner.clock.minimum()
                within = self._runners.plan.monitors[name].policy.rule.flaps_within
                yield name, (NEVER if mark == NEVER else mark - AFTER, within)


def _slowest(stream: StreamRunner) -> dict[str, StreamRunner]:
    """Who judges each monitor; of several (one per partition of what it watches) the one that is furthest behind."""
    found: dict[str, StreamRunner] = {}
    for runner in stream.nested:
        for group in runner.plan.groups:
            for monitor in group.monitors:
                other = found.get(monitor.name)
                if other is None or runner.clock.minimum() < other.clock.minimum():
                    found[monitor.name] = runner
    return found
