"""How incidents, notices and positions become rows, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from streamgauge.batch import Partition
from streamgauge.incident import Incident, IncidentState, Notice
from streamgauge.keys import key_text
from streamgauge.stores.contract import Position, StateKey


def _plain(value: Any) -> Any:
    """What JSON does not know: NumPy's numbers and arrays; anything else by its text."""
    if isinstance(value, np.generic):
        return value.item()
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


_encoder = msgspec.json.Encoder(enc_hook=_plain)
_incidents = msgspec.json.Decoder(Incident)
"""Straight into its fields: a page of incidents spends most of its time here, and a plain dictionary takes seven times as long."""


def json_text(value: Any) -> str:
    """JSON; what is not finite becomes null."""
    return _encoder.encode(value).decode()


def incident_row(incident: Incident, now: int) -> dict[str, Any]:
    """A row of ``incidents``."""
    return {
        "id": incident.id,
        "monitor": incident.monitor,
        "fingerprint": incident.fingerprint,
        "key": key_text(incident.key),
        "kind": incident.kind,
        "state": str(incident.state),
        "severity": incident.severity,
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "changed_at": now,
        "body": json_text(incident),
    }


def read_incident(body: str) -> Incident:
    """The incident whose row has this body."""
    try:
        found = _incidents.decode(body)
    except msgspec.ValidationError:  # a field holds what its type does not say: it is shown as it is
        return _read_freely(body)
    object.__setattr__(found, "samples", tuple(found.samples))  # frozen, but nobody has seen it yet
    return found


def _read_freely(body: str) -> Incident:
    fields: dict[str, Any] = msgspec.json.decode(body)
    if isinstance(fields["key"], list):
        fields["key"] = tuple(fields["key"])
    fields["state"] = IncidentState(fields["state"])
    for name in ("samples", "notify", "told", "groups", "openings"):
        fields[name] = tuple(fields.get(name, ()))
    return Incident(**fields)


def notice_row(notice: Notice, now: int) -> dict[str, Any]:
    """A row of ``outbox``."""
    return {
        "notice": notice.id,
        "channel": notice.channel,
        "incident": notice.incident.id,
        "payload": json_text(notice.as_json()),
        "state": "waiting",
        "decided_at": now,
        "attempts": 0,
        "due": now,
        "detail": "",
    }


def positions_text(positions: Mapping[Partition, Position]) -> str:
    """Positions as one JSON text."""
    return json_text(plain_positions(positions))


def plain_positions(positions: Mapping[Partition, Position]) -> dict[str, tuple[int, int, int]]:
    """Positions as a block holds them."""
    return {str(part): (p.next_offset, p.largest_time, p.partial_until) for part, p in positions.items()}


def read_positions(plain: Mapping[str, tuple[int, int, int]]) -> dict[Partition, Position]:
    """Read back what :func:`plain_positions` made."""
    return {Partition.parse(name): Position(*numbers) for name, numbers in plain.items()}


def state_key(row: Any) -> StateKey:
    """The key of a row of ``checkpoint_states``."""
    return StateKey(row.name, row.shape, Partition.parse(row.partition) if row.partition else None)
