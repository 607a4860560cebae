"""Incidents about the watching itself: a source lost, a detector that failed, keys beyond the limit or misplaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from streamgauge.batch import Partition
from streamgauge.clock import Clock, format_duration
from streamgauge.engines.embedded.intake import Intake
from streamgauge.engines.embedded.job_mishaps import PREFIX as JOB
from streamgauge.engines.running.stream_runner import StreamRunner
from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.board import Board
from streamgauge.incidents.lifecycle import mended, mishap, post
from streamgauge.incidents.muting import SILENCE_ENDS
from streamgauge.incidents.route import NOBODY
from streamgauge.incidents.settle import ended
from streamgauge.keys import Key, KeySlots, key_label
from streamgauge.plan import Plan, StreamPlan

SOURCE_LOST = "source lost"
DETECTOR_FAILED = "detector failed"
KEY_LIMIT = "key limit"
TWO_PARTITIONS = "key on two partitions"
SINK_OVERFLOW = "sink overflow"

KEYS_COMPARED = 200_000
"""Per grouping, the first so many keys are remembered to see whether one turns up on a second partition."""


Homes = dict[tuple[str, tuple[str, ...]], dict[Key, Partition]]
"""By stream and grouping, the partition on which each key was first seen."""


class Mishaps:
    """Watches what surrounds the monitors and opens and ends incidents about it. Their times are wall clock.

    Args:
        plan: what runs.
        board: where incidents are.
        clock: says when.
        homes: where keys were seen, if others look at other partitions.
    """

    def __init__(self, plan: Plan, board: Board, clock: Clock, *, homes: Homes | None = None) -> None:
        self._plan = plan
        self._board = board
        self._clock = clock
        self._homes: Homes = {} if homes is None else homes
        self._seen: dict[tuple[str, tuple[str, ...], Partition], int] = {}

    def watch_source(self, stream: str, intake: Intake, runner: StreamRunner) -> None:
        """Open ``source lost`` when a partition has given no sign of life for ``source_timeout``."""
        config = runner.plan.config
        assert config is not None
        limit = config.source_timeout.total_seconds()
        silent = intake.silent_for()
        name, now = f"stream {stream}", self._clock.now()
        if silent <= limit:
            if intake.heard:  # one that was lost when we were started may be lost still
                mended(self._board, name, SOURCE_LOST, now, _channels(runner.plan))
            return
        trouble = intake.source.describe().get("trouble")
        title = (
            f"{stream}: the source has given no sign of life for {format_duration(config.source_timeout)}"
            f"{f' ({trouble})' if trouble else ''}; nothing is judged until it is back, and nothing is lost"
        )
        self._open(name, SOURCE_LOST, title, runner.plan)

    def watch_keys(self, stream: str, runner: StreamRunner) -> None:
        """Open an incident when keys pool into ``__other__``, or when a key is on two partitions."""
        for (by, partition), bundle in runner.bundles.items():
            if bundle.keys.pooled > bundle.pooled_told:
                bundle.pooled_told = bundle.keys.pooled
                self._open(
                    f"stream {stream}",
                    KEY_LIMIT,
                    f"{stream}: more than {bundle.keys.limit} keys of {', '.join(by)}; new ones are pooled as "
                    "__other__; raise `limits: {keys: …}` or group by something coarser",
                    runner.plan,
                )
            if partition is not None:
                self._compare(stream, runner.plan, by, partition, bundle.keys)

    def failed(self, monitor: str, reason: str) -> None:
        """A monitor's step raised and it is paused."""
        planned = self._plan.monitors[monitor]
        title = (
            f"{monitor} failed and is paused: {reason}; the others go on; resume it once the cause is mended"
        )
        self._open(monitor, DETECTOR_FAILED, title, None, planned.policy.channels)

    def overflow(self, sink: str, limit: int, dropped: int, decided: Mapping[str, tuple[int, int]]) -> None:
        """Rows of a sink found no room; the incident grows with each commit that drops some.

        Args:
            sink: ``monitor NAME`` or ``stream NAME``.
            limit: how many rows may wait.
            dropped: how many were dropped now.
            decided: by partition, the first and the last of the records that decided them.
        """
        name, channels = self._of_sink(sink)
        current = self._board.current(name, None, SINK_OVERFLOW)
        before = {} if current is None else current.evidence
        rows = dropped + int(before.get("rows", 0))
        places = _together(before.get("offsets", {}), decided)
        evidence = {"rows": rows, "offsets": places}
        ranges = "; ".join(f"{place} {first} to {last}" for place, (first, last) in places.items())
        title = (
            f"{sink}: {limit:,} rows wait for its sink already, and {rows:,} more were dropped, decided by the records "
            f"{ranges}; mend the sink, and fill the gap with `streamgauge replay FILE --refill {name}`"
        )
        if current is None:
            self._open(name, SINK_OVERFLOW, title, None, channels, evidence)
        else:
            self._board.put(replace(current, title=title, evidence=evidence))

    def room(self, sink: str) -> None:
        """All rows of a sink found room again."""
        name, channels = self._of_sink(sink)
        mended(self._board, name, SINK_OVERFLOW, self._clock.now(), channels)

    def _of_sink(self, sink: str) -> tuple[str, tuple[str, ...]]:
        """Under which name its incidents are told, and through which channels."""
        kind, _, name = sink.partition(" ")
        if kind == "monitor":
            return name, self._plan.monitors[name].policy.channels
        return sink, _channels(self._plan.streams[name])

    def resumed(self, monitor: str) -> None:
        """A paused monitor takes part again."""
        planned = self._plan.monitors.get(monitor)
        channels = planned.policy.channels if planned is not None else ()
        mended(self._board, monitor, DETECTOR_FAILED, self._clock.now(), channels, reason="resumed")

    def removed(self, told_through: Callable[[str], list[str]], jobs: Iterable[str] = ()) -> None:
        """End what is open of monitors, streams and jobs that the configuration does not name any more.

        Args:
            told_through: the channels of a notice by its id: who heard of the beginning hears of the end.
            jobs: their names.
        """
        present = {*self._plan.monitors, *(f"stream {name}" for name in self._plan.streams)}
        present |= {JOB + name for name in jobs}
        for incident in self._board.all():
            if incident.monitor not in present and incident.kind != SILENCE_ENDS:
                channels = told_through(f"{incident.id}-1") if incident.open else []
                post(incident, ended(incident, self._clock.now(), "removed"), channels, self._board)

    def _compare(
        self, stream: str, plan: StreamPlan, by: tuple[str, ...], partition: Partition, keys: KeySlots
    ) -> None:
        homes = self._homes.setdefault((stream, by), {})
        first = self._seen.get((stream, by, partition), 0)
        new = keys.known_from(first)
        self._seen[stream, by, partition] = first + len(new)
        for key in new:
            home = homes.get(key)
            if home is None:
                if len(homes) < KEYS_COMPARED:
                    homes[key] = partition
            elif home != partition and key is not None:
                self._open(
                    f"stream {stream}",
                    TWO_PARTITIONS,
                    f"{stream}: records of {key_label(key)} are on {home} and on {partition}, though "
                    f"`partitioned_by` says one; its windows are counted apart; take `partitioned_by` away or "
                    "mend the producer's partitioner",
                    plan,
                )
                return

    def _open(
        self,
        name: str,
        kind: str,
        title: str,
        plan: StreamPlan | None,
        channels: tuple[str, ...] | None = None,
        evidence: Mapping[str, Any] | None = None,
    ) -> None:
        now = self._clock.now()
        incident = Incident(
            monitor=name,
            key=None,
            kind=kind,
            episode=now,
            state=IncidentState.FIRING,
            severity="critical",
            opened_at=now,
            title=title,
            evidence=evidence or {},
        )
        if channels is None:
            channels = _channels(plan) if plan is not None else ()
        mishap(self._board, incident, channels)


def _channels(plan: StreamPlan) -> tuple[str, ...]:
    """Everyone who hears of some monitor of the stream; empty where the route decides of one."""
    told = [m.policy.channels for group in plan.groups for m in group.monitors]
    named = tuple(dict.fromkeys(c for channels in told for c in channels if channels != NOBODY))
    return (named or (NOBODY if told else ())) if all(told) else ()


def _together(
    before: Mapping[str, tuple[int, int]], now: Mapping[str, tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    """Both ranges of offsets in one, per partition."""
    joined = {place: (first, last) for place, (first, last) in before.items()}
    for place, (first, last) in now.items():
        low, high = joined.get(place, (first, last))
        joined[place] = (min(low, first), max(high, last))
    return joined
