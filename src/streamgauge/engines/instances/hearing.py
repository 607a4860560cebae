"""The leader's ears: what the owners of partitions decided goes onto its board, and from there through the stages that tell.

What settles an incident is decided where its partition is; what is told of it, and what people say of it, is the
leader's. Neither writes what is the other's, so that both meet here and nowhere else.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import structlog

from streamgauge.clock import Clock
from streamgauge.engines.embedded.ledger import Ledger
from streamgauge.engines.instances.share import WITHDRAWN
from streamgauge.errors import StoreError
from streamgauge.incident import Incident, IncidentState
from streamgauge.incidents.board import Board, Cause, Event
from streamgauge.stores.contract import Decided

EVERY = 1.0
"""Seconds between looks where nobody wakes us."""

AT_ONCE = 1_000

TOLD = (
    "notices", "told", "told_at", "repeats", "groups", "muted_by", "muted", "owner", "note", "feedback",
    "acknowledged_at",
)  # fmt: skip
"""What the leader and people note on an incident."""

_log = structlog.get_logger("streamgauge.engine")


class Steps(Protocol):
    """The store, as far as this is concerned."""

    def decided(self, after: int = 0, limit: int = AT_ONCE) -> list[Decided]:
        """What was decided and nobody has taken yet, in order."""
        ...


class Ears:
    """Hears what was decided, once it is committed.

    Args:
        store: where it stands.
        clock: whose time passes.
        woken: set by whoever knows that there is something.
    """

    def __init__(self, store: Steps, clock: Clock, woken: threading.Event) -> None:
        self._store = store
        self._clock = clock
        self._woken = woken
        self._after = 0
        self._looked_at = float("-inf")

    def begin(self) -> None:
        """The board was made anew from the last commit: what it had not taken yet is heard again."""
        self._after = 0
        self._woken.set()

    def listen(self, board: Board, ledger: Ledger, wait: float = 0.0) -> None:
        """Take what there is; ``wait``: seconds to wait for something, at most."""
        if not self._woken.wait(wait) and self._clock.monotonic() - self._looked_at < EVERY:
            return
        self._woken.clear()
        self._looked_at = self._clock.monotonic()
        try:
            steps = self._store.decided(self._after, AT_ONCE)
        except StoreError as error:
            _log.debug("what was decided cannot be read now", why=str(error))
            return
        for step in steps:
            apply(step, board)
            ledger.heard.append(step.sequence)
            self._after = step.sequence
        if len(steps) == AT_ONCE:
            self._woken.set()


def apply(step: Decided, board: Board) -> None:
    """Let the board follow a step that was decided elsewhere; what it does not know of any more changes nothing."""
    incident, known = step.incident, board.by_id(step.incident.id)
    if incident.state is IncidentState.RESOLVED and incident.reason == WITHDRAWN:
        if known is not None and known.state is IncidentState.PENDING:
            board.withdraw(known)
        return
    begins = step.cause == Cause.BEGAN and (known is None or known.state is IncidentState.PENDING)
    if known is None and not begins and incident.state is not IncidentState.PENDING:
        return  # people ended it, or it is about the same trouble as another
    if known is None and board.current(incident.monitor, incident.key, incident.kind) is not None:
        return  # several instances met one trouble: the first tells of it
    after = incident if known is None else replace(incident, state=_state(incident, known), **_told(known))
    board.put(after)
    if begins:
        board.began.append(after)
    if step.cause and (begins or step.cause != Cause.BEGAN):
        board.events.append(Event(after, Cause(step.cause), step.channels))


def _state(decided: Incident, known: Incident) -> IncidentState:
    """What people and silences made of it holds while it fires."""
    if decided.state is IncidentState.FIRING and known.open:
        return known.state
    return decided.state


def _told(known: Incident) -> Mapping[str, Any]:
    return {name: getattr(known, name) for name in TOLD}
