"""An engine that does nothing but what people ask of it: real stages, a real store, no records."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from streamgauge.config.models import Config
from streamgauge.config.telling import rules_of
from streamgauge.engines.embedded.acting import Acting
from streamgauge.incidents.actions import Asked, Office
from streamgauge.incidents.board import Board
from streamgauge.incidents.silence import read_silences
from streamgauge.incidents.telling import Telling
from streamgauge.stores import Owner, open_store
from streamgauge.stores.contract import Commit
from streamgauge.testing import PushedClock


class Clerk:
    """Does each thing at once, in the thread that asks for it."""

    def __init__(self, config: Config, clock: PushedClock) -> None:
        self.clock = clock
        self.store = open_store(config.store.url, owner=Owner.this_process(), clock=clock)
        self.board = Board(self.store.open_incidents())
        kept = self.store.telling()
        self.telling = Telling(
            self.board, rules_of(config), rows=kept, silences=read_silences(kept, clock.now())
        )
        self._acting = Acting()

    def act(self, asked: Asked) -> Future[dict[str, Any]]:
        answer = self._acting.ask(asked)
        office = Office(self.board, self.telling, self.store.incident)
        self._acting.carry_out(office, self.clock.now(), self.commit)
        return answer

    def commit(self) -> None:
        self.telling.step(self.clock.now())
        self.store.commit(
            Commit(
                incidents=list(self.board.changed.values()),
                notices=list(self.board.notices),
                remarks=list(self.board.remarks),
                telling=dict(self.board.rows),
            )
        )
        self.board.clear_changes()

    def close(self) -> None:
        self.store.close()
