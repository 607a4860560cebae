"""A look into a store, also while its owner writes."""

import random

import pytest
from sqlalchemy.event import listen

from streamgauge.errors import ConfigError, StoreError
from streamgauge.incident import IncidentState
from streamgauge.keys import key_text
from streamgauge.stores import open_reading, open_store
from streamgauge.stores.contract import Commit, StateKey
from tests.stores.given import BURST, ME, P0, assert_same, at, bad, counts, incident, notice, rows, saving


def test_a_look_sees_each_commit_and_takes_nothing_from_the_owner(store, url):
    with_one = open_reading(url)
    store.commit(Commit(incidents=[incident()], notices=[notice()]))
    assert with_one.incidents() == [incident()]
    assert with_one.outbox_depth() == {"ops": 1}
    assert with_one.waiting() == store.waiting()
    store.commit(saving({}, 7))
    assert with_one.positions("payments") == {P0: at(7)}
    assert with_one.states() == [BURST]
    with_one.close()
    store.commit(saving({}))


def test_incidents_are_found_by_state_monitor_and_page(store):
    open_one, done = incident("a", 1), incident("b", 2, IncidentState.RESOLVED)
    other = incident("c", 3, monitor="other")
    store.commit(Commit(incidents=[open_one, done, other]))
    assert store.incidents() == [other, done, open_one]
    assert store.incidents(state=IncidentState.RESOLVED) == [done]
    assert store.incidents(monitor="other") == [other]
    assert store.incidents(limit=1) == [other]
    assert store.incidents(before=done.opened_at) == [open_one]
    assert store.incident("nobody") is None


def test_a_look_changes_nothing(store, url):
    store.commit(Commit(dead_letters=[("payments", bad(1))]))
    look = open_reading(url)
    with pytest.raises(StoreError, match="was opened for reading only"):
        look.mark_replayed([1], at=5)
    look.close()


def test_a_visitor_may_mark_dead_letters_while_the_owner_runs(store, url):
    store.commit(Commit(dead_letters=[("payments", bad(1))]))
    visitor = open_reading(url, read_only=False)
    visitor.mark_replayed([1], at=5)
    visitor.close()
    assert store.dead_letters()[0].replayed_at == 5
    store.commit(saving({}))


def test_each_store_has_an_id_of_its_own_for_good(store, url, clock, tmp_path):
    number = store.id
    store.close()
    again = open_store(url, owner=ME, clock=clock)
    other = open_store(f"sqlite:///{tmp_path}/other.db", owner=ME, clock=clock)
    assert again.id == number != other.id
    again.close()
    other.close()


@pytest.mark.parametrize("read_only", [True, False])
def test_where_no_store_is_a_look_makes_none(tmp_path, read_only):
    with pytest.raises(StoreError, match=r"there is no store at .*x\.db; `streamgauge run` makes one"):
        open_reading(f"sqlite:///{tmp_path}/x.db", read_only=read_only)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_file_is_no_store_to_look_into(tmp_path):
    (tmp_path / "x.db").touch()
    with pytest.raises(StoreError, match="holds no Streamgauge store"):
        open_reading(f"sqlite:///{tmp_path}/x.db")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("streamgauge.db", "'streamgauge.db' is not a store; write sqlite:///streamgauge.db"),
        ("mysql://h/d", "stores of the kind 'mysql' are not known; write sqlite:///streamgauge.db"),
        ("sqlite://", "names no file, and a store must survive a restart"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_what_is_no_store_is_said_in_words(url, says, clock):
    with pytest.raises(ConfigError, match=says):
        open_store(url, owner=ME, clock=clock)


def test_the_relative_path_of_a_url_is_relative_to_where_it_runs(tmp_path, monkeypatch, clock):
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///odd name%23.db", owner=ME, clock=clock).close()
    assert [file.name for file in tmp_path.iterdir()] == ["odd name#.db"]
    assert rows(tmp_path / "odd name#.db", "meta")


def test_a_visitor_sees_a_state_as_it_was_committed(store, url):
    store.commit(saving({"w": counts(1, 2, 3)}, 7))
    visitor = open_reading(url)
    found = visitor.load(BURST)
    assert found is not None
    assert_same(found.tables, {"w": counts(1, 2, 3)})
    assert found.positions == {P0: at(7)}
    assert visitor.load(StateKey("other", "shape")) is None
    store.commit(saving({"w": counts(1, 2, 4)}, 8))
    again = visitor.load(BURST)
    assert again is not None
    assert_same(again.tables, {"w": counts(1, 2, 4)})
    visitor.close()


def test_incidents_of_one_moment_are_paged_by_id(store):
    many = [incident(f"k-{i}", 1) for i in range(7)]
    store.commit(Commit(incidents=[*many, incident("before", 0)]))
    found, page = [], store.incidents(limit=3)
    while page:
        found += page
        page = store.incidents(limit=3, before=page[-1].opened_at, after=page[-1].id)
    assert [one.id for one in found] == [*sorted(one.id for one in many), incident("before", 0).id]


@pytest.mark.parametrize("key", ["a", random.Random(7).randbytes(50_000).hex()])
@pytest.mark.parametrize("more", [{}, {"monitor": "burst"}, {"limit": 1}])
def test_those_of_one_key_are_found_by_an_index_however_long_it_is(store, key, more):
    mine = incident(key, 1)
    store.commit(Commit(incidents=[mine, incident(f"{key}-", 2), incident("b", 3)]))
    asked = []
    listen(store._backend.engine, "before_cursor_execute", lambda *got: asked.append(got[2:4]))
    assert store.incidents(keys=[key_text(key)], **more) == [mine]
    with store._backend.read() as connection:
        postgresql = connection.dialect.name == "postgresql"
        if postgresql:  # of three rows it would read all
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        statement, parameters = next(each for each in asked if "FROM incidents" in each[0])
        explain = "EXPLAIN" if postgresql else "EXPLAIN QUERY PLAN"
        plan = str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all())
    assert "ix_incidents_key_start_opened_at" in plan
