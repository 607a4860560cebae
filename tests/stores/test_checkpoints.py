"""States over commits, folds, damages and kills: what is loaded is what was committed."""

import itertools
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given as examples
from hypothesis import settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from streamgauge.batch import Partition
from streamgauge.state import Tables
from streamgauge.stores import backend_of, open_store
from streamgauge.stores.checkpoints import Checkpoints
from streamgauge.stores.contract import Commit, StateKey, StateWrite
from streamgauge.stores.sql import SqlStore
from streamgauge.testing import PushedClock
from tests.services.postgresql import Database
from tests.stores import given
from tests.stores.given import BURST, P0, P1, assert_same, at, blocks, counts, flip, saved, saving

_LATER = (timedelta(hours=n) for n in itertools.count(1))


def reopened(path: Path) -> SqlStore:
    """The store in the copied file, as another process finds it after this one was killed."""
    clock = PushedClock()
    clock.push(next(_LATER))
    return open_store(f"sqlite:///{path}", owner=given.ME, clock=clock)


def loaded(path: Path | Database, tmp_path: Path) -> tuple[Any, list[str]]:
    """The state in a copy of the file, and the damages met; in a database it is read past its owner."""
    if isinstance(path, Database):
        checkpoints, backend = Checkpoints(), backend_of(path.url())
        with backend.read() as connection:
            checkpoints.open(connection)
            found = checkpoints.load(connection, BURST)
        backend.close()
        return found, checkpoints.damages
    copy = given.copy_of(path, tmp_path / f"copy-{len(list(tmp_path.iterdir()))}")
    store = reopened(copy)
    try:
        return store.load(BURST), store.damages
    finally:
        store.close()


def big(value: int, n: int = 3000) -> Tables:
    """A table whose log entries soon outgrow it."""
    return {"w": {"count": np.full(n, value, np.int64), "slot": np.arange(n) / 3}}


def commit_until_folded(store: SqlStore, path: Path | Database) -> int:
    """Change everything until there is a second snapshot with a log; the last value."""
    value = 1
    while not any(g == 2 and n == 2 for g, n, _ in blocks(path)):
        store.commit(saving(big(value), value))
        value += 1
        assert value < 50
    return value - 1


def test_a_state_that_was_never_saved_is_none(store):
    assert store.load(BURST) is None


def test_a_state_comes_back_with_its_version_and_positions(store, path, tmp_path):
    tables = {"w": counts(1, 0, 3), "empty": counts(), "none": {}}
    store.commit(saving(tables, 7, version=4))
    found, damages = loaded(path, tmp_path)
    assert_same(found.tables, tables)
    assert (found.version, found.positions, damages) == (4, {P0: at(7)}, [])


def test_a_state_without_tables_keeps_its_positions(store, path, tmp_path):
    store.commit(saving({}, 3))
    found, _ = loaded(path, tmp_path)
    assert (found.tables, found.positions) == ({}, {P0: at(3)})


def test_states_are_apart_by_name_shape_and_partition(store):
    keys = [BURST, replace(BURST, name="quiet"), replace(BURST, shape="c3"), replace(BURST, partition=P1)]
    keys.append(replace(BURST, partition=None))
    for number, key in enumerate(keys):
        store.commit(saving({"w": counts(number)}, number, key=key))
    for number, key in enumerate(keys):
        assert_same(saved(store, key).tables, {"w": counts(number)})
    assert sorted(store.states(), key=str) == sorted(keys, key=str)


def test_what_is_loaded_may_be_changed_in_place(store):
    store.commit(saving({"w": counts(1, 2)}))
    saved(store).tables["w"]["count"][:] = 99
    store.commit(saving({"w": counts(1, 2)}))
    assert_same(saved(store).tables, {"w": counts(1, 2)})


def test_a_state_that_did_not_change_writes_no_block_and_still_moves_on(store, path, tmp_path):
    for offset in (1, 2, 3):
        store.commit(saving({"w": counts(1, 2)}, offset))
    assert [(g, n) for g, n, _ in blocks(path)] == [(1, 0)]
    found, _ = loaded(path, tmp_path)
    assert found.positions == {P0: at(3)}


def test_a_state_left_out_of_a_commit_stays_as_it_was(store):
    store.commit(saving({"w": counts(1)}, 1))
    store.commit(Commit(positions={("payments", P0): at(9)}))
    assert saved(store).positions == {P0: at(1)}


def test_a_change_is_written_as_the_rows_that_changed(store, path, tmp_path):
    table = counts(*range(5000))
    tables = {"w": table}
    store.commit(saving(tables, 1))
    table["count"][17] = -1
    store.commit(saving(tables, 2))
    (_, _, snapshot), (_, _, entry) = blocks(path)
    assert entry < snapshot / 50
    found, _ = loaded(path, tmp_path)
    assert_same(found.tables, tables)
    assert found.positions == {P0: at(2)}


@pytest.mark.parametrize("change", ["fewer rows", "another column", "another version"])
def test_what_a_log_cannot_say_starts_a_new_snapshot(store, path, tmp_path, change):
    store.commit(saving({"w": counts(1, 2)}, 1))
    table = counts(1) if change == "fewer rows" else counts(1, 2)
    if change == "another column":
        table["more"] = np.zeros(2)
    store.commit(saving({"w": table}, 2, version=2 if change == "another version" else 1))
    assert [(g, n) for g, n, _ in blocks(path)] == [(1, 0), (2, 0)]
    found, _ = loaded(path, tmp_path)
    assert_same(found.tables, {"w": table})


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_state_that_was_not_loaded_is_written_anew(store, path, tmp_path):
    store.commit(saving({"w": counts(1, 2)}, 1))
    later = reopened(given.copy_of(path, tmp_path / "later"))
    later.commit(saving({"w": counts(5)}, 2))
    assert_same(saved(later).tables, {"w": counts(5)})
    later.close()


def test_a_log_is_folded_and_one_generation_before_stays(store, path, tmp_path):
    last = commit_until_folded(store, path)
    assert sorted({g for g, _, _ in blocks(path)}) == [1, 2]
    for value in range(last + 1, last + 20):
        store.commit(saving(big(value), value))
    generations = sorted({g for g, _, _ in blocks(path)})
    assert len(generations) == 2
    assert generations[0] > 2
    found, damages = loaded(path, tmp_path)
    assert_same(found.tables, big(last + 19))
    assert (found.positions, damages) == ({P0: at(last + 19)}, [])


@pytest.mark.parametrize("kind", ["sqlite"])
def test_a_commit_folds_only_some_of_many_outgrown_logs(store, path):
    keys = [StateKey("m", "s", Partition("payments", number)) for number in range(40)]
    most = 0
    for value in range(1, 14):
        before = len({(key, g) for key, (g, n, _) in enumerate(blocks(path)) if n == 0})
        writes = {key: StateWrite(big(value, 6000), 1, {key.partition or P0: at(value)}) for key in keys}
        store.commit(Commit(states=writes))
        snapshots = len([n for _, n, _ in blocks(path) if n == 0])
        if value > 1:
            most = max(most, snapshots - before)
    assert 0 < most < 40
    for key in keys:
        assert_same(saved(store, key).tables, big(13, 6000))


def test_a_dropped_state_is_gone_with_its_blocks(store, path):
    store.commit(saving({"w": counts(1)}))
    store.commit(Commit(dropped=[BURST, replace(BURST, name="never there")]))
    assert (store.load(BURST), store.states(), blocks(path)) == (None, [], [])


class TestDamage:
    def test_a_bad_newest_snapshot_is_bypassed_without_loss(self, store, path, tmp_path):
        last = commit_until_folded(store, path)
        flip(path, 2, 0)
        with capture_logs() as logs:
            found, damages = loaded(path, tmp_path)
        assert_same(found.tables, big(last))
        assert found.positions == {P0: at(last)}
        (said,) = damages
        assert said.startswith(
            "the checkpoint of burst of payments:0 is damaged (block 2.0: the block's checksum"
        )
        assert said.endswith("does not hold): the one before leads to the same state")
        assert [(line["event"], line["log_level"]) for line in logs] == [("checkpoint_damaged", "warning")]

    def test_a_bad_log_entry_goes_back_to_the_one_before_it_and_its_positions(self, store, path, tmp_path):
        last = commit_until_folded(store, path)
        flip(path, 2, 2)
        found, damages = loaded(path, tmp_path)
        assert_same(found.tables, big(last - 1))
        assert found.positions == {P0: at(last - 1)}
        assert "goes back to the last good point" in damages[0]
        assert f"payments:0 from offset {last - 1}" in damages[0]

    def test_a_hole_in_the_log_is_a_damage(self, store, path, tmp_path):
        last = commit_until_folded(store, path)
        given.sql(path, "DELETE FROM checkpoint_blocks WHERE generation=2 AND number=1")
        found, damages = loaded(path, tmp_path)
        assert_same(found.tables, big(last - 2))
        assert (found.positions, len(damages)) == ({P0: at(last - 2)}, 1)

    def test_two_damages_go_back_to_what_both_leave(self, store, path, tmp_path):
        commit_until_folded(store, path)
        flip(path, 2, 0)
        flip(path, 1, 1)
        found, damages = loaded(path, tmp_path)
        assert_same(found.tables, big(1))
        assert found.positions == {P0: at(1)}
        assert "block 1.1" in damages[0]
        assert "block 2.0" in damages[0]

    def test_when_nothing_is_good_it_starts_new_and_says_so(self, store, path, tmp_path):
        store.commit(saving({"w": counts(1)}))
        flip(path, 1, 0)
        found, damages = loaded(path, tmp_path)
        assert found is None
        assert "nothing of it is left, so it starts new" in damages[0]

    def test_a_block_of_another_state_is_a_damage(self, store, path, tmp_path):
        other = replace(BURST, shape="other")
        store.commit(saving({"w": counts(1)}))
        store.commit(saving({"w": counts(2)}, key=other))
        mine, its = "(SELECT id FROM checkpoint_states WHERE shape='a1b2')", "data"
        given.sql(
            path,
            f"UPDATE checkpoint_blocks SET data=(SELECT {its} FROM checkpoint_blocks WHERE state_id<>{mine}) "
            f"WHERE state_id={mine}",
        )
        found, damages = loaded(path, tmp_path)
        assert found is None
        assert "it belongs to another state" in damages[0]

    @pytest.mark.parametrize("kind", ["sqlite"])
    @pytest.mark.parametrize("bad", [(2, 0), (2, 1), (2, 2)])
    def test_after_a_damage_the_next_commit_stands_on_its_own(self, store, path, tmp_path, bad):
        commit_until_folded(store, path)
        flip(path, *bad)
        later = reopened(given.copy_of(path, tmp_path / "later"))
        found = saved(later)
        for value in (70, 71):
            later.commit(saving(big(value), value))
        again, damages = loaded(tmp_path / "later" / path.name, tmp_path)
        assert_same(again.tables, big(71))
        assert (again.positions, damages) == ({P0: at(71)}, [])
        flip(tmp_path / "later" / path.name, 3, 0)
        fallen, _ = loaded(tmp_path / "later" / path.name, tmp_path)
        assert fallen.positions.keys() == found.positions.keys()
        assert fallen.positions[P0].next_offset < 70  # back to what was good before, with its positions
        assert_same(fallen.tables, big(fallen.positions[P0].next_offset))
        later.close()


@settings(max_examples=6, deadline=None)
@examples(data=st.data())
def test_any_history_of_a_state_loads_as_it_stood_at_each_commit(data, tmp_path_factory):
    """Tables grow, change, stand still and shrink; at each commit the process is killed (the files copied)."""
    folder = tmp_path_factory.mktemp("evolution")
    path = folder / "s.db"
    clock = PushedClock()
    store = open_store(f"sqlite:///{path}", owner=given.ME, clock=clock)
    table = counts(*data.draw(st.lists(st.integers(0, 9), max_size=5)))
    for offset in range(1, 7):
        what = data.draw(st.sampled_from(["grow", "change", "change all", "nothing", "shrink", "fold"]))
        table = {name: values.copy() for name, values in table.items()}
        n = len(table["count"])
        if what == "grow":
            table = counts(*table["count"].tolist(), *data.draw(st.lists(st.integers(0, 9), max_size=200)))
        elif what == "change" and n:
            row = data.draw(st.integers(0, n - 1))
            table["mean"][row], table["key"][row] = data.draw(st.floats()), data.draw(st.none() | st.text())
        elif what == "change all":
            table["count"] += 1
        elif what == "shrink":
            table = counts(*table["count"][: n // 2].tolist())
        elif what == "fold":
            table = counts(*range(4000 + offset))
        store.commit(saving({"w": table}, offset))
        copy = given.copy_of(path, folder / f"kill-{offset}")
        killed = reopened(copy)
        found = saved(killed)
        assert_same(found.tables, {"w": table})
        assert found.positions == {P0: at(offset)}
        assert killed.positions("payments") == {P0: at(offset)}
        assert killed.damages == []
        killed.close()
    store.close()


@settings(max_examples=25, deadline=None)
@examples(data=st.data())
def test_whatever_block_is_damaged_what_is_loaded_was_once_committed(data, tmp_path_factory):
    """A flipped bit anywhere leads to a state that once stood, with the positions that it stood at."""
    folder = tmp_path_factory.mktemp("damage")
    path = folder / "s.db"
    store = open_store(f"sqlite:///{path}", owner=given.ME, clock=PushedClock())
    for offset in range(1, data.draw(st.integers(2, 12))):
        store.commit(saving(big(offset, 1500), offset))
    places = blocks(path)
    for generation, number, size in data.draw(st.lists(st.sampled_from(places), min_size=1, unique=True)):
        flip(path, generation, number, byte=data.draw(st.integers(0, size - 1)))
    found = store.load(BURST)
    if found is not None:
        offset = found.positions[P0].next_offset
        assert found.positions == {P0: at(offset)}
        assert_same(found.tables, big(offset, 1500))
    assert len(store.damages) <= 1
    store.close()
