"""What watches the stream of the kill tests, and everything that it must come to: the same after every kill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from streamgauge.batch import Partition
from streamgauge.clock import iso
from streamgauge.testing import WebhookReceiver
from tests.exactness.running import PATIENCE, Run, looking, peek, until
from tests.exactness.stream import LATENESS, SENTINEL
from tests.services.kafka import Broker, unique

ALIGNED = ("burst", "spent", "apart")
"""Monitors for which also the deciding record must be the same."""

QUICK = {"heartbeat.interval.ms": 300, "session.timeout.ms": 6000}
SLOW = {"queued.max.messages.kbytes": 250, "fetch.message.max.bytes": 50_000, "fetch.queue.backoff.ms": 100}
"""Reads a few megabytes per second, so that there is a middle in which to be killed."""


def payments(
    broker: Broker, topic: str, *, settings: Mapping[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """The stream as a file says it."""
    source = {"type": "kafka", "brokers": broker.bootstrap, "topic": topic, "start": "earliest"}
    return {
        "source": {**source, "group": unique("group"), "settings": {**QUICK, **(settings or {})}},
        "format": "json",
        "fields": {
            "account": "string",
            "country": "string",
            "amount": {"type": "float", "min": 0},
            "refused": "bool",
            "at": "timestamp",
        },
        "key": "account",
        "partitioned_by": "account",
        "time": "at",
        "lateness": f"{LATENESS}s",
        **more,
    }


def _monitor(
    stream: str, window: dict[str, Any] | None, detect: dict[str, Any], **more: Any
) -> dict[str, Any]:
    cut = {} if window is None else {"window": window}
    return {"stream": stream, **cut, "detect": detect, "notify": "ops", **more}


def _over(when: str, **more: Any) -> dict[str, Any]:
    return {"type": "threshold", "when": when, **more}


def monitors(times: float = 1.0) -> dict[str, Any]:
    """Aligned, mergeable and single ones, silence, and the streams about the stream.

    ``times``: as in :class:`stream.Shape`, of the stream that they watch.
    """
    five = {
        "type": "tumbling",
        "size": "5s",
        "by": "account",
        "compute": {"events": "count(*)", "spent": "sum(amount)"},
    }
    minute = {
        "type": "hopping",
        "size": "60s",
        "advance": "10s",
        "by": "account",
        "compute": {"spent": "sum(amount)"},
    }
    refused = {
        "type": "tumbling",
        "size": "10s",
        "by": "country",
        "compute": {"n": "count(*)", "mean": "avg(amount)"},
    }
    everything = {"type": "tumbling", "size": "10s", "compute": {"n": "count(*)", "spent": "sum(amount)"}}
    few = {"type": "tumbling", "size": "30s", "by": "stream", "compute": {"n": "count(*)"}}
    heat = {"type": "count", "size": 100, "every": 10, "by": "machine", "compute": {"mean": "avg(heat)"}}
    return {
        "burst": _monitor("payments", five, _over("events > 45", clear_when="events < 20")),
        "spent": _monitor("payments", minute, _over("spent > 15000")),
        "refused": _monitor("payments", refused, _over(f"n > {round(150 * times)}"), where="refused"),
        "all": _monitor("payments", everything, _over(f"n > {round(3333 * times) + 60}")),
        "quiet": _monitor("payments", None, {"type": "silence", "by": "country", "after": "20s"}),
        "bad": _monitor("streamgauge.dead_letters", few, _over(f"n > {round(20 * min(times, 1))}")),
        "late": _monitor(
            "streamgauge.late", {**few, "by": "monitor"}, _over(f"n > {round(12 * min(times, 1))}")
        ),
        "apart": _monitor("accounts", five, _over("events > 45", clear_when="events < 20")),
        "heat": _monitor("readings", heat, _over("mean > 70")),
    }


def config(
    broker: Broker,
    topics: Mapping[str, str],
    receiver: WebhookReceiver,
    settings: Mapping[str, Any] | None = None,
    *,
    times: float = 1.0,
) -> dict[str, Any]:
    """The whole file. ``accounts`` reads the same topic with aligned monitors only, so without merging."""
    readings = {
        **payments(broker, topics["readings"], settings=settings),
        "fields": {"machine": "string", "heat": "float", "at": "timestamp"},
        "key": [],
        "partitioned_by": [],
    }
    return {
        "streams": {
            "payments": payments(broker, topics["payments"], settings=settings),
            "accounts": payments(broker, topics["payments"], settings=settings),
            "readings": readings,
        },
        "monitors": monitors(times),
        "channels": {"ops": {"type": "webhook", "url": receiver.url}},
    }


@dataclass
class Found:
    """What a finished run left in its store."""

    incidents: dict[str, dict[str, Any]]
    windows: dict[str, list[tuple[Any, ...]]]
    late: dict[tuple[str, int], int]
    dead_letters: set[tuple[str, str, int, str]]
    notices: Counter[str]

    def without(self, monitor: str) -> Found:
        """The same, but for what one monitor found."""
        return replace(
            self,
            incidents={name: i for name, i in self.incidents.items() if i["monitor"] != monitor},
            windows={name: rows for name, rows in self.windows.items() if name != monitor},
            notices=Counter(
                {name: n for name, n in self.notices.items() if not name.startswith(f"{monitor}-")}
            ),
        )

    def same_as(self, other: Found) -> None:
        """Assert that nothing differs, saying what does."""
        assert self.dead_letters == other.dead_letters
        assert self.late == other.late
        for monitor in sorted({*self.windows, *other.windows}):
            mine, theirs = Counter(self.windows[monitor]), Counter(other.windows[monitor])
            assert mine == theirs, (
                f"{monitor}: {list((mine - theirs).items())[:5]} | {list((theirs - mine).items())[:5]}"
            )
        assert self.incidents.keys() == other.incidents.keys(), sorted(
            self.incidents.keys() ^ other.incidents.keys()
        )
        for name, incident in self.incidents.items():
            differs = {
                what: (incident[what], value)
                for what, value in other.incidents[name].items()
                if incident[what] != value
            }
            assert not differs, f"{name}: {differs}"
        assert self.notices == other.notices


def ends_of(broker: Broker, topic: str, partitions: int) -> dict[Partition, int]:
    """Where the partitions of a topic end."""
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

    asked = {TopicPartition(topic, n): OffsetSpec.latest() for n in range(partitions)}
    return {
        Partition(where.topic, where.partition): future.result(20).offset
        for where, future in broker.admin.list_offsets(asked).items()
    }


ABOUT = ("streamgauge.dead_letters", "streamgauge.late")


def is_done(path: Path, ends: Mapping[str, Mapping[Partition, int]], *, through: int | None = None) -> bool:
    """All streams committed to their ends, and nothing waits to be told.

    ``through``: in the streams that tell of them event time has come as far, too.
    """

    def look(store: Any) -> bool:
        told = [at.largest_time for name in ABOUT for at in store.positions(name).values()]
        if through is not None and min(told, default=through) < through:
            return False
        for stream, wanted in ends.items():
            positions = store.positions(stream)
            if any(p not in positions or positions[p].next_offset < end for p, end in wanted.items()):
                return False
        return not any(store.outbox_depth().values())

    return bool(peek(path, look))


def finish(
    path: Path,
    ends: Mapping[str, Mapping[Partition, int]],
    *,
    within: float = PATIENCE,
    through: int | None = None,
) -> None:
    """Run until all is read and told, then SIGTERM."""
    with Run(path) as run:
        until(lambda: run.says("server listens"), "its start", within=within, alive=run)
        until(lambda: is_done(path, ends, through=through), "all read and told", within=within, alive=run)
        assert run.stop() == 0, run.log


def found(path: Path, broker_monitors: Mapping[str, Any]) -> Found:
    """What the store of a finished run holds."""
    with looking(path) as look:
        incidents = {i.id: plain(i) for i in look.incidents(limit=100_000)}
        windows = {name: _rows(look.history(name)) for name in broker_monitors}
        late = {(each.monitor, each.window_start): each.count for each in look.late_counts()}
        letters = {(d.stream, str(d.partition), d.offset, d.reason) for d in look.dead_letters(limit=100_000)}
    told = Counter(f"{name}#{n + 1}" for name, i in incidents.items() for n in range(i["notices"]))
    return Found(incidents, windows, late, letters, told)


def plain(incident: Any) -> dict[str, Any]:
    """What must be the same of an incident."""
    same = {
        "monitor": incident.monitor,
        "key": incident.key,
        "state": str(incident.state),
        "window": (iso(incident.window_start), iso(incident.window_end)),
        "last": (iso(incident.last_start), iso(incident.last_end)),
        "observed": dict(incident.observed),
        "notices": incident.notices,
        "reason": incident.reason,
        "resolved_at": iso(incident.resolved_at),
    }
    if incident.monitor in (*ALIGNED, "heat"):
        more = (iso(incident.opened_at), incident.offset, incident.partition, incident.early, incident.title)
        same["deciding"] = more
    return same


def _rows(frame: Any) -> list[tuple[Any, ...]]:
    """Closed windows, but for those of the sentinels, which only the passing of time closes."""
    if not frame.height:
        return []
    names = ["key", "window_start", "window_end"]
    values = sorted(name for name in frame.columns if name not in names)
    return [row for row in frame.select(names + values).rows() if row[1] < SENTINEL]


def check_told(receiver: WebhookReceiver, result: Found) -> None:
    """Every notice came at least once under its id, and no id told two things."""
    bodies: dict[str, dict[str, Any]] = {}
    for request in list(receiver.received):
        name = request.headers["idempotency-key"]
        assert name == request.json["notice"]
        assert bodies.setdefault(name, request.json) == request.json, name
    assert {f"{body['id']}#{body['n']}" for body in bodies.values()} == set(result.notices)
