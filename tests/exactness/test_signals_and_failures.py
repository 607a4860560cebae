"""What is done to a running process from outside, and what fails within: the others go on, to the record."""

from __future__ import annotations

import json
import os
import signal
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.clock import to_micros
from streamgauge.config import load
from streamgauge.engines.embedded.session import Session
from streamgauge.incident import Incident
from streamgauge.sources import scenarios
from streamgauge.sources.scenarios.contract import start_run
from streamgauge.sources.synthetic import START, Generation
from streamgauge.testing import WebhookReceiver
from tests.exactness.running import Run, looking, peek, read_so_far, until, write
from tests.exactness.watching import QUICK
from tests.services.kafka import Broker, unique

pytestmark = pytest.mark.services

RATE = 1_000
SEED = 5
PARTITIONS = 2
SECOND = 1_000_000
PLAIN = {"STREAMGAUGE_JIT": "off"}

Windows = dict[tuple[Any, int], int]
"""Records by key and window start (microseconds)."""


@cache
def records(count: int) -> list[dict[str, Any]]:
    """What the stream holds, decoded here once more."""
    payments = scenarios.find("payments")
    begin = to_micros(START)
    generation = Generation(payments, start_run(payments, seed=SEED, start=begin, rate=RATE, faults=False))
    found: list[dict[str, Any]] = []
    while len(found) < count:
        found.extend(map(json.loads, generation.read(len(found), count - len(found)).payloads))
    return found


def counted(count: int, by: str | None, seconds: int) -> Windows:
    """The windows of the first ``count`` records, counted without the engine."""
    size = seconds * SECOND
    keys = ((record[by] if by else None, record["at"] * 1000 // size * size) for record in records(count))
    return dict(Counter(keys))


def window(by: str | None, seconds: int) -> dict[str, Any]:
    """A tumbling window that counts."""
    cut = {"type": "tumbling", "size": f"{seconds}s", "compute": {"n": "count(*)"}}
    return cut if by is None else {**cut, "by": by}


def monitor(by: str | None, seconds: int, when: str = "n > 1000000", **more: Any) -> dict[str, Any]:
    """A limit over a tumbling window."""
    detect = {"type": "threshold", "when": when}
    return {"stream": "payments", "window": window(by, seconds), "detect": detect, "notify": "ops", **more}


def rules(count: int, receiver: WebhookReceiver, monitors: Mapping[str, Any]) -> dict[str, Any]:
    """``count`` payments at their own pace from a fixed beginning; none is late."""
    source = {"type": "synthetic", "scenario": "payments", "rate": RATE, "records": count, "seed": SEED}
    return {
        "streams": {
            "payments": {
                "source": {**source, "partitions": PARTITIONS, "faults": False},
                "format": "json",
                "fields": {"account": "string", "country": "string", "at": "timestamp"},
                "partitioned_by": "account",
                "time": "at",
                "lateness": "1s",
            }
        },
        "monitors": dict(monitors),
        "channels": {"ops": {"type": "webhook", "url": receiver.url}},
    }


def windows(path: Path, name: str) -> Windows:
    """The windows that a monitor has closed; each once."""
    with looking(path) as look:
        frame = look.history(name)
    rows = frame.select("key", "window_start", "n").rows() if frame.height else []
    found = {(_key(json.loads(key)), start): n for key, start, n in rows}
    assert len(found) == len(rows), f"{name}: some window was closed twice"
    return found


def _key(key: Any) -> Any:
    return None if key == [] else key


def incidents(path: Path, name: str) -> list[Incident]:
    """Those of a monitor as committed; none while there is no store."""
    found: list[Incident] | None = peek(path, lambda look: look.incidents(monitor=name, limit=10_000))
    return found or []


def asked(run: Run, path: str, verb: str = "GET") -> Any:
    """The API's answer; None while it does not listen."""
    try:
        answer = httpx.request(verb, f"http://127.0.0.1:{run.port}/api/v1{path}", timeout=60)
    except httpx.TransportError:
        return None
    assert answer.is_success, answer.text
    return answer.json()


def reached(run: Run) -> int:
    """Up to which record the process says that it has counted, whether committed or not."""
    streams = (asked(run, "/streams") or {}).get("streams", [])
    offsets = [part["next_offset"] for stream in streams for part in stream["partitions"].values()]
    return min(offsets, default=0)


def positions(path: Path) -> dict[int, int]:
    """The next record by partition number; offsets are the records' numbers in the whole stream."""
    stored = peek(path, lambda look: look.positions("payments")) or {}
    return {partition.number: position.next_offset for partition, position in stored.items()}


def committed(path: Path) -> int:
    """Up to which record all is in the store."""
    return min(positions(path).values(), default=0)


def test_sigterm_commits_what_was_read_and_nothing_is_read_or_told_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    count = 12_000  # at their own pace: seconds in which a slow machine, too, finds records that are not committed
    watched = {"busy": monitor("country", 1, "n between 140 and 1000"), "accounts": monitor("account", 2)}
    with WebhookReceiver() as receiver:
        path = write(tmp_path, rules(count, receiver, watched))
        with Run(path, env=PLAIN) as run:
            until(lambda: committed(path) and receiver.received, "a commit and a notice", alive=run)
            seen = until(
                lambda: (at := reached(run)) > committed(path) and at, "records not committed", alive=run
            )
            assert run.stop() == 0, run.log
        kept = positions(path)
        assert seen <= min(kept.values()) <= max(kept.values()) < count
        with looking(path) as look:
            assert not any(look.outbox_depth().values()), "what was decided left before the end"
        before = len(receiver.received)
        monkeypatch.setenv("STREAMGAUGE_JIT", "off")
        monkeypatch.chdir(tmp_path)
        session = Session(load(path))
        session.run()
        told = [request.headers["idempotency-key"] for request in receiver.received]
    assert before
    places = (zlib.crc32(record["account"].encode()) % PARTITIONS for record in records(count))
    unread = sum(number >= kept[place] for number, place in enumerate(places))
    assert sum(session.status.now.streams["payments"].consumed.values()) == unread
    assert windows(path, "busy") == counted(count, "country", 1)
    assert windows(path, "accounts") == counted(count, "account", 2)
    decided = [f"{i.id}-{n + 1}" for i in incidents(path, "busy") for n in range(i.notices)]
    assert len(told) == len(set(told)) == len(decided), "each once"


def test_sighup_takes_what_changed_and_leaves_the_others_windows_open(tmp_path: Path):
    count = 8_000
    same = {"accounts": monitor("account", 3), "countries": monitor(None, 3)}
    with WebhookReceiver() as receiver:
        before = {**same, "lifted": monitor("country", 3), "gone": monitor(None, 2, "n > 10")}
        path = write(tmp_path, rules(count, receiver, before))
        with Run(path, env=PLAIN) as run:
            until(lambda: incidents(path, "gone"), "an incident of the one that goes", alive=run)
            after = {**same, "lifted": monitor("country", 3, "n > 390"), "fresh": monitor("country", 1)}
            write(tmp_path, rules(count, receiver, after))
            run.signal(signal.SIGHUP)
            until(lambda: run.says('"monitors_changed"'), "the new file", alive=run)
            assert run.ended() == 0, run.log
            assert run.says('["fresh", "gone", "lifted"]'), run.log
        ends = [notice for notice in receiver.notices if notice["monitor"] == "gone"]
    assert windows(path, "accounts") == counted(count, "account", 3)
    assert windows(path, "countries") == counted(count, None, 3)
    lifted = counted(count, "country", 3)
    assert windows(path, "lifted") == lifted, "a limit that changed keeps what it counted"
    over = {key for (key, _), n in lifted.items() if n > 390}
    assert over
    assert {incident.key for incident in incidents(path, "lifted")} == over
    (gone,) = incidents(path, "gone")
    assert (gone.open, gone.reason) == (False, "removed")
    assert len(ends) == 2, "who heard of its beginning hears of its end"
    fresh = windows(path, "fresh")
    whole = min(start for _, start in fresh) + 3 * SECOND
    expected = {key: n for key, n in counted(count, "country", 1).items() if key[1] >= whole}
    assert expected
    assert {key: n for key, n in fresh.items() if key[1] >= whole} == expected


def test_a_file_with_mistakes_changes_nothing_and_says_so(tmp_path: Path):
    count = 4_000
    with WebhookReceiver() as receiver:
        same = {"accounts": monitor("account", 3)}
        path = write(tmp_path, rules(count, receiver, {**same, "lifted": monitor("country", 3)}))
        with Run(path, env=PLAIN) as run:
            until(lambda: committed(path), "a commit", alive=run)
            wrong = {**monitor("country", 1), "notfy": "ops"}
            write(
                tmp_path, rules(count, receiver, {"lifted": monitor("country", 3, "n > 10"), "fresh": wrong})
            )
            run.signal(signal.SIGHUP)
            until(lambda: run.says("the changed file has mistakes"), "the refusal", alive=run)
            assert run.says("$.monitors.fresh.notfy"), run.log
            assert run.says("`notify`"), "the nearest valid name"
            assert run.ended() == 0, run.log
    assert windows(path, "accounts") == counted(count, "account", 3)
    assert windows(path, "lifted") == counted(count, "country", 3)
    assert not incidents(path, "lifted")


BRITTLE = '''
"""A threshold that breaks for as long as there is a certain file."""

import os
from pathlib import Path
from typing import Literal

from streamgauge.detectors import threshold
from streamgauge.state import NoState


class Config(threshold.Config):
    type: Literal["brittle"] = "brittle"


def build(config, context):
    return Brittle(threshold.build(config, context))


class Brittle:
    def __init__(self, inner):
        self.inner = inner
        self.needs = inner.needs

    def initial(self):
        return NoState()

    def step(self, state, results):
        if len(results) and Path(os.environ["BROKEN"]).exists():
            raise ZeroDivisionError("the gauge is cracked")
        return self.inner.step(state, results)

    def drop(self, state, slots):
        pass
'''


def installed(folder: Path) -> dict[str, str]:
    """The environment of a process that has the package; the file ``broken`` is there."""
    package = folder / "package"
    info = package / "brittle_gauge-1.0.dist-info"
    info.mkdir(parents=True)
    (package / "brittle_gauge.py").write_text(BRITTLE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brittle-gauge\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[streamgauge.detectors]\nbrittle = brittle_gauge\n")
    (folder / "broken").touch()
    paths = os.pathsep.join(filter(None, (str(package), os.environ.get("PYTHONPATH", ""))))
    return {**PLAIN, "PYTHONPATH": paths, "BROKEN": str(folder / "broken")}


def cracked(by: str, seconds: int) -> dict[str, Any]:
    """A monitor whose detector breaks at the first window that closes."""
    return {**monitor(by, seconds), "detect": {"type": "brittle", "when": "n > 1000000"}}


def test_a_monitor_that_fails_is_paused_and_the_others_go_on_until_it_is_resumed(tmp_path: Path):
    count = 8_000
    brittle = installed(tmp_path)
    watched = {
        "brittle": cracked("country", 1),
        "beside": monitor("country", 1, "n > 140"),
        "accounts": monitor("account", 3),
    }
    with WebhookReceiver() as receiver:
        path = write(tmp_path, rules(count, receiver, watched))
        with Run(path, env=brittle) as run:
            (failed,) = until(lambda: incidents(path, "brittle"), "the failure", alive=run)
            assert (failed.kind, failed.open) == ("detector failed", True)
            assert "ZeroDivisionError: the gauge is cracked" in failed.title
            until(lambda: windows(path, "beside"), "another's window", alive=run)
            assert run.stop() == 0, run.log
        (tmp_path / "broken").unlink()
        with Run(path, env=brittle) as run:
            had = committed(path)
            until(lambda: committed(path) > had, "a commit of the second life", alive=run)
            shown = asked(run, "/monitors/brittle")
            assert shown["state"] == "paused", shown
            assert "the gauge is cracked" in shown["paused"]
            assert not windows(path, "brittle")
            resumed_at = committed(path)
            assert asked(run, "/monitors/brittle/resume", "POST") == {"monitor": "brittle", "paused": None}
            until(lambda: not incidents(path, "brittle")[0].open, "the incident's end", alive=run)
            assert run.ended() == 0, run.log
        kinds = Counter(notice["state"] for notice in receiver.notices if notice["monitor"] == "brittle")
    (ended,) = incidents(path, "brittle")
    assert (ended.id, ended.reason) == (failed.id, "resumed")
    assert kinds == {"firing": 1, "resolved": 1}
    assert windows(path, "beside") == counted(count, "country", 1)
    assert windows(path, "accounts") == counted(count, "account", 3)
    again = windows(path, "brittle")
    assert (
        min(start for _, start in again) + SECOND
        > to_micros(START) + resumed_at * SECOND // RATE - 2 * SECOND
    )
    last = counted(count, "country", 1)
    end = max(start for _, start in last)
    assert {key: n for key, n in again.items() if key[1] == end} == {
        k: n for k, n in last.items() if k[1] == end
    }


@dataclass(frozen=True, slots=True)
class Listening:
    """A process that has read all there is of one topic, while the other never held anything."""

    run: Run
    path: Path
    broker: Broker
    spoken: str
    group: str


def _stream(broker: Broker, topic: str, group: str) -> dict[str, Any]:
    source = {
        "type": "kafka",
        "brokers": broker.bootstrap,
        "topic": topic,
        "start": "earliest",
        "group": group,
    }
    return {
        "source": {**source, "settings": QUICK},
        "format": "json",
        "fields": {"account": "string", "country": "string", "at": "timestamp"},
        "partitioned_by": "account",
        "time": "at",
        "lateness": "1s",
        "deadline": "1s",
    }


@pytest.fixture(scope="module")
def listening(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listening]:
    spoken, mute, group = (
        kafka.create_topic(unique("spoken"), 2),
        kafka.create_topic(unique("mute"), 2),
        unique("group"),
    )
    config = {
        "streams": {
            "payments": _stream(kafka, spoken, group),
            "nobody": _stream(kafka, mute, unique("group")),
        },
        "monitors": {
            "accounts": monitor("account", 2, "n = 3", notify="console"),
            "all": monitor(None, 2, notify="console"),
            "brittle": {**cracked("account", 2), "notify": "console"},
            "mute": {"stream": "nobody", "detect": {"type": "silence", "after": "3s"}},
        },
    }
    folder = tmp_path_factory.mktemp("listening")
    path = write(folder, config)
    with Run(path, env=installed(folder)) as run:
        until(lambda: run.says("server listens"), "its start", alive=run)
        yield Listening(run, path, kafka, spoken, group)
        assert run.stop() == 0, run.log


def test_windows_close_by_the_wall_clock_while_all_is_read(listening: Listening):
    begin = time.time() // 2 * 2
    sent = [{"account": "a", "country": "CH", "at": round((begin + n / 2) * 1000)} for n in range(3)]
    listening.broker.produce(listening.spoken, [json.dumps(record).encode() for record in sent], partition=1)
    started = time.monotonic()
    until(lambda: windows(listening.path, "all"), "the window's end", within=30, alive=listening.run)
    took = time.monotonic() - started
    assert took > 1.5, "its last record lies 1 s before its end, lateness another"
    start = round(begin * SECOND)
    assert windows(listening.path, "all") == {(None, start): 3}
    until(lambda: incidents(listening.path, "accounts"), "what was judged at the end", alive=listening.run)
    assert windows(listening.path, "accounts") == {("a", start): 3}
    assert [i.kind for i in incidents(listening.path, "brittle")] == ["detector failed"], (
        "read again without it"
    )
    assert not windows(listening.path, "brittle")


def test_a_stream_that_never_speaks_is_told(listening: Listening):
    (incident,) = until(
        lambda: incidents(listening.path, "mute"), "the silence", within=30, alive=listening.run
    )
    assert (incident.key, incident.open) == (None, True)
    assert incident.observed["silent_seconds"] >= 3


def test_a_second_member_of_the_group_is_refused_at_its_start(listening: Listening, tmp_path: Path):
    config = {
        "streams": {"payments": _stream(listening.broker, listening.spoken, listening.group)},
        "monitors": {"all": monitor(None, 2, notify="console")},
    }
    until(
        lambda: read_so_far(listening.path, "payments") or _assigned(listening),
        "the first member",
        alive=listening.run,
    )
    path = write(tmp_path, config)
    with Run(path, env=PLAIN) as second:
        assert second.ended(within=60) not in {0, -signal.SIGKILL}, second.log
        for words in (
            "same consumer group",
            "one process must read all partitions",
            "Stop the other",
        ):
            assert second.says(words), second.log
        assert "Traceback" not in second.log
    assert read_so_far(path, "payments") == 0
    assert listening.run.running, "and the first reads on"


def _assigned(listening: Listening) -> bool:
    streams = (asked(listening.run, "/streams") or {}).get("streams", [])
    return any(stream["name"] == "payments" and stream["partitions"] for stream in streams)
