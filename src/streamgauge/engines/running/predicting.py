"""What a monitor would say of records that are not in its stream: scored with what it has learned, and not learned from.

For the server's ``POST /predict``. The detector's state is that of the store's last commit, looked up again when it is
older than :data:`FRESH`; records that are asked about together count as if they came next, in their order.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streamgauge.batch import NEVER, Batch, Partition
from streamgauge.clock import iso
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.running.bundle import Bundle, bundle_key
from streamgauge.errors import ConfigError
from streamgauge.plan import make_plan
from streamgauge.settings import nearest
from streamgauge.sources.contract import Slice
from streamgauge.verdict import Verdict
from streamgauge.windows.contract import Rows
from streamgauge.windows.each_record import EachRecord

if TYPE_CHECKING:
    from streamgauge.config.models import Config
    from streamgauge.pipeline import Lane
    from streamgauge.stores.sql import SqlVisitor

FRESH = 1.0
"""Seconds for which what was looked up is good enough."""

ASKED = Partition("asked", 0)


class Predictor:
    """Scores records with one monitor; one thread at a time.

    Raises:
        ConfigError: there is no such monitor, or it does not judge single records.
    """

    def __init__(self, config: Config, name: str) -> None:
        if name not in config.monitors:
            raise ConfigError(f"there is no monitor {name!r}; {nearest(name, config.monitors)}")
        plan = make_plan(config)
        self._name = name
        self._monitor = plan.monitors[name]
        if self._monitor.stream not in config.streams:
            raise ConfigError(
                f"{name} watches {self._monitor.stream}, which is no stream of records of the file"
            )
        self._stream = plan.streams[self._monitor.stream]
        self._group = next(group for group in self._stream.groups if self._monitor in group.monitors)
        if not isinstance(self._group.window, EachRecord) or self._monitor.detector.needs.waits:
            raise ConfigError(f"{name} does not judge single records, so it has nothing to say of one")
        assert self._stream.config is not None
        self._decoder = open_decoder(self._stream.config, self._stream.layout)
        self._bundles: list[Bundle] = []
        self._looked_at = float("-inf")

    def score(self, records: Sequence[Any], look: SqlVisitor, at: tuple[int, float]) -> list[dict[str, Any]]:
        """One answer per record: the verdict, or why there is none.

        Args:
            records: plain data, as in the stream.
            look: into the store.
            at: the wall clock (microseconds) and monotonic seconds.
        """
        now, monotonic = at
        if monotonic - self._looked_at > FRESH:
            self._bundles, self._looked_at = self._look_up(look), monotonic
        payloads = [msgspec.json.encode(record) for record in records]
        count = len(payloads)
        offsets, stamps = np.arange(count, dtype=np.int64), np.full(count, now)
        batch = self._decoder.decode(Slice(ASKED, offsets, stamps, count, payloads), now)
        answers = [{"error": "its `where` does not hold, or it has no key"} for _ in records]
        for bad in batch.bad:
            answers[bad.offset] = {"error": bad.reason}
        for offset, verdict in self._verdicts(batch):
            answers[offset] = plain(verdict)
        return answers

    def _look_up(self, look: SqlVisitor) -> list[Bundle]:
        aligned = self._group.kind == "aligned"
        partitions: list[Partition | None] = [*look.positions(self._stream.name)] if aligned else [None]
        found = []
        for partition in partitions or [ASKED]:
            saved = look.load(bundle_key(self._stream, self._group.by, partition))
            bundle = Bundle(self._stream, self._group.by, partition, [self._group], frozenset())
            if saved is not None:
                bundle.restore(saved.tables)
            found.append(bundle)
        return found

    def _verdicts(self, batch: Batch) -> list[tuple[int, Verdict]]:
        """By offset. A key is asked of the partition that knows it, a new one of the first."""
        rows = np.arange(len(batch))
        if self._group.where is not None:
            rows = np.nonzero(self._group.where.mask(batch.columns, len(batch)))[0]
        whose: dict[int, list[int]] = {}
        for row in rows.tolist():
            whose.setdefault(self._knowing(batch, row), []).append(row)
        found = []
        for k, mine in whose.items():
            found += self._of(self._bundles[k], batch, np.array(mine, np.int64))
        return found

    def _knowing(self, batch: Batch, row: int) -> int:
        """The first bundle that knows the record's key; else the first."""
        if not self._group.by or len(self._bundles) == 1:
            return 0
        values = tuple(batch.record(row, fields=self._group.by).values())
        key = values[0] if len(values) == 1 else values
        known = (k for k, bundle in enumerate(self._bundles) if bundle.keys.find(key) is not None)
        return next(known, 0)

    def _of(self, bundle: Bundle, batch: Batch, mine: Any) -> list[tuple[int, Verdict]]:
        lane: Lane = bundle.lanes[0]
        keys = bundle.keys  # new ones stay in it until it is looked up again
        columns = {name: column.take(mine) for name, column in batch.columns.items()}
        count = len(mine)
        slots = keys.slots_by([columns[name] for name in bundle.by]) if bundle.by else keys.whole(count)
        times = batch.times[mine]
        marks = np.full(count, max(lane.judged, NEVER), np.int64)
        rows = Rows(
            keys, slots, times, batch.offsets[mine], marks, marks, int(marks[-1]), columns, [ASKED],
            np.zeros(count, np.int32), NEVER, int(marks[0]),
        )  # fmt: skip
        results = self._group.window.step(self._group.window.initial(), rows)
        verdicts = self._monitor.detector.step(copy.deepcopy(lane.states[self._name]), results)
        return [(verdict.offset, verdict) for verdict in verdicts.all_rows() if verdict.offset is not None]


def plain(verdict: Verdict) -> dict[str, Any]:
    """A verdict for people's tools."""
    return {
        "monitor": verdict.monitor,
        "key": list(verdict.key) if isinstance(verdict.key, tuple) else verdict.key,
        "severity": verdict.severity.label,
        "at": iso(verdict.at),
        "score": verdict.score,
        "rarity": verdict.rarity,
        "observed": dict(verdict.observed),
        "expected": verdict.expected,
        "lower": verdict.lower,
        "upper": verdict.upper,
        "evidence": dict(verdict.evidence),
    }
