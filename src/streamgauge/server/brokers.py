"""The API of topics and consumer groups: what the brokers know, asked by a process of its own, at most so often."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, proxy

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict

from streamgauge.engines.replay.apart import ApartError, ask
from streamgauge.server.desk import Desk
from streamgauge.server.incidents import plain
from streamgauge.server.refusals import Refused
from streamgauge.settings import replace_secrets

if TYPE_CHECKING:
    from streamgauge.config.models import Config

FRESH = 10.0
"""Seconds for which an answer of the brokers is good enough."""
PATIENCE = 40.0
"""Seconds that all streams' brokers have."""


class TopicPartition(BaseModel):
    """One partition of a topic."""

    partition: int
    first_offset: int | None
    """Of the oldest record that is kept."""
    end_offset: int | None
    """Of the next record."""
    leader: int | None
    replicas: list[int]
    in_sync: list[int]
    next_offset: int | None
    """What the engine counts next."""
    lag: int | None
    """How many records lie between."""


class Topic(BaseModel):
    """A topic that a stream reads."""

    stream: str
    topic: str
    brokers: list[str]
    partitions: list[TopicPartition]


class BrokerError(BaseModel):
    """Why nothing is known of a stream's topics."""

    stream: str
    error: str


class Topics(BaseModel):
    """What streams of type kafka read."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "topics": [
                    {
                        "stream": "payments", "topic": "payments", "brokers": ["localhost:9092"],
                        "partitions": [{"partition": 0, "first_offset": 0, "end_offset": 125, "leader": 1, "replicas": [1],
                                        "in_sync": [1], "next_offset": 120, "lag": 5}],
                    }
                ],
                "errors": [],
            }
        }
    )  # fmt: skip

    topics: list[Topic]
    errors: list[BrokerError]


class Member(BaseModel):
    """Who is in a group."""

    client: str
    host: str
    partitions: list[str]


class GroupPartition(BaseModel):
    """How far a group has read a partition."""

    partition: str
    committed: int | None
    end_offset: int
    lag: int | None


class ConsumerGroup(BaseModel):
    """A consumer group that reads a stream's topics."""

    group: str
    stream: str
    own: bool
    """Whether it is ours."""
    state: str | None
    members: list[Member]
    lag: int | None
    """Over all partitions that it has committed."""
    partitions: list[GroupPartition]


class ConsumerGroups(BaseModel):
    """The groups that read the topics of streams."""

    groups: list[ConsumerGroup]
    errors: list[BrokerError]


def routes(desk: Desk) -> APIRouter:
    """``/topics`` and ``/consumer-groups``."""
    router = APIRouter(tags=["kafka"])

    @router.get("/topics", response_model=Topics)
    def topics() -> JSONResponse:
        """The topics of streams of type kafka: partitions, their offsets as the brokers know them, and our lag; at most 10 s old."""
        known = brokers_of(desk).known()
        found = [with_ours(topic, desk) for topic in known["topics"]]
        return plain({"topics": found, "errors": known["errors"]})

    @router.get("/consumer-groups", response_model=ConsumerGroups)
    def groups() -> JSONResponse:
        """The consumer groups that read these topics: members, committed offsets, lag; at most 10 s old."""
        known = brokers_of(desk).known()
        return plain({"groups": known["groups"], "errors": known["errors"]})

    return router


_KNOWN: WeakKeyDictionary[Desk, Brokers] = WeakKeyDictionary()


def brokers_of(desk: Desk) -> Brokers:
    """The one that remembers for this desk: the API and the pages share it."""
    return _KNOWN.setdefault(desk, Brokers(desk))


class Brokers:
    """Asks, and remembers for a moment; whoever asks meanwhile waits for the same answer."""

    def __init__(self, desk: Desk) -> None:
        self._desk = proxy(desk)
        self._asking = threading.Lock()
        self._known: dict[str, Any] = {"topics": [], "groups": [], "errors": []}
        self._of: Config | None = None
        self._at = float("-inf")

    def known(self) -> dict[str, Any]:
        """Topics, groups and errors.

        Raises:
            Refused: with 503, there was no answer in time.
        """
        desk = self._desk
        with self._asking:
            config = desk.running.config
            if self._of is config and desk.clock.monotonic() - self._at < FRESH:
                return self._known
            sources = {
                name: stream.source.model_dump(mode="json", by_alias=True, exclude_unset=True)
                for name, stream in config.streams.items()
                if stream.source.type == "kafka"
            }
            if not sources:
                return {"topics": [], "groups": [], "errors": []}
            try:
                self._known = ask(
                    "streamgauge.sources.kafka.overview", {"streams": sources, "groups": True}, PATIENCE
                )
            except ApartError as error:
                raise Refused(503, replace_secrets(str(error), config._secrets)) from None
            self._of, self._at = config, desk.clock.monotonic()
            return self._known


def with_ours(topic: dict[str, Any], desk: Desk) -> dict[str, Any]:
    """A topic with how far our engine has come in it."""
    status = desk.now.streams.get(topic["stream"])
    partitions = []
    for partition in topic["partitions"]:
        own = status.partitions.get(f"{topic['topic']}:{partition['partition']}") if status else None
        following = None if own is None else own.next_offset
        end = partition["end_offset"]
        lag = None if following is None or end is None else max(0, end - following)
        partitions.append({**partition, "next_offset": following, "lag": lag})
    return {**topic, "partitions": partitions}
