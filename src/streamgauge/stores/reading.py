"""What a look into a store can tell: the part that verbs and the API use, also while another process writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from sqlalchemy import Connection, Table, func, select
from sqlalchemy.exc import DBAPIError

from streamgauge.batch import Partition
from streamgauge.errors import StoreError
from streamgauge.incident import Incident, IncidentState
from streamgauge.keys import Key, key_text
from streamgauge.sinks.contract import SpooledRow
from streamgauge.stores import history, queries, rows, spool
from streamgauge.stores.contract import Change, DeadLetter, LateCount, Paused, Position, StateKey, Waiting
from streamgauge.stores.schema import (
    KEY_START_LENGTH,
    checkpoint_states,
    dead_letters,
    incidents,
    judgements,
    late_counts,
    meta,
    monitor_status,
    outbox,
    positions,
)
from streamgauge.stores.schema import history as history_table

if TYPE_CHECKING:
    import polars as pl

_OPEN = tuple(str(state) for state in IncidentState if state is not IncidentState.RESOLVED)


class Backend(Protocol):
    """What is different from database to database."""

    where: str

    def insert(self, table: Table) -> Any:
        """An INSERT that knows ``on_conflict_do_nothing`` and ``on_conflict_do_update``."""
        ...

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that writes; committed at the end, rolled back on an exception."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A transaction that sees one moment."""
        ...

    def explain(self, error: DBAPIError) -> StoreError:
        """The error in words for people."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class SqlReading:
    """Queries, the same for every database."""

    def __init__(self, backend: Backend, *, reader: str) -> None:
        self._backend = backend
        self._reader = reader

    @property
    def where(self) -> str:
        """The store's place, for messages; no secrets."""
        return self._backend.where

    @cached_property
    def id(self) -> str:
        """What tells this store from every other, for good."""
        with self._reading() as connection:
            found: str = connection.execute(select(meta.c.value).where(meta.c.name == "store")).scalar_one()
            return found

    def positions(self, stream: str) -> dict[Partition, Position]:
        """Where the reader of ``stream`` goes on."""
        mine = (positions.c.reader == self._reader, positions.c.stream == stream)
        with self._reading() as connection:
            found = connection.execute(select(positions).where(*mine).order_by(positions.c.partition))
            return {
                Partition.parse(row.partition): Position(
                    row.next_offset, row.largest_time, row.partial_until, row.began
                )
                for row in found
            }

    def states(self) -> list[StateKey]:
        """The states that are saved, also those that no monitor wants any more."""
        query = select(checkpoint_states).order_by(checkpoint_states.c.id)
        with self._reading() as connection:
            return [rows.state_key(row) for row in connection.execute(query)]

    def incidents(
        self,
        *,
        state: IncidentState | None = None,
        monitor: str | None = None,
        severity: str | None = None,
        keys: Sequence[str] | None = None,
        limit: int = 100,
        before: int | None = None,
        after: str | None = None,
    ) -> list[Incident]:
        """Newest first; ``before`` (microseconds of ``opened_at``) turns the page.

        ``keys`` are texts of :func:`~streamgauge.keys.key_text`. ``after`` (an incident's id) goes on among those of the very moment ``before``.
        """
        asked = {
            "state": None if state is None else str(state),
            "monitor": monitor,
            "severity": severity,
            "keys": keys,
            "starts": None if keys is None else [key[:KEY_START_LENGTH] for key in keys],
            "before": before,
            "after": after,
        }
        given = {name: value for name, value in asked.items() if value is not None}
        with self._reading() as connection:
            found = connection.execute(queries.page(frozenset(given)), {**given, "most": limit})
            return [rows.read_incident(body) for body in found.scalars()]

    def incident(self, incident_id: str) -> Incident | None:
        """One incident by its id."""
        with self._reading() as connection:
            body = connection.execute(queries.INCIDENT, {"id": incident_id}).scalar()
        return None if body is None else rows.read_incident(body)

    def open_incidents(self) -> list[Incident]:
        """Incidents that are pending or open, oldest first."""
        query = select(incidents.c.body).where(incidents.c.state.in_(_OPEN))
        with self._reading() as connection:
            found = connection.execute(query.order_by(incidents.c.opened_at, incidents.c.id)).scalars()
            return [rows.read_incident(body) for body in found]

    def around(
        self, start: int, end: int, limit: int = 200, *, monitors: Sequence[str] | None = None
    ) -> list[Incident]:
        """Incidents (of ``monitors``) that opened in ``start <= opened_at <= end``, oldest first."""
        if monitors is not None and not monitors:
            return []
        count = 0 if monitors is None else len(monitors)
        given = {"start": start, "end": end, "most": limit, "monitors": monitors}
        with self._reading() as connection:
            found = connection.execute(queries.around(one=count == 1, several=count > 1), given)
            return [rows.read_incident(body) for body in found.scalars()]

    def telling(self, prefix: str = "") -> dict[str, dict[str, Any]]:
        """What the stages after an incident remember, by names that begin so."""
        with self._reading() as connection:
            found = connection.execute(queries.TELLING, {"prefix": prefix, "length": len(prefix)})
            return {row.name: msgspec.json.decode(row.body) for row in found}

    def changes(self, incident_id: str) -> list[Change]:
        """What happened to an incident, oldest first."""
        with self._reading() as connection:
            found = connection.execute(queries.CHANGES, {"id": incident_id})
            return [Change(row.at, row.who, IncidentState(row.state), row.why) for row in found]

    def dead_letters_after(self, stream: str, after: int, limit: int = 500) -> list[DeadLetter]:
        """Those of a stream beyond a sequence, oldest first: for whoever copies them elsewhere."""
        query = select(dead_letters).where(dead_letters.c.stream == stream, dead_letters.c.sequence > after)
        with self._reading() as connection:
            return [
                _letter(row)
                for row in connection.execute(query.order_by(dead_letters.c.sequence).limit(limit))
            ]

    def cursor(self, name: str) -> int:
        """How far whoever is called ``name`` has come; 0 before it began."""
        with self._reading() as connection:
            found = connection.execute(select(meta.c.value).where(meta.c.name == f"cursor:{name}")).scalar()
            return 0 if found is None else int(found)

    def dead_letters(self, *, stream: str | None = None, limit: int = 100) -> list[DeadLetter]:
        """Newest first."""
        query = select(dead_letters).order_by(dead_letters.c.sequence.desc()).limit(limit)
        if stream is not None:
            query = query.where(dead_letters.c.stream == stream)
        with self._reading() as connection:
            return [_letter(row) for row in connection.execute(query)]

    def late_counts(self, *, monitor: str | None = None) -> list[LateCount]:
        """All late counts in order of (monitor, window)."""
        query = select(late_counts).order_by(late_counts.c.monitor, late_counts.c.window_start)
        if monitor is not None:
            query = query.where(late_counts.c.monitor == monitor)
        with self._reading() as connection:
            found = connection.execute(query).mappings()
            return [LateCount(row["monitor"], row["window_start"], row["count"]) for row in found]

    def history(
        self, monitor: str, *, key: Key = None, start: int | None = None, end: int | None = None
    ) -> pl.DataFrame:
        """Window results with ``start <= window_end < end``, in the order in which they were reported.

        ``key``: only those of this key; None: all.
        """
        with self._reading() as connection:
            return history.read(
                connection, history_table, monitor, start, end, None if key is None else key_text(key)
            )

    def judgements(
        self, monitor: str, *, key: Key = None, start: int | None = None, end: int | None = None
    ) -> pl.DataFrame:
        """What was judged of windows, as :mod:`streamgauge.engines.running.judgements` writes it; bounds as of :meth:`history`."""
        with self._reading() as connection:
            return history.read(
                connection, judgements, monitor, start, end, None if key is None else key_text(key)
            )

    def last_judged(self, monitor: str, before: int | None = None) -> int | None:
        """The end of the newest window that was judged, or of the newest that ended by ``before``."""
        query = select(func.max(judgements.c.last_end)).where(judgements.c.monitor == monitor)
        with self._reading() as connection:
            newest: int | None = connection.execute(query).scalar()
            if newest is None or before is None or newest <= before:
                return newest
            earlier = query.where(judgements.c.first_end <= before)
            found: int | None = connection.execute(earlier).scalar()
            return None if found is None else min(found, before)

    def waiting(self, limit: int = 1000, *, after: int = 0, channel: str | None = None) -> list[Waiting]:
        """The outbox in the order in which the notices were decided.

        Only those with a sequence beyond ``after``, and only of ``channel`` where one is named.
        """
        query = select(outbox).where(outbox.c.state == "waiting", outbox.c.sequence > after)
        if channel is not None:
            query = query.where(outbox.c.channel == channel)
        with self._reading() as connection:
            found = connection.execute(query.order_by(outbox.c.sequence).limit(limit))
            return [
                Waiting(
                    row.sequence,
                    row.notice,
                    row.channel,
                    msgspec.json.decode(row.payload),
                    row.attempts,
                    row.due,
                    row.decided_at,
                )
                for row in found
            ]

    def told_through(self, notice: str) -> list[str]:
        """The channels of a notice by its id, while it is kept."""
        query = select(outbox.c.channel).where(outbox.c.notice == notice).order_by(outbox.c.sequence)
        with self._reading() as connection:
            return list(connection.execute(query).scalars())

    def outbox_depth(self) -> dict[str, int]:
        """Notices that wait, per channel."""
        query = select(outbox.c.channel, func.count()).where(outbox.c.state == "waiting")
        with self._reading() as connection:
            found = connection.execute(query.group_by(outbox.c.channel).order_by(outbox.c.channel))
            return {channel: count for channel, count in found}  # noqa: C416  rows are no pairs to mypy

    def spooled(self, sink: str, limit: int = 1000) -> list[SpooledRow]:
        """The oldest rows that wait for a sink, in order."""
        with self._reading() as connection:
            return spool.waiting(connection, sink, limit)

    def spool_depth(self) -> dict[str, int]:
        """Rows that wait, per sink."""
        with self._reading() as connection:
            return spool.depth(connection)

    def monitor_status(self) -> dict[str, Paused]:
        """The monitors that are paused."""
        query = select(monitor_status).where(monitor_status.c.paused).order_by(monitor_status.c.monitor)
        with self._reading() as connection:
            return {row.monitor: Paused(row.reason, row.since) for row in connection.execute(query)}

    def close(self) -> None:
        """Let go of the store."""
        self._backend.close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._explained(), self._backend.read() as connection:
            yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Database errors become sentences."""
        try:
            yield
        except DBAPIError as error:
            raise self._backend.explain(error) from error


def _letter(row: Any) -> DeadLetter:
    return DeadLetter(
        row.sequence,
        row.stream,
        Partition.parse(row.partition),
        row.offset,
        row.at,
        row.reason,
        row.payload,
        row.truncated,
        row.replayed_at,
    )
