"""The stages that keep an incident from being told: inhibition, then silences; and when that ends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.board import Board
from streamgauge.incidents.inhibit import Inhibitions, InhibitRule
from streamgauge.incidents.silence import Silence, Silences

SILENCE_ENDS = "silence ends"
"""The kind of the incident that tells that a silence is about to end."""

_CHAIN = 20
"""So many causes of causes are followed."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an incident is not told: what mutes it, and the same in words."""

    by: str
    words: str


class Muting:
    """Who is muted, by what.

    Args:
        rules: of inhibition.
        board: where incidents are.
        silences: those that are not over.
    """

    def __init__(self, rules: tuple[InhibitRule, ...], board: Board, silences: Iterable[Silence]) -> None:
        self._board = board
        self._inhibitions = Inhibitions(rules)
        self.silences = Silences()
        self._muted: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for silence in silences:
            self.silences.put(silence)
        for incident in board.all():
            if incident.open:
                self._inhibitions.note(incident.id, incident)
                if incident.muted_by is not None:
                    self._muted[incident.muted_by][incident.id] = None

    def note(self, incident: Incident) -> list[Incident]:
        """It began, changed its severity or ended: the incidents that may be told, or muted, by that."""
        name = incident.id
        concerned = self._inhibitions.note(name, incident)
        if not incident.open and incident.muted_by is not None:
            self._forget(incident.muted_by, name)
        return list(self._held(sorted(concerned)))

    def reason(self, incident: Incident, now: int) -> Reason | None:
        """Why it is not told at ``now``; None: it is."""
        if incident.kind == SILENCE_ENDS:
            return None
        name = incident.id
        for cause in self._inhibitions.causes(name):
            if not self._follows_from(cause, name):
                other = self._board.by_id(cause)
                return Reason(cause, f"follows from {cause if other is None else other.title}")
        silence = self.silences.of(incident.labels, now)
        return None if silence is None else Reason(silence.name, silence.words)

    def mute(self, incident: Incident, reason: Reason) -> None:
        """Keep in mind what mutes it."""
        if incident.muted_by is not None:
            self._forget(incident.muted_by, incident.id)
        self._muted[reason.by][incident.id] = None

    def unmute(self, incident: Incident) -> None:
        """Nothing mutes it any more."""
        if incident.muted_by is not None:
            self._forget(incident.muted_by, incident.id)

    def muted_by(self, name: str) -> list[Incident]:
        """The incidents that a silence, or another incident, mutes."""
        return list(self._held(self._muted.get(name, ())))

    def speaking(self) -> list[Incident]:
        """Those that fire and are told."""
        return [incident for incident in self._board.all() if incident.state is IncidentState.FIRING]

    def _follows_from(self, cause: str, name: str) -> bool:
        """Whether ``cause`` is itself muted by ``name``: of two that mute each other, one is told."""
        for _ in range(_CHAIN):
            incident = self._board.by_id(cause)
            if incident is None or incident.muted_by is None:
                return False
            cause = incident.muted_by
            if cause == name:
                return True
        return False

    def _held(self, names: Iterable[str]) -> Iterator[Incident]:
        for name in names:
            incident = self._board.by_id(name)
            if incident is not None and incident.open:
                yield incident

    def _forget(self, by: str, name: str) -> None:
        self._muted[by].pop(name, None)
        if not self._muted[by]:
            del self._muted[by]
