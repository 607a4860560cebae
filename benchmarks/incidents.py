"""What the stages after a verdict cost, and how long people wait: ``python -m benchmarks.incidents [CASE …]``.

Prints one JSON object per case. ``stages`` needs no broker and no store: verdicts go in as columns, notices come out, and
times are those of the processor. ``call``, ``api`` and ``paint`` (:mod:`benchmarks.incidents_live`) run the real parts and
read the clock: on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import psutil

from streamgauge.batch import Column
from streamgauge.incident import Notice
from streamgauge.incidents.board import Board
from streamgauge.incidents.lifecycle import Policy, receive
from streamgauge.incidents.limit import Limit
from streamgauge.incidents.matchers import parse_matcher
from streamgauge.incidents.repeat import Repeat
from streamgauge.incidents.route import Manner, Route
from streamgauge.incidents.settle import Rule
from streamgauge.incidents.silence import Silence
from streamgauge.incidents.telling import Rules, Telling
from streamgauge.keys import KeySlots
from streamgauge.verdict import Severity, Verdicts

S = 1_000_000
MINUTE = 60 * S
OPEN, SILENCES, ROUTES = 100_000, 1_000, 100
KEYS, VERDICTS = 10_000, 1_000_000
CASES = ("stages", "call", "paint", "api")


class Stage:
    """A board with the stages after it, and verdicts of one monitor over ``keys`` keys."""

    def __init__(self, rules: Rules, keys: int, channels: tuple[str, ...] = ()) -> None:
        self.board = Board()
        self.telling = Telling(self.board, rules)
        self.keys = KeySlots()
        self.slots = self.keys.slots([f"a-{n}" for n in range(keys)])
        self.policy = Policy(Rule(), channels, labels={"stream": "s"}, by=("account",))

    def verdicts(self, severity: Severity, window: int, slots: Any = None) -> Verdicts:
        """All keys, or those of ``slots``, at the end of a window of 5 s."""
        slots = self.slots if slots is None else slots
        n = len(slots)
        start = np.full(n, window * 5 * S, np.int64)
        end, none = start + 5 * S, np.zeros(n, bool)
        observed = {"events": Column("int", values=list(range(n)))}
        return Verdicts(
            "m", self.keys, slots, np.full(n, int(severity), np.int8), end, start, end, none, none,
            np.full(n, -1, np.int64), observed, np.full(n, -1, np.int64), np.zeros(n, np.int64),
        )  # fmt: skip

    def take(self, severity: Severity, window: int, now: int, slots: Any = None) -> int:
        """Judge, tell, commit; how many notices that made."""
        receive(self.verdicts(severity, window, slots), self.policy, self.board, lambda *_: (None, ()))
        self.telling.step(now)
        return len(self.board.notices)


def crowded() -> Iterator[dict[str, Any]]:
    """100,000 open incidents, 1,000 silences, 100 routes: what one more verdict costs."""
    process = psutil.Process()
    before = process.memory_info().rss
    branches = tuple(
        Route(f"route.{n}", (parse_matcher(f"account=~x{n}-.*"),), ("ops",)) for n in range(ROUTES)
    )
    stage = Stage(Rules(Route("route", (), ("ops",), branches=branches)), OPEN)
    for n in range(SILENCES):
        matchers = (parse_matcher(f"account=a-{n}"), parse_matcher("monitor=~m.*"))
        stage.telling.muting.silences.put(Silence(str(n), matchers, 0, 2**60, created_at=n))
    began = time.process_time()
    told = stage.take(Severity.CRITICAL, 0, 0)
    spent = time.process_time() - began
    stage.board.clear_changes()
    yield {"case": "begin", "incidents": OPEN, "told": told, "us_per_verdict": round(spent / OPEN * 1e6, 1)}
    for words, severity, window in (("goes on", Severity.CRITICAL, 1), ("ends", Severity.OK, 2)):
        some = stage.slots[:: OPEN // 1000]
        began = time.process_time()
        stage.take(severity, window, window * S, some)
        spent = time.process_time() - began
        stage.board.clear_changes()
        yield {"case": words, "incidents": len(some), "us_per_verdict": round(spent / len(some) * 1e6, 1)}
    grown = process.memory_info().rss - before
    yield {"case": "memory", "open": len(stage.board.all()), "grown_mb": round(grown / 2**20)}


GROUPED = Rules(Route("route", (), ("ops",), Manner(("monitor",), 0, MINUTE, Repeat(0))))
LIMITED = Rules(Route("route", (), ("ops",)), limit=Limit(60, MINUTE))


def storm() -> Iterator[dict[str, Any]]:
    """1 M verdicts on 10,000 keys, in one group and alone: told once per interval, and every beginning in some notice."""
    yield _storm("storm in a group", GROUPED, _gathered)
    yield _storm("storm beyond a limit", LIMITED, _summed_up)


def _storm(
    case: str, rules: Rules, told_of: Callable[[list[tuple[int, Notice]]], tuple[int, bool]]
) -> dict[str, Any]:
    process, stage = psutil.Process(), Stage(rules, KEYS, ("ops",) if rules.limit else ())
    notices: list[tuple[int, Notice]] = []
    opened, before = 0, process.memory_info().rss
    began = time.process_time()
    for n in range(VERDICTS // KEYS):
        severity = Severity.OK if n % 2 else Severity.CRITICAL
        stage.take(severity, n, n * 5 * S)
        opened += len(stage.board.began)
        notices += [(n * 5 * S, notice) for notice in stage.board.notices]
        stage.board.clear_changes()
    while (end := stage.telling.pending()) is not None:
        stage.telling.step(end)
        notices += [(end, notice) for notice in stage.board.notices]
        stage.board.clear_changes()
    spent = time.process_time() - began
    told, well_apart = told_of(notices)
    return {
        "case": case, "verdicts": VERDICTS, "opened": opened, "told_of": told, "notices": len(notices),
        "us_per_verdict": round(spent / VERDICTS * 1e6, 1),
        "grown_mb": round((process.memory_info().rss - before) / 2**20), "wrong": told != opened or not well_apart,
    }  # fmt: skip


def _gathered(notices: list[tuple[int, Notice]]) -> tuple[int, bool]:
    """Beginnings told of by a group's notices; whether an interval lies between each and the next."""
    apart = min((b - a for (a, _), (b, _) in pairwise(notices)), default=MINUTE)
    return sum(notice.incident.evidence["began"] for _, notice in notices), apart >= MINUTE


def _summed_up(notices: list[tuple[int, Notice]]) -> tuple[int, bool]:
    """Beginnings told by themselves or in summaries; whether no minute held more than the limit and one summary."""
    summaries = [notice.incident for _, notice in notices if notice.incident.kind == "storm"]
    alone = [at for at, notice in notices if notice.cause == "began"]
    per_minute = Counter(at // MINUTE for at in alone)
    told = len(alone) + sum(summary.evidence["began"] for summary in summaries)
    return told, len(summaries) <= len(per_minute) + 1 and max(per_minute.values()) <= 60


def cases(asked: list[str], seconds: int) -> Iterator[dict[str, Any]]:
    """The rows of the cases that were asked for."""
    from benchmarks import incidents_live

    if "stages" in asked:
        yield from crowded()
        yield from storm()
    if "call" in asked:
        yield from incidents_live.call(seconds)
    if "paint" in asked:
        yield from incidents_live.paint(5)
    if "api" in asked:
        from benchmarks.broker import BenchBroker

        with BenchBroker() as broker:
            yield from incidents_live.api(broker, seconds)


def missed(row: dict[str, Any]) -> bool:
    """Whether something was lost or told too often, or took too much."""
    return (
        bool(row.get("wrong"))
        or row.get("us_per_verdict", 0) > 1_000
        or row.get("grown_mb", 0) > 500
        or row.get("p99_ms", 0) > row.get("wanted_p99_ms", row.get("p99_ms", 0))
        or row.get("worst_ms", 0) > row.get("wanted_ms", row.get("worst_ms", 0))
    )


def main() -> int:
    """1 when a goal was missed."""
    reading = argparse.ArgumentParser(prog="python -m benchmarks.incidents")
    reading.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}; default: all")
    reading.add_argument("--seconds", type=int, default=20, help="of call and api")
    given = reading.parse_args()
    strange = [name for name in given.cases if name not in CASES]
    if strange:
        reading.error(f"no such case: {', '.join(strange)}")
    failed = False
    for row in cases(given.cases or list(CASES), given.seconds):
        failed |= missed(row)
        print(json.dumps(row), flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
