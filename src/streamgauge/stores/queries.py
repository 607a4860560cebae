"""The queries that people's pages ask all day, made once: to put one together costs more than SQLite takes to answer it.

Each takes its values by name when it is carried out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, func, literal_column, select

from streamgauge.stores.schema import KEY_START, incident_changes, incidents, telling

INCIDENT = select(incidents.c.body).where(incidents.c.id == bindparam("id"))
"""The body of the incident ``id``."""

CHANGES = (
    select(incident_changes)
    .where(incident_changes.c.incident == bindparam("id"))
    .order_by(incident_changes.c.sequence)
)
"""What happened to the incident ``id``, oldest first."""

TELLING = (
    select(telling)
    .where(func.substr(telling.c.name, 1, bindparam("length")) == bindparam("prefix"))
    .order_by(telling.c.name)
)
"""What is remembered under names that begin with ``prefix``, of ``length`` characters."""


@lru_cache
def page(given: frozenset[str]) -> Select[Any]:
    """Bodies of incidents, newest first, at most ``most``.

    ``given``: which of ``state``, ``monitor``, ``severity``, ``keys`` (with ``starts``, the first part of each), ``before``
    and ``after`` bound it; they are values of the query too.
    """
    query = select(incidents.c.body).order_by(incidents.c.opened_at.desc(), incidents.c.id)
    if "state" in given:
        query = query.where(incidents.c.state == bindparam("state"))
    if "monitor" in given:
        # Of one key, not by the monitor's index: a key has few incidents, a monitor many.
        name = incidents.c.monitor.concat("") if "keys" in given else incidents.c.monitor
        query = query.where(name == bindparam("monitor"))
    if "severity" in given:
        query = query.where(incidents.c.severity == bindparam("severity"))
    if "keys" in given:
        # The key itself as an expression too: else SQLite puts its value into the other and misses the index.
        starts = literal_column(KEY_START).in_(bindparam("starts", expanding=True))
        query = query.where(starts, incidents.c.key.concat("").in_(bindparam("keys", expanding=True)))
    if "before" in given:
        earlier = incidents.c.opened_at < bindparam("before")
        same = (incidents.c.opened_at == bindparam("before")) & (incidents.c.id > bindparam("after"))
        query = query.where(earlier | same if "after" in given else earlier)
    return query.limit(bindparam("most"))


@lru_cache
def around(*, one: bool, several: bool) -> Select[Any]:
    """Bodies of incidents that opened from ``start`` to ``end``, oldest first, at most ``most``.

    ``one``, ``several``: only those of one of ``monitors``, of which there is one, or are several.
    """
    opened = incidents.c.opened_at.between(bindparam("start"), bindparam("end"))
    query = select(incidents.c.body).where(opened)
    if one or several:
        # Of several, not by their index: that of moments gives the first few without sorting all of a storm.
        name = incidents.c.monitor if one else incidents.c.monitor.concat("")
        query = query.where(name.in_(bindparam("monitors", expanding=True)))
    return query.order_by(incidents.c.opened_at, incidents.c.id).limit(bindparam("most"))
