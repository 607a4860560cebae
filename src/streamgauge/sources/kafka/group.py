"""How we are a member of a consumer group: the settings, and who else is in it."""

from __future__ import annotations

from typing import Any

from confluent_kafka import KafkaError, KafkaException

from streamgauge.sources.kafka.config import Config

PATIENCE = 3.0
"""Seconds for an answer; a broker that has just started answers for groups after one or two."""


def consumer_settings(config: Config, group: str, stream: str, instance: str | None) -> dict[str, Any]:
    """What librdkafka is told: defaults of ours, what the user set, and what must be so."""
    defaults: dict[str, Any] = {
        "session.timeout.ms": 10_000,
        "topic.metadata.refresh.interval.ms": 10_000,  # how soon new partitions and topics are seen
        "fetch.wait.max.ms": 100,  # ends of partitions behind a transaction's mark are told after so long
        "fetch.queue.backoff.ms": 5,  # the default of a second stalls a fast reader
        "reconnect.backoff.max.ms": 1_000,
    }
    required: dict[str, Any] = {
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "auto.offset.reset": "error",
    }
    if config.settings.get("group.protocol") == "consumer":
        del defaults["session.timeout.ms"]  # the broker's business in that protocol, as is the assignor
    else:
        required["partition.assignment.strategy"] = "cooperative-sticky"
    if instance is not None:
        required["group.instance.id"] = instance
    return {**_connection(config, stream), **defaults, **config.settings, **required}


def admin_settings(config: Config, stream: str) -> dict[str, Any]:
    """The same connection for questions beside the reading."""
    return {
        **_connection(config, stream),
        "reconnect.backoff.max.ms": 1_000,
        **config.settings,
        "log_level": 0,
    }


def _connection(config: Config, stream: str) -> dict[str, Any]:
    return {
        "bootstrap.servers": config.bootstrap,
        "client.id": f"streamgauge-{stream}",
        "socket.keepalive.enable": True,
        "log_level": 2,  # that a broker is away is told by the source itself
    }


def other_members(
    admin: Any, group: str, instance: str | None, about: str | None, *, connect: float = PATIENCE
) -> list[str]:
    """Members of ``group`` that are not ``instance``, each as client and host.

    Asks for the topic ``about`` first (None: all of them), for at most ``connect`` seconds. A question about a group
    that meets brokers which are away lingers on, and librdkafka 2.16 ends the process when they come back (its issue
    4605).

    Raises:
        KafkaException: the brokers do not answer, or refuse.
    """
    admin.list_topics(about, timeout=connect)
    future = admin.describe_consumer_groups([group], request_timeout=PATIENCE)[group]
    try:
        found = future.result(PATIENCE + 1)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return []
        raise
    return [
        f"{member.client_id} on {member.host.lstrip('/')}"
        for member in found.members
        if instance is None or member.group_instance_id != instance
    ]
