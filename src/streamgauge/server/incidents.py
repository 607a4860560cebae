"""The API of incidents: a page of them, newest first, and one with everything that happened to it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query
from fastapi.responses import JSONResponse

from streamgauge.clock import SECOND, iso, to_micros
from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.around import CAUSES, upstream
from streamgauge.keys import key_texts
from streamgauge.server.desk import Desk
from streamgauge.server.refusals import Refused
from streamgauge.stores.rows import json_text

if TYPE_CHECKING:
    from streamgauge.config import Config
    from streamgauge.stores.contract import Reading

AROUND = 5 * 60 * SECOND
"""Incidents that began so much earlier or later are shown beside one."""

SHOWN = 20
"""So many of them."""

MOST = 1000
"""Incidents on one page at most."""


def routes(desk: Desk) -> APIRouter:
    """``/incidents`` and ``/incidents/{id}``."""
    router = APIRouter(tags=["incidents"])

    @router.get("/incidents")
    def incidents(
        state: Annotated[IncidentState | None, Query(description="Only those that stand so.")] = None,
        monitor: Annotated[str | None, Query(description="Only those of this monitor.")] = None,
        severity: Annotated[Literal["warning", "critical"] | None, Query(description="Only those.")] = None,
        key: Annotated[str | None, Query(description="Only those of this key, as people write it.")] = None,
        limit: Annotated[int, Query(ge=1, le=MOST)] = 100,
        before: Annotated[str | None, Query(description="A moment, or the id that `next` named.")] = None,
    ) -> JSONResponse:
        """Newest first; `next` is the `before` of the next page, null at the end."""
        found, following = page(desk.look(), state, monitor, limit, before, severity=severity, key=key)
        return plain({"incidents": [incident.as_json() for incident in found], "next": following})

    @router.get("/incidents/{incident_id}")
    def incident(incident_id: str) -> JSONResponse:
        """One incident with everything that happened to it."""
        look = desk.look()
        found = look.incident(incident_id)
        if found is None:
            raise Refused(404, f"there is no incident {incident_id!r}; /api/v1/incidents lists them")
        changes = [
            {"at": iso(change.at), "who": change.who, "state": str(change.state), "why": change.why}
            for change in look.changes(incident_id)
        ]
        company = around(look, found, desk.running.config)
        return plain({**found.as_json(), "changes": changes, "around": company})

    return router


def around(look: Reading, incident: Incident, config: Config) -> list[dict[str, Any]]:
    """What else began within the same minutes, as plain data; see :func:`beside`."""
    return [
        {
            "id": other.id,
            "monitor": other.monitor,
            "incident": other.kind,
            "state": str(other.state),
            "severity": other.severity,
            "title": other.title,
            "opened_at": iso(other.opened_at),
            "seconds": (other.opened_at - incident.opened_at) / 1e6,
            "upstream": is_above,
        }
        for other, is_above in beside(look, incident, config)
    ]


def beside(look: Reading, incident: Incident, config: Config) -> list[tuple[Incident, bool]]:
    """What else began within the same minutes on the same stream: what is upstream first, then the first.

    Args:
        look: into the store.
        incident: whose company it is.
        config: what there is to watch.
    """
    stream = incident.labels.get("stream")
    if stream is None:
        return []
    streams = {name: monitor.stream for name, monitor in config.monitors.items()}
    above = upstream(stream, streams)
    causes = [
        *(monitor for _, monitor in above),
        *(f"stream {place}" for place in (stream, *(p for p, _ in above))),
    ]
    others = config.streams[stream].source.causes() if stream in config.streams else ()
    causes += [
        *(name for name, watched in streams.items() if watched in others),
        *(f"stream {other}" for other in others),
    ]
    own = [name for name, watched in streams.items() if watched == stream]
    first, last = incident.opened_at - AROUND, incident.opened_at + AROUND
    found: list[tuple[Incident, bool]] = []
    for names, are_above in ((causes, True), ([*own, f"stream {stream}"], False)):
        near = look.around(first, last, SHOWN + 1, monitors=names)
        known = {incident.id, *(other.id for other, _ in found)}
        found += [
            (other, are_above) for other in near if other.id not in known and (not are_above or _leads(other))
        ]
    return found[:SHOWN]


def _leads(other: Incident) -> bool:
    """Of what befalls a stream itself, only some is a cause of all else."""
    return not other.monitor.startswith("stream ") or other.kind in CAUSES


def page(
    look: Reading,
    state: IncidentState | None,
    monitor: str | None,
    limit: int,
    before: str | None,
    *,
    severity: str | None = None,
    key: str | None = None,
) -> tuple[list[Incident], str | None]:
    """A page of incidents, and what to give as ``before`` for the next; None at the end.

    Many incidents may begin at one moment (the end of a window), so a page goes on after an id.

    Raises:
        Refused: ``before`` is neither a moment nor an id.
    """
    moment, after = _beginning(look, before)
    found = look.incidents(
        state=state,
        monitor=monitor,
        severity=severity,
        keys=None if key is None else key_texts(key),
        limit=limit + 1,
        before=moment,
        after=after,
    )
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def plain(data: Any) -> JSONResponse:
    """JSON of data that may hold NumPy's numbers; what is not finite becomes null."""
    return _Encoded(data)


class _Encoded(JSONResponse):
    def render(self, content: Any) -> bytes:
        return json_text(content).encode()


def _beginning(look: Reading, before: str | None) -> tuple[int | None, str | None]:
    if before is None:
        return None, None
    incident = look.incident(before)
    if incident is not None:
        return incident.opened_at, incident.id
    try:
        moment = datetime.fromisoformat(before)
    except ValueError:
        sentence = f"before: {before!r} is neither a moment such as 2026-01-31T12:00:00Z nor an incident's id"
        raise Refused(400, sentence) from None
    return to_micros(moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)), None
