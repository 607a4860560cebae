"""Who writes next: in one process, writers of one store take turns, and the engine's go first.

SQLite lets a writer that finds another at work sleep and ask again, longer each time; one who writes without a
pause would keep the engine's commits waiting for seconds. Between processes SQLite's own lock decides.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from weakref import WeakValueDictionary


class Turn:
    """The right to write. ``with turn:`` goes before all who wait by :meth:`after_others`."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._taken = False
        self._first = 0

    def __enter__(self) -> None:
        with self._change:
            self._first += 1
            while self._taken:
                self._change.wait()
            self._first -= 1
            self._taken = True

    def __exit__(self, *_: object) -> None:
        with self._change:
            self._taken = False
            self._change.notify_all()

    @contextmanager
    def after_others(self) -> Iterator[None]:
        """Write when nobody else wants to."""
        with self._change:
            while self._taken or self._first:
                self._change.wait()
            self._taken = True
        try:
            yield
        finally:
            self.__exit__()


_turns: WeakValueDictionary[str, Turn] = WeakValueDictionary()
_making = threading.Lock()


def turn_at(where: str) -> Turn:
    """The one turn of all writers of the store at ``where`` in this process."""
    place = str(Path(where).resolve())
    with _making:
        turn = _turns.get(place)
        if turn is None:
            turn = _turns[place] = Turn()
        return turn
