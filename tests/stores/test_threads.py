"""One thread commits, others deliver and look, and the write-ahead log is folded beside them."""

import threading

import numpy as np
import pytest

from streamgauge.channels.contract import Result
from streamgauge.stores import wal
from streamgauge.stores.contract import Answered, Commit
from streamgauge.testing import eventually
from tests.stores.given import at, notice, saved, saving


def test_answers_and_looks_from_other_threads_do_not_meet_with_commits(store, url):
    store.commit(Commit(notices=[notice(n=n) for n in range(1, 201)]))
    errors: list[Exception] = []

    def answers(first: int) -> None:
        try:
            for sequence in range(first, 201, 4):
                store.answered([Answered(sequence, Result.DELIVERED, "", 1, 0, 1)])
                assert store.still_mine()
                store.waiting(5)
        except Exception as error:  # noqa: BLE001  whatever it is, the assertion shows it
            errors.append(error)

    threads = [threading.Thread(target=answers, args=(first,)) for first in range(1, 5)]
    for thread in threads:
        thread.start()
    offset = 0
    while any(thread.is_alive() for thread in threads):
        offset += 1
        store.commit(saving({"w": {"x": np.arange(offset)}}, offset))
    assert errors == []
    assert store.outbox_depth() == {}
    assert list(saved(store).positions.values()) == [at(offset)]


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_long_write_ahead_log_is_folded_while_the_store_is_open(store, path):
    numbers = np.random.default_rng(1)
    before = path.stat().st_size
    for offset in range(1, 4):
        store.commit(saving({"w": {"x": numbers.random(wal.ENOUGH // 16)}}, offset))
    eventually(lambda: path.stat().st_size > before + wal.ENOUGH, "the log is folded into the file")
