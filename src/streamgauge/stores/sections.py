"""The sections of a commit beside the checkpoints: each function writes one, inside the caller's transaction.

Statements are the same for every database; ``insert`` is the backend's, which knows ON CONFLICT.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy import insert as plain_insert

from streamgauge.batch import BadRecord, Partition
from streamgauge.clock import SECOND
from streamgauge.incident import Incident, Notice, Remark
from streamgauge.stores import rows
from streamgauge.stores.contract import LateCount, Position
from streamgauge.stores.schema import (
    dead_letters,
    incident_changes,
    incidents,
    late_counts,
    monitor_status,
    outbox,
    positions,
    telling,
)

Insert: TypeAlias = Callable[[Table], Any]

PAYLOAD_BYTES: Final = 64 * 1024
"""How much of a dead letter is kept; the rest can be read again at its offset."""

LATE_KEPT: Final = 30 * 86_400 * SECOND
"""Late counts that have not changed for so long are dropped (wall clock)."""

_AT_ONCE = 500
"""Ids per query; databases limit how many values a statement may carry."""


def write_positions(
    connection: Connection, insert: Insert, reader: str, new: Mapping[tuple[str, Partition], Position]
) -> None:
    """Move the reader's positions."""
    values = [
        {
            "reader": reader,
            "stream": stream,
            "partition": str(partition),
            "next_offset": position.next_offset,
            "largest_time": position.largest_time,
            "partial_until": position.partial_until,
            "began": position.began,
        }
        for (stream, partition), position in new.items()
    ]
    if values:
        moving = ("next_offset", "largest_time", "partial_until", "began")
        _upsert(connection, insert, positions, moving, values)


def write_incidents(
    connection: Connection,
    insert: Insert,
    changed: Sequence[Incident],
    now: int,
    remarks: Sequence[Remark] = (),
) -> None:
    """Put in new incidents, replace changed ones, and note each change of state for good.

    ``remarks`` are noted as they are; a change of state that one of them tells of is not noted again.
    """
    if not changed:
        return
    stood = _states_of(connection, [incident.id for incident in changed])
    changes = []
    told = {(remark.incident, str(remark.state)) for remark in remarks}
    for remark in remarks:
        line = {"incident": remark.incident, "at": now, "who": remark.who, "state": str(remark.state)}
        changes.append({**line, "why": remark.why})
    for incident in changed:
        state = str(incident.state)
        if stood.get(incident.id) != state and (incident.id, state) not in told:
            why = incident.reason or (incident.muted if state == "suppressed" else None) or incident.title
            changes.append(
                {"incident": incident.id, "at": now, "who": "streamgauge", "state": state, "why": why}
            )
            stood[incident.id] = state
    columns = tuple(column.name for column in incidents.c if not column.primary_key)
    _upsert(connection, insert, incidents, columns, [rows.incident_row(each, now) for each in changed])
    if changes:
        connection.execute(plain_insert(incident_changes), changes)


def write_telling(connection: Connection, insert: Insert, changed: Mapping[str, object]) -> None:
    """Keep what the stages after an incident remember; what is None is forgotten."""
    values = [
        {"name": name, "body": rows.json_text(body)} for name, body in changed.items() if body is not None
    ]
    if values:
        _upsert(connection, insert, telling, ("body",), values)
    gone = [name for name, body in changed.items() if body is None]
    for start in range(0, len(gone), _AT_ONCE):
        connection.execute(delete(telling).where(telling.c.name.in_(gone[start : start + _AT_ONCE])))


def write_notices(
    connection: Connection, insert: Insert, notices: Sequence[Notice], now: int, keep: int
) -> None:
    """Put notices into the outbox; one that was decided before stays as it is, delivered or not."""
    if not notices:
        return
    statement = insert(outbox).on_conflict_do_nothing(index_elements=["notice", "channel"])
    connection.execute(statement, [rows.notice_row(notice, now) for notice in notices])
    newest = connection.execute(select(func.max(outbox.c.sequence))).scalar_one()
    old = outbox.c.sequence <= newest - keep
    connection.execute(delete(outbox).where(outbox.c.state != "waiting", old))


def write_dead_letters(
    connection: Connection, insert: Insert, letters: Sequence[tuple[str, BadRecord]], keep: int
) -> None:
    """Keep bad records, each once, the newest ``keep`` of them."""
    if not letters:
        return
    statement = insert(dead_letters).on_conflict_do_nothing(index_elements=["stream", "partition", "offset"])
    connection.execute(statement, [_letter_row(stream, bad) for stream, bad in letters])
    newest = connection.execute(select(func.max(dead_letters.c.sequence))).scalar_one()
    connection.execute(delete(dead_letters).where(dead_letters.c.sequence <= newest - keep))


def write_late(connection: Connection, insert: Insert, late: Sequence[LateCount], now: int) -> None:
    """Add to the counts."""
    if not late:
        return
    statement = insert(late_counts)
    added = statement.on_conflict_do_update(
        index_elements=["monitor", "window_start"],
        set_={
            "count": late_counts.c.count + statement.excluded["count"],
            "changed_at": statement.excluded.changed_at,
        },
    )
    values = [
        {"monitor": each.monitor, "window_start": each.window_start, "count": each.count, "changed_at": now}
        for each in late
    ]
    connection.execute(added, values)
    connection.execute(delete(late_counts).where(late_counts.c.changed_at < now - LATE_KEPT))


def write_paused(connection: Connection, insert: Insert, paused: Mapping[str, str | None], now: int) -> None:
    """Pause monitors (with the reason) or resume them (None)."""
    values = [
        {"monitor": monitor, "paused": reason is not None, "reason": reason, "since": now}
        for monitor, reason in paused.items()
    ]
    if values:
        _upsert(connection, insert, monitor_status, ("paused", "reason", "since"), values)


def _upsert(
    connection: Connection, insert: Insert, table: Table, columns: Sequence[str], values: list[dict[str, Any]]
) -> None:
    statement = insert(table)
    replaced = {name: statement.excluded[name] for name in columns}
    keys = list(table.primary_key.columns)
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=replaced), values)


def _states_of(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = incidents.c.id.in_(ids[start : start + _AT_ONCE])
        query = select(incidents.c.id, incidents.c.state).where(some)
        found.update((row.id, row.state) for row in connection.execute(query))
    return found


def _letter_row(stream: str, bad: BadRecord) -> dict[str, Any]:
    payload = bad.payload
    return {
        "stream": stream,
        "partition": str(bad.partition),
        "offset": bad.offset,
        "at": bad.at,
        "reason": bad.reason,
        "payload": None if payload is None else payload[:PAYLOAD_BYTES],
        "truncated": bad.truncated or (payload is not None and len(payload) > PAYLOAD_BYTES),
    }
