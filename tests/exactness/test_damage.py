"""Checkpoints that were damaged while nobody ran: one block back with its offsets, and the same comes of it."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.exactness.conftest import Prepared
from tests.exactness.running import Run, read_so_far, until
from tests.exactness.watching import SLOW, Found

pytestmark = pytest.mark.services

NEWEST = """
SELECT generation, number, data FROM checkpoint_blocks WHERE state_id = ? AND number > 0
ORDER BY generation DESC, number DESC LIMIT 1
"""
FIRST = """
SELECT generation, number, data FROM checkpoint_blocks WHERE state_id = ? AND number = 1 ORDER BY generation LIMIT 1
"""
SPOIL = "UPDATE checkpoint_blocks SET data = ? WHERE state_id = ? AND generation = ? AND number = ?"


def _damage(store: Path, entry: str, *, every: bool) -> int:
    """Flip a byte of an entry of the logs, of all states or of every other one; of how many."""
    chance, damaged = random.Random(7), 0
    with closing(sqlite3.connect(store, timeout=20)) as database, database:
        states = [row[0] for row in database.execute("SELECT id FROM checkpoint_states ORDER BY id")]
        for state in states if every else states[::2]:
            for generation, number, data in database.execute(entry, (state,)).fetchall():
                spoilt = bytearray(data)
                spoilt[chance.randrange(20, len(spoilt))] ^= 0x55
                database.execute(SPOIL, (bytes(spoilt), state, generation, number))
                damaged += 1
    return damaged


def _outcome(prepared: Prepared, folder: Path, entry: str = NEWEST, *, every: bool = True) -> Found:
    said: list[str] = []

    def break_it(path: Path) -> None:
        half = sum(prepared.ends["payments"].values()) // 2
        with Run(path) as run:
            until(lambda: read_so_far(path, "payments") > half, "half of it", alive=run)
        assert _damage(path.parent / "store.db", entry, every=every) > 3
        with Run(path) as again:
            until(lambda: again.says("is damaged"), "a word about it", alive=again)
            said.append(again.log)

    found = prepared.outcome(folder, break_it, **SLOW)
    assert "it goes back to the last good point and reads again" in said[0]
    return found


@pytest.mark.parametrize("every", [True, False], ids=["all states", "every other state"])
def test_it_goes_back_and_reads_again_and_nothing_is_kept_or_counted_or_told_twice(
    prepared: Prepared, undisturbed: Found, tmp_path: Path, every: bool
):
    """But for which records were late, which only those states say that count them anew."""
    found = _outcome(prepared, tmp_path, every=every).without("late")
    found.same_as(undisturbed.without("late"))


def test_a_point_at_which_not_all_partitions_were_known_is_as_good(
    prepared: Prepared, undisturbed: Found, tmp_path: Path
):
    """The streams are opened one after the other, so the first entries of a log know only some of them."""
    found = _outcome(prepared, tmp_path, FIRST).without("late")
    found.same_as(undisturbed.without("late"))
