"""What the server is given of the process that it belongs to, and its look into the store."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from streamgauge.clock import Clock
from streamgauge.engines.reporting.status import EngineStatus, StatusBoard

if TYPE_CHECKING:
    from concurrent.futures import Future

    from streamgauge.config.models import Config
    from streamgauge.incidents.actions import Asked as Act
    from streamgauge.server.mailroom import Mailroom
    from streamgauge.stores.pushed import Pushed
    from streamgauge.stores.sql import SqlVisitor


class Asked(Protocol):
    """The engine, as far as the server asks anything of it; carried out between two turns of its loop."""

    def act(self, asked: Act) -> Future[dict[str, Any]]:
        """Do something about an incident, a silence or a monitor; answers once it is committed."""
        ...


class Running(Protocol):
    """A running process; :class:`streamgauge.engines.embedded.session.Session` is one.

    Everything is read anew for each request: a configuration may be read again, an engine made again.
    """

    @property
    def config(self) -> Config:
        """What it runs."""
        ...

    @property
    def status(self) -> StatusBoard:
        """Where its engine puts its picture."""
        ...

    @property
    def clock(self) -> Clock:
        """Whose time passes."""
        ...

    @property
    def engine(self) -> Asked | None:
        """None while it is being made."""
        ...


class Desk:
    """The server's side of a running process. The store is looked into by connections of our own.

    Attributes:
        running: the process.
        ending: set when the server is to end: what would go on answering for ever stops then.
    """

    def __init__(self, running: Running) -> None:
        self.running = running
        self.ending = threading.Event()
        self._url = running.config.store.url
        self._look: SqlVisitor | None = None
        self._opening = threading.Lock()
        self._mailroom: Mailroom | None = None
        self._pushed: Pushed | None = None

    @property
    def now(self) -> EngineStatus:
        """The engine's newest picture."""
        return self.running.status.now

    @property
    def clock(self) -> Clock:
        """Whose time passes."""
        return self.running.clock

    def look(self) -> SqlVisitor:
        """The look into the store, opened at the first question.

        Raises:
            StoreError: it cannot be read.
        """
        from streamgauge.stores import open_reading

        with self._opening:
            if self._look is None:
                self._look = open_reading(self._url)
            return self._look

    def outbox(self) -> Mapping[str, int]:
        """How many notices wait per channel."""
        return self.look().outbox_depth()

    def mailroom(self) -> Mailroom:
        """What puts records into the inbox, opened at the first of them."""
        from streamgauge.server.mailroom import Mailroom

        with self._opening:
            if self._mailroom is None:
                self._mailroom = Mailroom(self._url, self.running.config.store.durability)
            return self._mailroom

    def pushed(self) -> Pushed:
        """Where values of models that were told are kept."""
        from streamgauge.stores.pushed import Pushed

        with self._opening:
            if self._pushed is None:
                self._pushed = Pushed(self._url)
            return self._pushed

    def close(self) -> None:
        """Let go of the store."""
        with self._opening:
            if self._pushed is not None:
                self._pushed.close()
                self._pushed = None
            if self._mailroom is not None:
                self._mailroom.close()
                self._mailroom = None
            if self._look is not None:
                self._look.close()
                self._look = None
