"""(c) The whole path, as ``streamgauge run`` runs it, with its server, commits and early verdicts."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks import child
from benchmarks.child import Stretch
from benchmarks.records import PARTITIONS, Spec, Windows, expected, gathered
from benchmarks.settings import payments


def case(
    brokers: str,
    topic: str,
    spec: Spec,
    *,
    profile: str | None = None,
    watch_memory: bool = False,
    **shape: Any,
) -> dict[str, Any]:
    """Run (c) in a process of its own and return what it measured.

    Args:
        brokers, topic, spec: what is read.
        profile: a file for py-spy's samples; it slows the run.
        watch_memory: sample the resident memory instead of checking the answers.
        shape: ``monitors``, ``sizes``, ``aligned`` of :func:`benchmarks.settings.payments`.
    """
    cache = os.environ.get("NUMBA_CACHE_DIR") or str(child.REPOSITORY / ".cache" / "bench-numba")
    return child.run(
        "whole_path",
        "measure",
        env={**os.environ, "NUMBA_CACHE_DIR": cache},
        profile=profile,
        brokers=brokers,
        topic=topic,
        spec=asdict(spec),
        shape=shape,
        watch_memory=watch_memory,
    )


def measure(
    brokers: str, topic: str, spec: dict[str, Any], shape: dict[str, Any], watch_memory: bool
) -> dict[str, Any]:
    """In the child: from the first record read to the last one counted; then the answers are checked."""
    what = Spec(**spec)
    with tempfile.TemporaryDirectory(prefix="streamgauge-bench-") as folder:
        config = payments(
            brokers,
            topic,
            limit=what.limit,
            store=f"sqlite:///{folder}/store.db",
            alerts=f"{folder}/alerts",
            **shape,
        )
        run = _Run(config, what.records, listening=not watch_memory)
        memory = _Memory() if watch_memory else None
        started = time.perf_counter()
        run.go()
        answer = run.stretch.answer(
            start_seconds=round(run.ready_at - started, 2),
            commits=run.commits,
            commit_seconds=round(run.commit_seconds, 3),
            fired=len(run.found.fired),
        )
        if memory is not None:
            answer["memory"] = memory.stop(run.stretch.records)
        elif not what.late:
            answer["wrong"] = run.found.wrong(what)
    return answer


class _Run:
    """One session over a topic, stopped when all records are counted."""

    def __init__(self, config: dict[str, Any], records: int, *, listening: bool) -> None:
        from streamgauge.config import load
        from streamgauge.engines.embedded.session import Session

        self.session = Session(load(config))
        self.records = records
        self.stretch = Stretch()
        self.found = _Found()
        self._listening = listening
        self.ready_at = 0.0
        self.commits = 0
        self.commit_seconds = 0.0

    def go(self) -> None:
        """Run until all is counted."""
        from streamgauge.logs import set_up
        from streamgauge.server.thread import ServerThread

        set_up(level="warning")
        made = self.session._engine_made

        def on_engine(engine: Any) -> None:
            made(engine)
            self._watch(engine)

        self.session._engine_made = on_engine  # type: ignore[method-assign]

        def serve(running: Any) -> Callable[[], None]:
            server = ServerThread(running, "127.0.0.1", 0)
            server.start()
            return server.stop

        self.session.run(beside=serve)

    def _watch(self, engine: Any) -> None:
        """Look at the positions after each turn; two method calls per turn is all that measuring costs."""
        turn, commit = engine.turn, engine.commit
        stretch, intake = self.stretch, engine.intakes["payments"]
        if self._listening:
            engine.ledger.results = self.found.listen(engine.ledger.results)
            engine.ledger.verdicts = self.found.hear

        def counted() -> int:
            return sum(engine.runners.streams["payments"].next_offset.values())

        def watched_turn() -> None:
            self.ready_at = self.ready_at or time.perf_counter()
            stretch.begin()
            turn()
            stretch.records = intake.records
            # Where partitions are merged, what was read may have to wait for others before it is counted.
            if stretch.records >= self.records and not stretch.seconds and counted() >= self.records:
                stretch.end()
                self.session.stop()

        def watched_commit() -> None:
            before = time.perf_counter()
            commit()
            self.commits += 1
            self.commit_seconds += time.perf_counter() - before

        engine.turn, engine.commit = watched_turn, watched_commit


class _Found:
    """What the first monitor's window reported, kept for the check afterwards."""

    def __init__(self) -> None:
        self._closed: list[tuple[Any, Any, Any, Any, Any]] = []
        self.fired: set[tuple[int, int]] = set()

    def listen(self, results: Callable[[Any, Any, Any], None]) -> Callable[[Any, Any, Any], None]:
        """``results`` of the ledger, overheard."""

        def heard(lane: Any, rows: Any, found: Any) -> None:
            if len(found) and lane.group.words == "tumbling size 5s":
                closed = ~found.early
                if closed.any():
                    columns = [found.columns[name].numbers()[closed] for name in ("events", "spent")]
                    self._closed.append((found.keys, found.slots[closed], found.starts[closed], *columns))
            results(lane, rows, found)

        return heard

    def hear(self, monitor: Any, verdicts: Any) -> None:
        """Early verdicts of the first monitor."""
        if monitor.name == "burst0":
            for row in np.nonzero(verdicts.firing())[0].tolist():
                account = int(str(verdicts.keys.key(int(verdicts.slots[row])))[1:])
                self.fired.add((account, int(verdicts.starts[row]) // 1_000))

    def wrong(self, spec: Spec) -> str | None:
        """What is wrong with the answers; None when every window fired that must, and every count is right."""
        right = expected(spec)
        over = right.over(spec.limit)
        if self.fired != set(zip(over.accounts.tolist(), over.starts.tolist(), strict=True)):
            return f"{len(self.fired)} windows fired, {len(over.starts)} should have"
        closed = self._windows()
        ends = {
            p: int(closed.starts[closed.accounts % PARTITIONS == p].max(initial=-1))
            for p in range(PARTITIONS)
        }
        last = np.array([ends[p] for p in range(PARTITIONS)])[right.accounts % PARTITIONS]
        return right._only(right.starts <= last).differences(closed)

    def _windows(self) -> Windows:
        names = {id(keys): keys for keys, *_ in self._closed}
        numbers = {
            at: np.array([int(str(key)[1:]) for key in keys._keys], np.int64) for at, keys in names.items()
        }
        parts = [
            Windows(numbers[id(keys)][slots], starts // 1_000, events.astype(np.int64), spent)
            for keys, slots, starts, events, spent in self._closed
        ]
        return gathered(parts)


class _Memory:
    """Samples this process's resident memory each second."""

    def __init__(self) -> None:
        import psutil

        self._process = psutil.Process()
        self._stopping = threading.Event()
        self.samples: list[float] = []
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._stopping.wait(1.0):
            self.samples.append(self._process.memory_info().rss / 2**20)

    def stop(self, records: int) -> dict[str, Any]:
        """The samples, and the slope of the later half in MB per million records."""
        self._stopping.set()
        self._thread.join()
        half = np.array(self.samples[len(self.samples) // 2 :])
        per_second = float(np.polyfit(np.arange(len(half)), half, 1)[0]) if len(half) > 2 else float("nan")
        each = per_second * len(self.samples) / (records / 1e6)
        return {"rss_mb": [round(rss) for rss in self.samples], "slope_mb_per_million": round(each, 2)}
