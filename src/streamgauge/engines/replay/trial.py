"""What drafts of monitors would have said of records of the past. Nothing is sent, stored or learned by what runs.

A draft begins knowing nothing; so that it has something to learn from, more records than asked for are read, and
what it says of those is left out.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np

from streamgauge.batch import Batch
from streamgauge.clock import SystemClock, iso
from streamgauge.config.drafting import drafted, unpacked
from streamgauge.config.models import Config
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.replay.records import Records
from streamgauge.engines.replay.replay import Input, replay
from streamgauge.engines.replay.trial_reading import Found, Listed, Wanted, given, read_again
from streamgauge.errors import ConfigError
from streamgauge.formats.contract import Decoder
from streamgauge.incident import Incident
from streamgauge.monitor import Monitor
from streamgauge.pipeline import Lane
from streamgauge.plan import Plan, make_plan
from streamgauge.sources.contract import Slice
from streamgauge.state import NoState
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import Rows, WindowResults

WINDOWS = 2_000
"""Windows that are shown, the newest."""
INCIDENTS = 1_000
"""Incidents that are told, the newest."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be tried.

    Attributes:
        config: what runs, :func:`packed <streamgauge.config.drafting.packed>`.
        before, after: monitors by name, as plain data; ``before`` is tried only where it is given.
        stream: on whose records.
        records: given ones; None: the stream's own.
        newest: event time of the newest record; None: not known.
        last: microseconds before that.
        wanted: bounds of reading.
    """

    config: dict[str, Any]
    after: dict[str, Any]
    stream: str
    wanted: Wanted
    before: dict[str, Any] | None = None
    records: list[dict[str, Any]] | None = None
    newest: int | None = None
    last: int | None = None


@dataclass(slots=True)
class Tried:
    """What some monitors would have said.

    Attributes:
        records: of the time that was asked for.
        start, end: event times of the first and the last of them.
        incidents: that began within that time, oldest first.
        windows: the newest, as plain data.
    """

    records: int = 0
    start: int | None = None
    end: int | None = None
    late: int = 0
    dead_letters: int = 0
    window_count: int = 0
    incidents: Sequence[Incident] = ()
    windows: Sequence[Mapping[str, Any]] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "records": self.records,
            "start": iso(self.start),
            "end": iso(self.end),
            "late": self.late,
            "dead_letters": self.dead_letters,
            "windows": self.window_count,
            "incidents": [incident.as_json() for incident in self.incidents],
            "windows_lines": list(self.windows),
        }


@dataclass(slots=True)
class Outcome:
    """What came of a job."""

    after: Tried
    before: Tried | None = None
    truncated: str | None = None
    seconds: float = 0.0
    changes: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "after": self.after.as_json(),
            "before": None if self.before is None else self.before.as_json(),
            "truncated": self.truncated,
            "seconds": round(self.seconds, 3),
            "changes": dict(self.changes),
        }


def run(job: Job) -> Outcome:
    """Read, and try.

    Raises:
        ConfigErrors: a draft is wrong.
        ConfigError: the stream's records are not kept.
        SourceError: they cannot be read now.
        DetectorFailedError: a monitor's step raised.
    """
    began = time.monotonic()
    config = unpacked(job.config)
    after = drafted(config, job.after)
    before = None if job.before is None else drafted(config, job.before)
    _check_streams(job, config, after)
    start = (
        None if job.newest is None or job.last is None or job.records is not None else job.newest - job.last
    )
    lead = max(_lead(config, job) for config in (after, before) if config is not None)
    span = (None if start is None else start - lead, start)
    found = _found(job, config, span[0])
    outcome = Outcome(_tried(after, job, found, span), truncated=found.truncated)
    if before is not None:
        outcome.before = _tried(before, job, found, span)
        outcome.changes = difference(before, after)
    outcome.seconds = time.monotonic() - began
    return outcome


def answer(job: bytes) -> dict[str, Any]:
    """As :func:`run`, with the job as JSON and what came of it as plain data."""
    return run(msgspec.json.decode(job, type=Job)).as_json()


def difference(before: Config, after: Config) -> dict[str, Any]:
    """Which monitors are new, gone, changed (where, from what, to what) and the same."""
    old = {name: monitor.public() for name, monitor in before.monitors.items()}
    new = {name: monitor.public() for name, monitor in after.monitors.items()}
    both = [name for name in old if name in new]
    changed = {name: list(_changes(old[name], new[name])) for name in both}
    return {
        "new": [name for name in new if name not in old],
        "gone": [name for name in old if name not in new],
        "changed": [{"monitor": name, "changes": found} for name, found in changed.items() if found],
        "same": [name for name, found in changed.items() if not found],
    }


def _changes(before: Any, after: Any, path: str = "") -> Iterator[dict[str, Any]]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _changes(before.get(key), after.get(key), f"{path}.{key}" if path else str(key))
    elif before != after:
        yield {"path": path, "before": before, "after": after}


def _found(job: Job, config: Config, start: int | None) -> Found:
    clock, stream = SystemClock(), config.streams[job.stream]
    if job.records is not None:
        return given(job.records, job.stream, stream.format.type, clock.now())
    return read_again(job.stream, stream, replace(job.wanted, start=start), clock)


def _check_streams(job: Job, running: Config, config: Config) -> None:
    if job.stream not in running.streams:
        known = ", ".join(running.streams) or "none"
        raise ConfigError(f"stream {job.stream!r} is none whose records can be tried on; there is: {known}")
    for name in job.after:
        origin = config.origin_of(name)
        if origin != job.stream and job.before is None:
            raise ConfigError(f"{name} watches {origin}, and the records are those of {job.stream}")


def _lead(config: Config, job: Job) -> int:
    """Microseconds before the time asked for that a draft needs to see: its windows, and what it learns from."""
    plan = make_plan(config)
    if job.stream not in plan.streams:
        return 0
    stream = plan.streams[job.stream]
    lead = 0
    for group in stream.every_group:
        learns = any(not isinstance(monitor.detector.initial(), NoState) for monitor in group.monitors)
        more = (job.last or 0) if learns else 0
        lead = max(lead, group.window.reach + more)
    return lead + stream.lateness


def _tried(config: Config, job: Job, found: Found, span: tuple[int | None, int | None]) -> Tried:
    stream = config.streams[job.stream]
    layout = make_plan(config).streams[job.stream].layout
    tap = _Since(open_decoder(stream, layout), *span)
    kept: list[_Seen] = []

    def observer(plan: Plan) -> Records:
        kept.append(_Seen(plan, span[1]))
        return kept[0]

    done = replay(config, {job.stream: Input(Listed(found.slices), tap)}, observer=observer)
    mine = [one for one in done.incidents_list if one.kind == "verdict" and fired_since(one, span[1])]
    return Tried(
        records=tap.records,
        start=tap.first,
        end=tap.last,
        late=done.lines[-1]["late"],
        dead_letters=len(done.dead_letters),
        window_count=kept[0].closed,
        incidents=mine[-INCIDENTS:],
        windows=list(kept[0].windows),
    )


def fired_since(incident: Incident, start: int | None) -> bool:
    """Whether anything of it fired after ``start``: what ended there is of a window that may not have been seen whole."""
    return start is None or max(incident.last_end or 0, incident.opened_at) > start


class _Since:
    """A decoder that leaves out what lies before ``first``, and counts what lies from ``start`` on."""

    def __init__(self, decoder: Decoder, first: int | None, start: int | None) -> None:
        self._decoder = decoder
        self._from = first
        self._start = start
        self.records = 0
        self.first: int | None = None
        self.last: int | None = None

    def decode(self, piece: Slice, now: int) -> Batch:
        """As the decoder does."""
        batch = self._decoder.decode(piece, now)
        if self._from is not None and len(batch) and int(batch.times.min()) < self._from:
            keep = np.flatnonzero(batch.times >= self._from)
            columns = {name: column.take(keep) for name, column in batch.columns.items()}
            batch = Batch(
                batch.stream, batch.partition, batch.offsets[keep], batch.times[keep], columns, batch.next_offset,
                batch.bad,
            )  # fmt: skip
        times = batch.times if self._start is None else batch.times[batch.times >= self._start]
        if len(times):
            self.records += len(times)
            low, high = int(times.min()), int(times.max())
            self.first = low if self.first is None else min(self.first, low)
            self.last = high if self.last is None else max(self.last, high)
        return batch


class _Seen(Records):
    """Keeps incidents, and the newest windows; verdicts of each record would be too many."""

    def __init__(self, plan: Plan, start: int | None) -> None:
        super().__init__(plan)
        self._start = start
        self.closed = 0
        self.windows: deque[Mapping[str, Any]] = deque(maxlen=WINDOWS)

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Closed windows."""
        del rows
        if lane.group.words == "each record" or not len(results):
            return
        closed = ~results.early
        if self._start is not None:
            closed &= results.starts >= self._start
        index = np.flatnonzero(closed)
        self.closed += len(index)
        for row in index[-WINDOWS:].tolist():
            key = results.keys.key(int(results.slots[row]))
            for monitor in lane.group.monitors:
                self.windows.append(
                    {
                        "monitor": monitor.name,
                        "key": list(key) if isinstance(key, tuple) else key,
                        "start": iso(int(results.starts[row])),
                        "end": iso(int(results.ends[row])),
                        "values": {
                            name: iso(column.at(row)) if column.kind == "timestamp" else column.at(row)
                            for name, column in results.columns.items()
                        },
                    }
                )

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Incidents tell what matters of them."""
