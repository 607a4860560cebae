"""The same records through the embedded engine, and through partitions as Spark calls them; and what the stores hold."""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from streamgauge.batch import Partition
from streamgauge.config.models import Config
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.embedded.engine import Engine, Surroundings
from streamgauge.engines.embedded.intake import Intake
from streamgauge.engines.outgoing.delivery import Delivery
from streamgauge.engines.outgoing.sinking import Sinking
from streamgauge.engines.reporting.status import StatusBoard
from streamgauge.engines.spark.job import works
from streamgauge.engines.spark.notifying import NotifyEngine
from streamgauge.engines.spark.partition import PartitionRun, Told
from streamgauge.plan import make_plan
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Reading
from streamgauge.stores.rows import json_text
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import ListedSource, PushedClock, RecordingChannel, listed
from tests.replaying import STREAM, Record

NOW = 1_700_000_000_000_000
LINES = Partition("verdicts", 0)

Records = Mapping[int, Sequence[Record]]
Sinks = Callable[[SqlStore], Sinking]
"""Makes what carries rows away."""


def judged(
    configured: Config,
    records: Records,
    *,
    cuts: Iterable[int] = (),
    forgetful: bool = False,
    told: Sequence[Told] = (),
    run: str = "run",
) -> list[bytes]:
    """The lines of all partitions.

    ``cuts``: where micro-batches end. ``forgetful``: each call finds its state as bytes, as in another process. ``told``
    comes after all records, one per call.
    """
    lines: list[bytes] = []
    work = works(configured, {STREAM: [STREAM]})[STREAM]
    for number, rows in records.items():
        partition, clock = Partition(STREAM, number), PushedClock(NOW)
        edges = [0, *sorted(cut for cut in set(cuts) if 0 < cut < len(rows)), len(rows)]
        pieces = [
            listed(rows[a:b], partition=partition, start=a) for a, b in itertools.pairwise(edges) if b > a
        ]
        calls = [(piece, None) for piece in pieces] + [(None, one) for one in told]
        call: PartitionRun | None = None
        saved = None
        for piece, end in calls:
            if call is None or forgetful:
                call = PartitionRun(work, partition, clock, saved)
            lines += [
                json_text({**line, "run": run, "id": f"{run}/{line['source']}/{line['n']}"}).encode()
                for line in call.take(piece, end)
            ]
            saved = call.save()
    return lines


def kinds(lines: Iterable[bytes], *wanted: str) -> list[dict[str, Any]]:
    """The lines of some kinds (none named: of all), decoded."""
    return [line for line in map(msgspec.json.decode, lines) if not wanted or line["kind"] in wanted]


class Notified:
    """A ``notify`` whose loop the test turns."""

    def __init__(self, configured: Config, file: Path, sinking: Sinks | None = None) -> None:
        self.configured = configured
        self._sinking = sinking
        self.clock = PushedClock(NOW)
        self.store: SqlStore = open_store(f"sqlite:///{file}", owner=Owner.this_process(), clock=self.clock)
        self.source = ListedSource(clock=self.clock, finite=False, partitions=[LINES])
        self.count = 0
        self.engine = self.started()

    def started(self) -> NotifyEngine:
        """A new one over the same store, as after a kill."""
        delivery = Delivery(self.store, {"console": RecordingChannel()}, self.clock)
        board = StatusBoard(self.clock.now())
        sinking = None if self._sinking is None else self._sinking(self.store)
        surroundings = Surroundings(self.store, {}, delivery, self.clock, board, sinking=sinking)
        self.engine = NotifyEngine(self.configured, surroundings, self.source)
        self.source.open(self.engine._next)
        return self.engine

    def add(self, lines: Sequence[bytes]) -> None:
        """Let ``lines`` wait to be read."""
        if lines:
            self.source.add(listed(lines, partition=LINES, start=self.count))
            self.count += len(lines)

    def hear(self, lines: Sequence[bytes]) -> SqlStore:
        """Read ``lines``, and commit."""
        self.add(lines)
        while self.engine._next.get(LINES, 0) < self.count:
            self.engine.turn()
        self.engine.commit()
        return self.store


def embedded(configured: Config, records: Records, file: Path, sinking: Sinks | None = None) -> SqlStore:
    """The store after the embedded engine has read all; no time passes without records."""
    clock = PushedClock(NOW)
    store: SqlStore = open_store(f"sqlite:///{file}", owner=Owner.this_process(), clock=clock)
    plan = make_plan(configured).streams[STREAM]
    slices = [listed(rows, partition=Partition(STREAM, number)) for number, rows in records.items()]
    source = ListedSource(slices, clock=clock, finite=False)
    source.freeze_tails()
    intake = Intake(plan, source, open_decoder(configured.streams[STREAM], plan.layout), clock, finite=False)
    delivery = Delivery(store, {"console": RecordingChannel()}, clock)
    carrying = None if sinking is None else sinking(store)
    board = StatusBoard(clock.now())
    surroundings = Surroundings(store, {STREAM: intake}, delivery, clock, board, sinking=carrying)
    engine = Engine(configured, surroundings)
    intake.start({})
    wanted = {Partition(STREAM, number): len(rows) for number, rows in records.items()}
    while engine.runners.streams[STREAM].next_offset != wanted:
        engine.turn()
    engine.commit()
    return store


def held(store: Reading, configured: Config) -> dict[str, Any]:
    """What a store holds of a run, in an order of its own; without moments of the wall clock."""
    return {
        "incidents": sorted((_decided(i.as_json()) for i in store.incidents(limit=10_000)), key=json_text),
        "windows": {
            name: sorted(map(json_text, store.history(name).to_dicts())) for name in configured.monitors
        },
        "late": sorted((late.monitor, late.window_start, late.count) for late in store.late_counts()),
        "bad": sorted(
            (str(bad.partition), bad.offset, bad.reason, bad.payload, bad.at) for bad in store.dead_letters()
        ),
    }


def _decided(incident: dict[str, Any]) -> dict[str, Any]:
    incident.pop("acknowledged_at")
    return incident
