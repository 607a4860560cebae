"""What Spark calls once for each Kafka partition and micro-batch; state goes in and out of its store.

Spark may run a task again, and elsewhere: what is kept in memory between calls counts only while the state store names
the very state that it belongs to.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pyspark.sql import Row
from pyspark.sql.streaming.stateful_processor import StatefulProcessor, StatefulProcessorHandle

from streamgauge.batch import Partition
from streamgauge.clock import SystemClock
from streamgauge.engines.spark.packing import unpack
from streamgauge.engines.spark.pages import Head, Pages, head_bytes, read_head
from streamgauge.engines.spark.partition import PartitionRun, Told, Work, read_told
from streamgauge.stores.rows import json_text

OUT = "topic string, key string, value string"
"""What a call yields, as Spark's Kafka sink takes it."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a handler is told when the query is built.

    Attributes:
        run: names the checkpoint, for good.
        query: names this start of the query: what was kept in memory for another one is not ours.
        works: what to do for each topic.
        topic: where lines go.
        times: where how far partitions have come goes too, for whoever tells partitions of their ends.
    """

    run: str
    query: str
    works: Mapping[str, Work]
    topic: str
    times: str


@dataclass(slots=True)
class _Kept:
    token: str
    run: PartitionRun
    pages: Pages


_KEPT: dict[tuple[str, str, int], _Kept] = {}
"""By query, topic and partition: what the last call in this process left."""


class Handler(StatefulProcessor):  # type: ignore[misc]  # pyspark is not in the development environment
    """Runs the monitors of a partition over what came of it."""

    def __init__(self, order: Order) -> None:
        self._order = order

    def init(self, handle: StatefulProcessorHandle) -> None:
        """Take the places of the state."""
        self._head = handle.getValueState("head", "data binary")
        self._pages = handle.getMapState("pages", "name string", "data binary")

    def handleInputRows(self, key: Any, rows: Iterator[Row], timerValues: Any) -> Iterator[Row]:
        """One partition's packed rows, in any order, and what is told of its end."""
        topic, number = str(key[0]), int(key[1])
        records: list[tuple[int, bytes]] = []
        newest: Told | None = None
        for row in rows:
            if row.records is not None:
                records.append((int(row.first), bytes(row.records)))
            else:
                told = read_told(row.told)
                newest = told if newest is None or told.asked_at > newest.asked_at else newest
        kept = self._kept(topic, number)
        lines = kept.run.take(unpack(Partition(topic, number), records), newest)
        self._save(kept)
        _KEPT[self._order.query, topic, number] = kept
        for line in lines:
            line["run"], line["id"] = self._order.run, f"{self._order.run}/{line['source']}/{line['n']}"
            text = json_text(line)
            yield Row(topic=self._order.topic, key=line["source"], value=text)
            if line["kind"] == "time":
                yield Row(topic=self._order.times, key=line["source"], value=text)

    def close(self) -> None:
        """Nothing to let go of."""

    def _kept(self, topic: str, number: int) -> _Kept:
        """What goes on: in memory where that is what the store holds, else read from there; or anew."""
        known = _KEPT.pop((self._order.query, topic, number), None)  # not ours if this call fails halfway
        head = read_head(bytes(self._head.get()[0])) if self._head.exists() else None
        if head is not None and known is not None and known.token == head.token:
            return known
        pages, saved = Pages(), None
        if head is not None:
            found = {str(name[0]): bytes(page[0]) for name, page in self._pages.iterator()}
            saved = pages.read(head, found)
        work = self._order.works[topic]
        run = PartitionRun(work, Partition(topic, number), SystemClock(), saved)
        return _Kept("" if head is None else head.token, run, pages)

    def _save(self, kept: _Kept) -> None:
        blocks = kept.run.save()
        fresh, gone = kept.pages.changed(blocks)
        for name, page in fresh.items():
            self._pages.updateValue((name,), (page,))
        for name in gone:
            self._pages.removeKey((name,))
        kept.token = uuid.uuid4().hex
        head = Head(kept.token, {name: len(data) for name, data in blocks.items()})
        self._head.update((head_bytes(head),))
