"""What the tests of the server and of the looking verbs start from: a store with a past, and a picture of an engine."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from streamgauge.batch import BadRecord, Column, Partition
from streamgauge.clock import Clock
from streamgauge.config import load
from streamgauge.config.models import Config
from streamgauge.engines.reporting.spread import Spread
from streamgauge.engines.reporting.status import (
    EngineStatus,
    MonitorStatus,
    PartitionStatus,
    StatusBoard,
    StreamStatus,
)
from streamgauge.engines.reporting.totals import COMMIT_BOUNDS, NOTICE_BOUNDS
from streamgauge.incident import Incident, IncidentState, Notice
from streamgauge.incidents.actions import Asked, Refusal
from streamgauge.keys import Key, key_text
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit, HistoryBlock, LateCount, Position
from streamgauge.testing import PushedClock

SECOND = 1_000_000
START = 1_700_000_000 * SECOND
"""2023-11-14T22:13:20Z, a multiple of 5 s."""

P0, P1 = Partition("payments", 0), Partition("payments", 1)

FILE = """\
streams:
  payments:
    source: {{type: kafka, brokers: "localhost:9092", topic: payments}}
    format: json
    fields: {{id: string, account: string, amount: {{type: float, min: 0}}, country: string, at: timestamp}}
    partitioned_by: account
    time: at
    lateness: 2s

monitors:
  burst:
    stream: payments
    description: many payments of one account
    window: {{type: tumbling, size: 5s, by: account, compute: {{events: count(*), spent: sum(amount)}}}}
    detect: {{type: threshold, when: events > 100 and (spent > 1000 or events > 500)}}
  refused:
    stream: payments
    where: amount > 10
    window: {{type: tumbling, size: 5s, by: country, compute: {{mean: avg(amount)}}}}
    detect: {{type: threshold, when: mean > 50, clear_when: mean < 40}}
  went-quiet:
    stream: payments
    detect: {{type: silence, by: country, after: 30s}}

store: sqlite:///{store}
"""


def configuration(folder: Path) -> Config:
    """The file above with its store in ``folder``; written there as ``payments.yaml``."""
    file = folder / "payments.yaml"
    file.write_text(FILE.format(store=folder / "streamgauge.db"), encoding="utf-8")
    return load(file)


def incident(key: Key = "a-7", *, monitor: str = "burst", number: int = 0, **changes: Any) -> Incident:
    """One that fires; ``number`` counts windows of 5 s."""
    start = START + number * 5 * SECOND
    fields: dict[str, Any] = {
        "monitor": monitor,
        "key": key,
        "kind": "verdict",
        "episode": start,
        "state": IncidentState.FIRING,
        "severity": "critical",
        "opened_at": start + SECOND,
        "title": f"{monitor} of {key}: events 101",
        "window_start": start,
        "window_end": start + 5 * SECOND,
        "observed": {"events": 101, "spent": 1500.0},
        "expected": "not (events > 100 and (spent > 1000 or events > 500))",
        "notices": 1,
    }
    return Incident(**{**fields, **changes})


def ended(of: Incident) -> Incident:
    """The same at its end."""
    from dataclasses import replace

    return replace(
        of, state=IncidentState.RESOLVED, resolved_at=of.opened_at + 9 * SECOND, reason="recovered"
    )


def windows(monitor: str, keys: list[Key], number: int, **values: list[Any]) -> HistoryBlock:
    """Closed windows of 5 s, one per key."""
    start = START + number * 5 * SECOND
    columns = {name: np.array(column) for name, column in values.items()}
    return HistoryBlock(
        monitor,
        start + 5 * SECOND,
        start + 5 * SECOND,
        {
            "key": Column("string", values=[key_text(key) for key in keys]),
            "window_start": np.full(len(keys), start),
            "window_end": np.full(len(keys), start + 5 * SECOND),
            **columns,
        },
    )


def past() -> list[Commit]:
    """What a run has left: two windows, an incident that fires, one that ended, bad and late records."""
    firing, done = incident("a-7", number=1), ended(incident("a-9", number=0))
    reached = {("payments", P0): Position(120, START + 12 * SECOND, START - 99 * SECOND),
               ("payments", P1): Position(80, START + 11 * SECOND, START - 99 * SECOND)}  # fmt: skip
    bad = [
        BadRecord(P0, 17, "not JSON: the text ends too early", b'{"id": "x", "acc', START + SECOND),
        BadRecord(
            P1,
            5,
            "amount: -1 is below 0",
            b'{"account":"a","amount":-1,"at":1700000001000}',
            START + 2 * SECOND,
        ),
    ]
    return [
        Commit(
            history=[windows("burst", ["a-7", "a-9"], 0, events=[3, 101], spent=[9.5, 1500.0])],
            incidents=[incident("a-9", number=0)],
            notices=[Notice(incident("a-9", number=0), 1, "console")],
        ),
        Commit(
            positions=reached,
            history=[windows("burst", ["a-7", "a-9"], 1, events=[101, 7], spent=[1500.0, 20.0])],
            incidents=[firing, done],
            notices=[Notice(firing, 1, "console"), Notice(done, 2, "console")],
            dead_letters=[("payments", record) for record in bad],
            late=[LateCount("burst", START, 4)],
        ),
    ]


def fill(config: Config, commits: list[Commit], clock: Clock | None = None) -> None:
    """Make the store of ``config`` by these commits, and let go of it."""
    store = open_store(
        config.store.url, owner=Owner.this_process(), clock=clock or PushedClock(START + 14 * SECOND)
    )
    for commit in commits:
        store.commit(commit)
    store.close()


def picture(at: int, turned_at: float = 0.0, **changes: Any) -> EngineStatus:
    """An engine in the middle of its work; ``at`` is its wall clock."""
    mark = START + 9 * SECOND
    partitions = {
        str(P0): PartitionStatus(120, 125, 5, caught_up=False, watermark=mark + SECOND),
        str(P1): PartitionStatus(80, 80, 0, caught_up=True, watermark=mark),
    }
    source = {
        "type": "kafka",
        "brokers": ["localhost:9092"],
        "topic": "payments",
        "group": "streamgauge-payments",
    }
    stream = StreamStatus(
        records=200, late=4, dead_letters=2, rate=41.5, watermark=mark, delay=(at - mark) / 1e6,
        partitions=partitions, source=source, group="streamgauge-payments", consumed={"payments": 202},
    )  # fmt: skip
    burst = MonitorStatus("payments", "aligned", "grouped by account", 2, 1, 1, None, START + 10 * SECOND)
    refused = MonitorStatus("payments", "mergeable", "grouped by country", 3, 2, 0, "paused by hand")
    quiet = MonitorStatus("payments", "mergeable", "grouped by country", 3, 0, 0)
    fields: dict[str, Any] = {
        "at": at,
        "started_at": START - 60 * SECOND,
        "turned_at": turned_at,
        "ready": True,
        "streams": {"payments": stream},
        "monitors": {"burst": burst, "refused": refused, "went-quiet": quiet},
        "commits": 7,
        "commit_seconds": 0.004,
        "commit_times": Spread(COMMIT_BOUNDS, (0, 3, 4, *[0] * 10), 0.03),
        "waiting": {"console": 2},
        "notices": {("console", "delivered"): 3, ("console", "try again"): 1},
        "notice_times": {"console": Spread(NOTICE_BOUNDS, (3, *[0] * 12), 0.02)},
        "open": {("burst", "critical"): 1},
        "opened": {("burst", "critical"): 2, ("refused", "warning"): 1},
    }
    return EngineStatus(**{**fields, **changes})


@dataclass
class Engine:
    """Remembers what it was asked; where ``refuses`` says why, nothing is done about incidents."""

    acts: list[Asked] = field(default_factory=list)
    refuses: str = ""

    def act(self, asked: Asked) -> Future[dict[str, Any]]:
        self.acts.append(asked)
        answer: Future[dict[str, Any]] = Future()
        if self.refuses:
            answer.set_exception(Refusal(self.refuses))
        else:
            answer.set_result({})
        return answer


@dataclass
class Process:
    """A running process as the server sees it."""

    config: Config
    clock: PushedClock = field(default_factory=lambda: PushedClock(START + 14 * SECOND))
    status: StatusBoard = field(init=False)
    engine: Engine | None = field(default_factory=Engine)

    def __post_init__(self) -> None:
        self.status = StatusBoard(self.clock.now())
        self.show()

    def show(self, **changes: Any) -> None:
        """Let the engine put this picture on its board."""
        self.status.now = picture(self.clock.now(), self.clock.monotonic(), **changes)


def get(url: str, path: str, **parameters: Any) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    answer = httpx.get(url + path, params=parameters, timeout=60)
    return answer.status_code, answer.json()


def body(url: str, path: str, **parameters: Any) -> Any:
    """The JSON of an answer that must be fine."""
    status, found = get(url, path, **parameters)
    assert status == 200, found
    return found


def micros(seconds: float) -> int:
    """Seconds after :data:`START`."""
    return START + round(seconds * SECOND)
