"""Asks the brokers and the database how far each step is; a system that is away is told by its steps, and the others go on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from streamgauge.clock import Clock, to_datetime
from streamgauge.sources.pipeline.config import Config, StepConfig
from streamgauge.sources.pipeline.rows import Cluster, Heard, records
from streamgauge.sources.polling.target import TargetError

if TYPE_CHECKING:
    from streamgauge.sources.kafka_lag.apart import Apart
    from streamgauge.sources.sql import Query

_FOR_BROKERS = 0.6
"""The share of the time in which brokers must answer: where they are away, some is left for the database."""


class Way:
    """One pipeline; see :class:`streamgauge.sources.polling.target.Target`."""

    def __init__(self, config: Config, stream: str, clock: Clock) -> None:
        self._config = config
        self._stream = stream
        self._clock = clock
        self._brokers: Apart | None = None
        self._queries: dict[str, Query] = {}

    def ask(self, seconds: float) -> Sequence[bytes]:
        """A record per step, per edge whose both ends are known, and per topic of dead letters.

        Raises:
            TargetError: nothing at all could be asked.
        """
        from streamgauge.sources.polling.source import as_records

        cluster: Cluster | TargetError | None = None
        if self._config.brokers:
            cluster = self._cluster(seconds * _FOR_BROKERS)
        until = time.monotonic() + seconds * (1 - _FOR_BROKERS)
        heard = [self._step(i, step, cluster, until) for i, step in enumerate(self._config.steps)]
        dead = {topic: _topic(topic, cluster) for topic in self._config.dead_letter_topics}
        away = [one.error for one in heard if one.count is None]
        if len(away) == len(heard):
            raise TargetError("; ".join(dict.fromkeys(filter(None, away))))
        return as_records(list(records(self._config.steps, heard, dead, to_datetime(self._clock.now()))))

    def close(self) -> None:
        """Let go of connections."""
        if self._brokers is not None:
            self._brokers.close()
        for query in self._queries.values():
            query.close()

    def _cluster(self, seconds: float) -> Cluster | TargetError:
        """Asked by a process of its own, as ``kafka_lag`` does: the library can end it when brokers go away."""
        from streamgauge.sources.kafka_lag.apart import Apart

        if self._brokers is None:
            self._brokers = Apart(self._config.cluster(), self._stream)
        try:
            return Cluster(self._brokers.ask(seconds))
        except TargetError as error:
            return error

    def _step(self, i: int, step: StepConfig, cluster: Cluster | TargetError | None, until: float) -> Heard:
        if step.table is not None:
            return self._table(step.table, step.time, until)
        if step.topic is not None:
            return _topic(step.topic, cluster)
        if not isinstance(cluster, Cluster):
            return Heard(error=str(cluster))
        return cluster.read(step.reader, self._config.steps[i - 1].topic or "")

    def _table(self, table: str, time_: str | None, until: float) -> Heard:
        import msgspec

        from streamgauge.sources.sql import Config as Sql
        from streamgauge.sources.sql import Query

        if table not in self._queries:
            url = self._config.database or ""
            query = _question(table, time_, postgresql=url.startswith("postgresql"))
            self._queries[table] = Query(Sql(type="sql", url=url, query=query))
        try:
            (row,) = self._queries[table].ask(_left(until))
        except TargetError as error:
            return Heard(error=str(error))
        told = msgspec.json.decode(row)
        if told["count"] is None:
            return Heard(error=f"there is no table `{table}`, or we may not see it")
        newest = told.get("newest")
        return Heard(int(told["count"]), datetime.fromisoformat(newest) if newest is not None else None)


def _topic(topic: str, cluster: Cluster | TargetError | None) -> Heard:
    return cluster.written(topic) if isinstance(cluster, Cluster) else Heard(error=str(cluster))


def _question(table: str, time_: str | None, *, postgresql: bool) -> str:
    """How much was ever written: PostgreSQL counts that itself, whatever the size; of SQLite rows are counted.

    >>> _question("payments", "at", postgresql=False)
    'SELECT (SELECT count(*) FROM payments) AS count, (SELECT max(at) FROM payments) AS newest'
    """
    schema, _, name = table.rpartition(".")  # the configuration lets plain names through only
    count = f"SELECT count(*) FROM {table}"  # noqa: S608  see above
    if postgresql:
        where = f"schemaname = '{(schema or 'public').lower()}' AND relname = '{name.lower()}'"
        count = f"SELECT n_tup_ins + n_tup_upd FROM pg_stat_user_tables WHERE {where}"  # noqa: S608  see above
    newest = f", (SELECT max({time_}) FROM {table}) AS newest" if time_ is not None else ""  # noqa: S608  see above
    return f"SELECT ({count}) AS count{newest}"


def _left(until: float) -> float:
    return max(0.2, until - time.monotonic())
