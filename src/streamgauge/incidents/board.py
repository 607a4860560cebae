"""The open and pending incidents, and what has changed since the last commit."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from streamgauge.batch import SlotArray
from streamgauge.incident import Incident, IncidentState, Notice
from streamgauge.keys import Key, KeySlots


class Board:
    """Who has an open incident. In memory the truth; written with each commit.

    Attributes:
        changed: incidents new or changed since the last :meth:`take`, by id; withdrawn ones are in
            ``withdrawn``.
        notices: to be told, in the order in which they were decided.
        began: incidents that began to fire since the last commit, as they were then.
    """

    def __init__(self, incidents: Iterable[Incident] = ()) -> None:
        self._open: dict[tuple[str, str], dict[Key, Incident]] = {}
        self.changed: dict[str, Incident] = {}
        self.withdrawn: list[Incident] = []
        self.notices: list[Notice] = []
        self.began: list[Incident] = []
        for incident in incidents:
            self._of(incident.monitor, incident.kind)[incident.key] = incident

    def current(self, monitor: str, key: Key, kind: str = "verdict") -> Incident | None:
        """The open or pending incident of a key."""
        return self._open.get((monitor, kind), {}).get(key)

    def of(self, monitor: str, kind: str = "verdict") -> dict[Key, Incident]:
        """All open or pending incidents of a monitor, by key."""
        return self._open.get((monitor, kind), {})

    def slots(self, monitor: str, keys: KeySlots) -> SlotArray:
        """int32[m]: the slots, in this dictionary, of the keys that have an incident."""
        held = self._open.get((monitor, "verdict"))
        if not held:
            return np.empty(0, np.int32)
        found = [keys.find(key) for key in held]
        return np.array([slot for slot in found if slot is not None and slot >= 0], np.int32)

    def put(self, incident: Incident) -> None:
        """Note a new or changed incident."""
        held = self._of(incident.monitor, incident.kind)
        if incident.state is IncidentState.RESOLVED:
            held.pop(incident.key, None)
        else:
            held[incident.key] = incident
        self.changed[incident.id] = incident

    def withdraw(self, incident: Incident) -> None:
        """Drop a pending incident that people never heard of."""
        self._of(incident.monitor, incident.kind).pop(incident.key, None)
        self.changed.pop(incident.id, None)
        self.withdrawn.append(incident)

    def all(self) -> list[Incident]:
        """Every open or pending incident."""
        return [incident for held in self._open.values() for incident in held.values()]

    def clear_changes(self) -> None:
        """Forget what has changed: it was committed."""
        self.changed.clear()
        self.withdrawn.clear()
        self.notices.clear()
        self.began.clear()

    def _of(self, monitor: str, kind: str) -> dict[Key, Incident]:
        return self._open.setdefault((monitor, kind), {})
