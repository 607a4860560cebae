"""Kafka Connect's connectors and tasks and the states they are in, asked of a worker again and again over REST.

Each connector and each task is a record. Connect does not restart a task that failed: somebody must hear of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from streamgauge.batch import FieldKind
from streamgauge.sources.polling.settings import NamePattern, WebPollerConfig
from streamgauge.sources.polling.target import TargetError

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.sources.polling.source import PolledSource

FIELDS: Mapping[str, FieldKind] = {
    "kind": "string",
    "connector": "string",
    "type": "string",
    "class": "string",
    "task": "int",
    "state": "string",
    "failed": "bool",
    "worker": "string",
    "error": "string",
    "tasks": "int",
    "tasks_running": "int",
    "tasks_failed": "int",
}
"""What its records hold; see docs/sources/connect.md."""

_LONGEST = 500
"""Characters of a failure that are told."""


class Config(WebPollerConfig):
    """``source: {type: connect, url: "http://localhost:8083"}``."""

    given_fields: ClassVar[Mapping[str, FieldKind]] = FIELDS

    type: Literal["connect"] = "connect"
    connectors: NamePattern = ".*"
    """A regular expression that a connector's whole name must match."""


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> PolledSource:
    """The poller of a stream; nothing is asked before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    from streamgauge.sources.polling.source import open_polled

    return open_polled(config, stream, clock, Worker(config), store_url)


class Worker:
    """Any worker of a cluster, which answers for all; see :class:`streamgauge.sources.polling.target.Target`."""

    def __init__(self, config: Config) -> None:
        from streamgauge.sources.polling.web import opened

        self._config = config
        self._wanted = re.compile(config.connectors)
        self._web = opened(config)

    def ask(self, seconds: float) -> Sequence[bytes]:
        """A record per connector, followed by one per task of it.

        Raises:
            TargetError: no answer, a refusal (also while workers rebalance), or none of Kafka Connect's.
        """
        from streamgauge.sources.polling.source import as_records

        answer = self._web.json(seconds, path="/connectors?expand=status&expand=info")
        try:
            return as_records(
                row for name, told in sorted(answer.items()) for row in self._states(name, told)
            )
        except (LookupError, TypeError, AttributeError) as error:
            raise TargetError(f"{self._config.url} answers otherwise than Kafka Connect: {error!r}") from None

    def close(self) -> None:
        """Let go of the connection."""
        self._web.close()

    def _states(self, name: str, told: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
        return states(name, told) if self._wanted.fullmatch(name) else ()


def states(name: str, told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a worker tells of one connector as plain rows: the connector's, then its tasks'.

    Raises:
        LookupError, TypeError, AttributeError: it is not as Connect tells it.

    >>> said = {"connector": {"state": "RUNNING", "worker_id": "w:1"}, "tasks": [], "type": "sink"}
    >>> [row] = states("out", {"status": said})
    >>> row["connector"], row["state"], row["failed"], row["tasks"]
    ('out', 'RUNNING', False, 0)
    """
    status = told["status"]
    config = told.get("info", {}).get("config", {})
    about = {"connector": name, "type": status.get("type"), "class": config.get("connector.class")}
    tasks = [
        {"kind": "task", **about, "task": task["id"], **_state(task)}
        for task in sorted(status["tasks"], key=lambda task: task["id"])
    ]
    counts = {
        "tasks": len(tasks),
        "tasks_running": sum(task["state"] == "RUNNING" for task in tasks),
        "tasks_failed": sum(task["failed"] for task in tasks),
    }
    return [{"kind": "connector", **about, **_state(status["connector"]), **counts}, *tasks]


def _state(said: Mapping[str, Any]) -> dict[str, Any]:
    """The state, and why it failed: the first line of the trace, and its last cause, which says more."""
    lines = (said.get("trace") or "").strip().splitlines()
    causes = [line.removeprefix("Caused by: ") for line in lines if line.startswith("Caused by: ")]
    error = "; ".join([lines[0], *causes[-1:]])[:_LONGEST] if lines else None
    state = said["state"]
    return {"state": state, "failed": state == "FAILED", "worker": said.get("worker_id"), "error": error}
