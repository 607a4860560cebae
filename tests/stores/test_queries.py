"""Queries that are asked all day: put together once, and read straight into an incident's fields."""

import msgspec

from streamgauge.incident import Incident, IncidentState
from streamgauge.keys import Key
from streamgauge.stores import queries, rows
from streamgauge.stores.contract import Commit
from tests.stores.given import incident


def test_a_page_s_query_is_put_together_once_for_what_bounds_it():
    assert queries.page(frozenset({"monitor", "state"})) is queries.page(frozenset({"state", "monitor"}))
    assert queries.page(frozenset()) is not queries.page(frozenset({"state"}))
    assert queries.around(one=True, several=False) is queries.around(one=True, several=False)


def test_one_query_serves_every_value(store):
    store.commit(Commit(incidents=[incident("a", 1), incident("b", 2, monitor="other")]))
    for name in ("burst", "other", "burst"):
        assert [one.monitor for one in store.incidents(monitor=name)] == [name]
    moments = [one.opened_at for one in store.incidents()]
    assert [one.key for one in store.around(min(moments), max(moments), monitors=["burst"])] == ["a"]
    assert [one.key for one in store.around(min(moments), max(moments), monitors=["other", "burst"])] == [
        "a",
        "b",
    ]
    assert store.around(min(moments), max(moments), monitors=[]) == []
    assert len(store.around(min(moments), max(moments))) == 2


def test_what_is_remembered_is_found_by_the_letters_it_begins_with(store):
    store.commit(Commit(telling={"silence:a": {"n": 1}, "silence_b": {"n": 2}, "group:%": {"n": 3}}))
    assert store.telling("silence:") == {"silence:a": {"n": 1}}
    assert store.telling("silence_") == {"silence_b": {"n": 2}}
    assert store.telling("%") == {}
    assert len(store.telling()) == 3


def test_an_incident_is_read_as_it_was_written():
    keys: list[Key] = ["a", 4, 4.5, True, None, ("DE", 4, False)]
    for key in keys:
        whole = incident(key, samples=({"v": 1.5},), observed={"n": [1, 2]}, notify=("ops",), openings=(1, 2))
        assert rows.read_incident(rows.json_text(whole)) == whole


def test_a_field_of_another_type_is_shown_as_it_is():
    fields = msgspec.json.decode(rows.json_text(incident("a", samples=({"v": 1},))))
    found = rows.read_incident(rows.json_text({**fields, "title": 7, "key": ["a", 1]}))
    assert isinstance(found, Incident)
    assert str(found.title) == "7"
    assert (found.key, found.samples, found.state) == (("a", 1), ({"v": 1},), IncidentState.FIRING)
