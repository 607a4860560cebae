"""The first words with the brokers: are they there, do they know us, do the topics exist?"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from streamgauge.batch import Partition
from streamgauge.clock import Clock
from streamgauge.sources.kafka.config import Config
from streamgauge.sources.kafka.troubles import Troubles

_ANSWER = 0.3
_SILENT = 3.0
"""Seconds after which brokers that say nothing at all count as away."""
_AWAY = 1.0
"""Seconds after which brokers that cannot be reached do; the first address of several may be a wrong one."""
_SPREADING = 1.0
"""Seconds in which a topic that was just created may not yet be known to the broker that is asked."""
_PAUSE = 0.1


def first_contact(
    consumer: Any, config: Config, troubles: Troubles, clock: Clock
) -> frozenset[Partition] | None:
    """The partitions that exist, or None when the brokers are away.

    Raises:
        SourceError: host unknown, login or certificate refused, topic missing or forbidden.
    """
    if not _answers(consumer, config, troubles):
        return None
    troubles.alive(clock.monotonic())
    try:
        if config.pattern is not None:
            return _matching(consumer, config.pattern)
        return _named(consumer, config.names, troubles)
    except KafkaException:
        return None


def partitions_of(admin: Any, config: Config) -> frozenset[Partition]:
    """The partitions that there are now, of the topics that exist.

    Raises:
        KafkaException: the brokers do not answer.
    """
    if config.pattern is not None:
        return _matching(admin, config.pattern)
    known = [admin.list_topics(topic, timeout=_SILENT).topics[topic] for topic in config.names]
    return frozenset(Partition(each.topic, number) for each in known for number in each.partitions)


def really_missing(consumer: Any, topics: Iterable[str]) -> tuple[list[str], list[str]]:
    """Those of ``topics`` that do not exist, asked again; and the topics there are."""
    gone = [topic for topic in topics if _error_code(consumer, topic) == KafkaError.UNKNOWN_TOPIC_OR_PART]
    return gone, _all_names(consumer) if gone else []


def _answers(consumer: Any, config: Config, troubles: Troubles) -> bool:
    about = config.names[:1]  # to be told of one topic is cheap however many there are
    began = time.monotonic()
    while True:
        try:
            consumer.list_topics(*about, timeout=_ANSWER)
        except KafkaException:
            consumer.consume(1, 0)  # lets the library tell what went wrong
        else:
            return True
        troubles.raise_final(opening=True)
        patience = _AWAY if troubles.away else _SILENT
        if time.monotonic() - began > patience and not troubles.undecided:
            troubles.silent()
            return False


def _named(consumer: Any, topics: Iterable[str], troubles: Troubles) -> frozenset[Partition]:
    found: set[Partition] = set()
    missing = []
    for topic in topics:
        known = _described(consumer, topic)
        code = known.error.code() if known.error is not None else None
        if code == KafkaError.UNKNOWN_TOPIC_OR_PART:
            missing.append(topic)
        elif known.error is not None:
            troubles.add(known.error, topic)
        found.update(Partition(topic, number) for number in known.partitions)
    if missing:
        raise troubles.missing(missing, _all_names(consumer))
    troubles.raise_final(opening=True)
    return frozenset(found)


def _described(consumer: Any, topic: str) -> Any:
    """What the brokers say of one topic; asked again for a moment, for a new one is not known to all at once."""
    deadline = time.monotonic() + _SPREADING
    while True:
        known = consumer.list_topics(topic, timeout=_SILENT).topics[topic]
        unknown = known.error is not None and known.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART
        if not unknown or time.monotonic() > deadline:
            return known
        consumer.consume(1, _PAUSE)


def _matching(consumer: Any, pattern: str) -> frozenset[Partition]:
    topics = consumer.list_topics(timeout=_SILENT).topics
    matching = [topic for topic in topics if re.fullmatch(pattern, topic)]
    return frozenset(Partition(topic, number) for topic in matching for number in topics[topic].partitions)


def _error_code(consumer: Any, topic: str) -> int | None:
    try:
        error = consumer.list_topics(topic, timeout=1).topics[topic].error
    except KafkaException:
        return None
    return None if error is None else int(error.code())


def _all_names(consumer: Any) -> list[str]:
    try:
        return [name for name in consumer.list_topics(timeout=1).topics if not name.startswith("__")]
    except KafkaException:
        return []
