"""The open and pending incidents, and what has changed since the last commit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from streamgauge.batch import SlotArray
from streamgauge.incident import Incident, IncidentState, Notice, Remark
from streamgauge.incidents.labels import labelled
from streamgauge.keys import Key, KeySlots

if TYPE_CHECKING:
    from streamgauge.incidents.memory import Memory


class Cause(StrEnum):
    """Why there may be something to tell."""

    BEGAN = "began"
    WORSE = "worse"
    EASED = "eased"
    ENDED = "ended"
    REPEAT = "repeat"
    STILL = "still firing"


@dataclass(frozen=True, slots=True)
class Event:
    """An incident as it was when it changed; ``channels``: its monitor's, empty where the route decides."""

    incident: Incident
    cause: Cause
    channels: tuple[str, ...] = ()


class Board:
    """Who has an open incident. In memory the truth; written with each commit.

    Attributes:
        changed: incidents new or changed since the last commit, by id; withdrawn ones are in ``withdrawn``.
        events: what may have to be told, in the order in which it was decided.
        notices: what is told.
        began: incidents that began to fire since the last commit, as they were then.
        remarks: what people said and did.
        rows: what the later stages remember (groups, silences …), by name; None: forgotten.
        memory: what is remembered of a key without an incident, by fingerprint.
    """

    def __init__(self, incidents: Iterable[Incident] = (), memory: dict[str, Memory] | None = None) -> None:
        self._open: dict[tuple[str, str], dict[Key, Incident]] = {}
        self._ids: dict[str, Incident] = {}
        self.changed: dict[str, Incident] = {}
        self.withdrawn: list[Incident] = []
        self.events: list[Event] = []
        self.notices: list[Notice] = []
        self.began: list[Incident] = []
        self.remarks: list[Remark] = []
        self.rows: dict[str, object] = {}
        self.memory = memory or {}
        for found in incidents:
            incident = found if found.labels else labelled(found, {})  # of an earlier version
            self._of(incident.monitor, incident.kind)[incident.key] = incident
            self._ids[incident.id] = incident

    def current(self, monitor: str, key: Key, kind: str = "verdict") -> Incident | None:
        """The open or pending incident of a key."""
        return self._open.get((monitor, kind), {}).get(key)

    def of(self, monitor: str, kind: str = "verdict") -> dict[Key, Incident]:
        """All open or pending incidents of a monitor, by key."""
        return self._open.get((monitor, kind), {})

    def by_id(self, name: str) -> Incident | None:
        """An open or pending incident by its id."""
        return self._ids.get(name)

    def newest(self, name: str) -> Incident | None:
        """As it stands now, also where it ended since the last commit."""
        return self._ids.get(name) or self.changed.get(name)

    def slots(self, monitor: str, keys: KeySlots, kind: str = "verdict") -> SlotArray:
        """int32[m]: the slots, in this dictionary, of the keys that have an incident."""
        held = self._open.get((monitor, kind))
        if not held:
            return np.empty(0, np.int32)
        found = [keys.find(key) for key in held]
        return np.array([slot for slot in found if slot is not None and slot >= 0], np.int32)

    def put(self, incident: Incident) -> None:
        """Note a new or changed incident."""
        held, name = self._of(incident.monitor, incident.kind), incident.id
        if incident.state is IncidentState.RESOLVED:
            held.pop(incident.key, None)
            self._ids.pop(name, None)
        else:
            held[incident.key] = self._ids[name] = incident
        self.changed[name] = incident

    def amend(self, incident: Incident) -> None:
        """Note what became of the telling of an incident, which may have ended and been followed by another."""
        name = incident.id
        if name in self._ids:
            self._of(incident.monitor, incident.kind)[incident.key] = self._ids[name] = incident
        self.changed[name] = incident

    def withdraw(self, incident: Incident) -> None:
        """Drop a pending incident that people never heard of."""
        self._of(incident.monitor, incident.kind).pop(incident.key, None)
        self._ids.pop(incident.id, None)
        self.changed.pop(incident.id, None)
        self.withdrawn.append(incident)

    def remember(self, name: str, memory: Memory | None) -> None:
        """Keep, or forget, what is remembered of a key."""
        if memory is None:
            if self.memory.pop(name, None) is None:
                return
        else:
            self.memory[name] = memory
        self.rows[f"memory:{name}"] = memory

    def all(self) -> list[Incident]:
        """Every open or pending incident."""
        return list(self._ids.values())

    def clear_changes(self) -> None:
        """Forget what has changed: it was committed."""
        self.changed.clear()
        self.withdrawn.clear()
        self.events.clear()
        self.notices.clear()
        self.began.clear()
        self.remarks.clear()
        self.rows.clear()

    def _of(self, monitor: str, kind: str) -> dict[Key, Incident]:
        return self._open.setdefault((monitor, kind), {})
