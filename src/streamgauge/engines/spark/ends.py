"""Tells each partition, once a second, where it ends: a source on the driver, beside the one that reads records.

What is told lies in the source's offset itself, which Spark writes down before it runs a batch: a batch that is run
again is told the very same. Spark asks for the records' end first and for ours after it, so all records of a batch were
there when we asked.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec
from confluent_kafka import KafkaException
from pyspark.sql.datasource import DataSource, DataSourceStreamReader, InputPartition

from streamgauge.batch import Partition
from streamgauge.engines.spark.floors import Floors
from streamgauge.engines.spark.packing import PACKED
from streamgauge.engines.spark.partition import Told, told_text
from streamgauge.engines.spark.watch import End, Watch

NAME = "streamgauge_ends"
EVERY = 0.9
"""Seconds between questions at least."""


class Question(msgspec.Struct, frozen=True):
    """What the source is asked to do.

    Attributes:
        brokers, settings: of the cluster.
        topics: by topic, the streams that are read from it.
        start: where reading begins that has no checkpoint: earliest, latest, or anything else for a moment.
        times: the topic on which partitions say how far they have come.
    """

    brokers: str
    settings: dict[str, Any]
    topics: dict[str, list[str]]
    start: str
    times: str


class Answer(msgspec.Struct, frozen=True):
    """The source's offset: all that is told with it.

    Attributes:
        asked_at: wall clock, seconds.
        ends: by partition.
        started: by partition, where reading began; -1 where that is not known.
        floors: by stream, see :class:`~streamgauge.engines.spark.partition.Told`.
    """

    asked_at: float = 0.0
    ends: dict[str, End] = {}
    started: dict[str, int] = {}
    floors: dict[str, int] = {}


class EndsSource(DataSource):  # type: ignore[misc]  # pyspark is not in the development environment
    """Spark's view of it; the option ``question`` is a :class:`Question` as JSON."""

    @classmethod
    def name(cls) -> str:
        """What ``format`` calls it."""
        return NAME

    def schema(self) -> str:
        """The same as packed records."""
        return PACKED

    def streamReader(self, schema: Any) -> DataSourceStreamReader:
        """A reader, on the driver."""
        return EndsReader(msgspec.json.decode(self.options["question"], type=Question))


class _Piece(InputPartition):  # type: ignore[misc]
    def __init__(self, answer: str, topics: dict[str, list[str]]) -> None:
        super().__init__(0)
        self.answer = answer
        self.topics = topics


class EndsReader(DataSourceStreamReader):  # type: ignore[misc]
    """Asks the brokers; what it holds between two calls is only there to ask less."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._watch: Watch | None = None
        self._floors: Floors | None = None

    def initialOffset(self) -> dict[str, str]:
        """Nothing was told."""
        return {"told": _text(Answer())}

    def latestOffset(self, start: dict[str, str], limit: Any) -> dict[str, str]:
        """What is to be told now; the same as before where it is too early, or nobody answers."""
        before = _answer(start)
        if time.time() - before.asked_at < EVERY:
            return start
        try:
            return {"told": _text(self._ask(before))}
        except KafkaException:
            return start  # a broker that is away tells nothing, and time stands still

    def partitions(self, start: dict[str, str], end: dict[str, str]) -> Sequence[InputPartition]:
        """One piece with all of it."""
        return [] if start == end else [_Piece(end["told"], self._question.topics)]

    def read(self, partition: InputPartition) -> Iterator[tuple[Any, ...]]:
        """One row for each partition."""
        assert isinstance(partition, _Piece)
        answer = msgspec.json.decode(partition.answer, type=Answer)
        spread = _spread(partition.topics, answer.ends)
        for name, end in answer.ends.items():
            where = Partition.parse(name)
            floors = {s: answer.floors[s] for s in partition.topics[where.name] if s in answer.floors}
            started = answer.started.get(name, -1)
            beside = {stream: spread[stream] for stream in partition.topics[where.name]}
            told = Told(answer.asked_at, end.offset, end.open, started, end.since, floors, beside)
            yield where.name, where.number, -1, None, told_text(told)

    def _ask(self, before: Answer) -> Answer:
        if self._watch is None:
            settings = {**self._question.settings, "bootstrap.servers": self._question.brokers}
            self._watch = Watch(settings, sorted(self._question.topics))
            self._floors = Floors(settings, self._question.times)
        assert self._floors is not None
        come = self._floors.told()
        asked_at, ends = self._watch.ask()
        fresh = {partition for partition in ends if str(partition) not in before.started}
        started = self._started(fresh, ends, later=bool(before.started))
        return Answer(
            asked_at,
            {str(partition): end for partition, end in sorted(ends.items())},
            {**before.started, **{str(p): at for p, at in started.items()}},
            come.floors(self._question.topics, set(ends)),
        )

    def _started(
        self, fresh: set[Partition], ends: dict[Partition, End], *, later: bool
    ) -> dict[Partition, int]:
        """Where reading begins: a partition that is made while the query runs is read from its first record on."""
        if not fresh:
            return {}
        if self._question.start == "earliest" or later:
            assert self._watch is not None
            return self._watch.first(fresh)
        return {p: ends[p].offset if self._question.start == "latest" else -1 for p in fresh}


def _spread(topics: dict[str, list[str]], ends: Iterable[str]) -> dict[str, dict[str, int]]:
    """By stream, its topics and how many partitions each has."""
    numbers = Counter(Partition.parse(name).name for name in ends)
    return {
        stream: {topic: numbers[topic] for topic, streams in topics.items() if stream in streams}
        for stream in {stream for streams in topics.values() for stream in streams}
    }


def _text(answer: Answer) -> str:
    return msgspec.json.encode(answer).decode()


def _answer(offset: dict[str, str]) -> Answer:
    return msgspec.json.decode(offset["told"], type=Answer)


def question_text(question: Question) -> str:
    """A question as an option."""
    return json.dumps(msgspec.to_builtins(question))
