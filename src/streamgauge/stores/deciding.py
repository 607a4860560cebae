"""What the owner of a partition decides about incidents, on its way to whoever tells of them.

Where several instances share the work, the open incidents of a partition stand in a table of its owner, and each step
in their lives lies in another until the one who tells has taken it: in the transaction that does so it goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, insert, select, update

from streamgauge.batch import Partition
from streamgauge.incident import Incident, IncidentState
from streamgauge.stores import rows
from streamgauge.stores.contract import Decided
from streamgauge.stores.schema import decided as steps
from streamgauge.stores.schema import held_incidents
from streamgauge.stores.sections import Insert

_AT_ONCE = 500


def write_decided(connection: Connection, put: Insert, decided: Sequence[Decided]) -> None:
    """Note each step, and how the incidents of the partition stand after all of them."""
    if not decided:
        return
    connection.execute(insert(steps), [_step(each) for each in decided])
    newest = {each.incident.id: each for each in decided}
    ended = [name for name, each in newest.items() if each.incident.state is IncidentState.RESOLVED]
    for some in _portions(ended):
        connection.execute(delete(held_incidents).where(held_incidents.c.id.in_(some)))
    held = [_held(each) for name, each in newest.items() if each.incident.state is not IncidentState.RESOLVED]
    if held:
        statement = put(held_incidents)
        replaced = {name: statement.excluded[name] for name in ("stream", "partition", "body")}
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=replaced), held)


def read_decided(connection: Connection, after: int, limit: int) -> list[Decided]:
    """The steps that nobody has taken, in order."""
    query = select(steps).where(steps.c.sequence > after).order_by(steps.c.sequence).limit(limit)
    return [
        Decided(
            rows.read_incident(row.body),
            row.cause,
            tuple(msgspec.json.decode(row.channels)),
            sequence=row.sequence,
        )
        for row in connection.execute(query)
    ]


def take_decided(connection: Connection, heard: Sequence[int], incidents: Iterable[Incident]) -> None:
    """These steps were taken; whoever holds one of ``incidents`` that is over here is to forget it."""
    for some in _portions(heard):
        connection.execute(delete(steps).where(steps.c.sequence.in_(some)))
    over = [incident.id for incident in incidents if incident.state is IncidentState.RESOLVED]
    for few in _portions(over):
        connection.execute(update(held_incidents).where(held_incidents.c.id.in_(few)).values(over=True))


def held_of(connection: Connection, stream: str, partition: Partition) -> list[tuple[Incident, bool]]:
    """The open and pending incidents of a partition, and whether people ended them."""
    table = held_incidents.c
    mine = (table.stream == stream, table.partition == str(partition))
    query = select(table.body, table.over).where(*mine).order_by(table.id)
    return [(rows.read_incident(row.body), row.over) for row in connection.execute(query)]


def over_by_hand(connection: Connection) -> list[str]:
    """The incidents that their owners are to forget, by id."""
    return list(connection.execute(select(held_incidents.c.id).where(held_incidents.c.over)).scalars())


def _step(each: Decided) -> Mapping[str, Any]:
    return {
        "incident": each.incident.id,
        "cause": each.cause,
        "channels": rows.json_text(list(each.channels)),
        "body": rows.json_text(each.incident),
    }


def _held(each: Decided) -> Mapping[str, Any]:
    place = {"stream": each.stream, "partition": str(each.partition)}
    return {"id": each.incident.id, **place, "body": rows.json_text(each.incident), "over": False}


def _portions(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """Databases limit how many values a statement may carry."""
    return (items[start : start + _AT_ONCE] for start in range(0, len(items), _AT_ONCE))
