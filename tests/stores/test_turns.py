"""Writers of one store in one process take turns; the engine's come first."""

from __future__ import annotations

import threading
from pathlib import Path

from streamgauge.clock import SystemClock
from streamgauge.stores import Owner, open_store
from streamgauge.stores.beside import Beside
from streamgauge.stores.turns import Turn, turn_at
from streamgauge.testing import eventually


def test_the_engine_goes_before_one_who_waited_longer():
    turn, order = Turn(), list[str]()

    def other() -> None:
        with turn.after_others():
            order.append("other")

    def engine() -> None:
        with turn:
            order.append("engine")

    with turn:
        second = threading.Thread(target=other)
        second.start()
        eventually(second.is_alive)
        first = threading.Thread(target=engine)
        first.start()
        eventually(lambda: turn._first == 1)
    first.join(10)
    second.join(10)
    assert order == ["engine", "other"]


def test_one_store_has_one_turn_whoever_opens_it(tmp_path: Path):
    url = f"sqlite:///{tmp_path}/store.db"
    store = open_store(url, owner=Owner.this_process(), clock=SystemClock())
    beside = Beside(url)
    assert store._turn is beside._turn
    assert turn_at(str(tmp_path / "other.db")) is not store._turn
    beside.close()
    store.close()


def test_a_turn_is_given_back_when_a_transaction_fails(tmp_path: Path):
    turn = Turn()
    for _ in range(2):
        try:
            with turn.after_others():
                raise KeyError  # noqa: TRY301  what fails is the point
        except KeyError:
            pass
    with turn:
        assert turn._taken
    assert not turn._taken
