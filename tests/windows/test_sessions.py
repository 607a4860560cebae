"""Sessions beyond their bounds: incidents, partial ones, partitions that join, keys, what a store keeps."""

from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.config import ConfigErrors
from streamgauge.stores import open_store
from streamgauge.stores.contract import Commit, Position, StateWrite
from streamgauge.testing import PushedClock
from tests.replaying import STREAM, config, record, run, told
from tests.stores.given import ME
from tests.windows.driven import Driven


def session(when: str = "n > 2", **more: Any) -> dict[str, Any]:
    """A monitor with sessions of 5 s per key."""
    window = {"type": "session", "gap": "5s", "by": "k", "compute": {"n": "count(*)", "mean": "avg(v)"}}
    return {"window": window | more.pop("window", {}), "detect": {"type": "threshold", "when": when}, **more}


def incidents(monitor: dict[str, Any], times: list[float], **stream: Any) -> list[tuple[Any, ...]]:
    """(at, status, reason) of one key's notices."""
    configured = config({"m": monitor}, partitioned_by="k", **{"lateness": "0s", **stream})
    found = told(run(configured, [record(t, "a", v=t) for t in times])).incidents()
    return [(at, status, reason) for at, status, reason, _ in found]


INCIDENTS: list[tuple[str, dict[str, Any], list[float], list[tuple[Any, ...]]]] = [
    ("it opens at the record at which the condition holds and ends with the session", session(), [0, 2, 4, 6],
     [(4, "firing", None), (11, "resolved", "session over")]),
    ("two sessions that fire are two incidents", session(), [0, 1, 2, 20, 21, 22],
     [(2, "firing", None), (7, "resolved", "session over"), (22, "firing", None), (27, "resolved", "session over")]),
    ("what is known only at the end opens and ends there", session("mean > 1"), [1, 2, 3],
     [(8, "firing", None), (8, "resolved", "session over")]),
    ("early: false is told at the end too", session(window={"early": False}), [0, 1, 2],
     [(7, "firing", None), (7, "resolved", "session over")]),
    ("a session that is not over at the time that `for` asks stays pending", session(**{"for": "3s"}), [0, 1, 2, 4],
     [(9, "firing", None), (9, "resolved", "session over")]),
    ("`for` longer than the session is never told", session(**{"for": "30s"}), [0, 1, 2, 4], []),
    ("few records in a session fire too, and end", session("n < 2"), [1, 20],
     [(6, "firing", None), (6, "resolved", "session over"), (25, "firing", None), (25, "resolved", "session over")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "monitor", "times", "expected"), INCIDENTS, ids=[i[0] for i in INCIDENTS]
)
def test_incidents(
    sentence: str, monitor: dict[str, Any], times: list[float], expected: list[tuple[Any, ...]]
):
    assert incidents(monitor, times) == expected


def test_a_merge_that_makes_the_condition_hold_is_told_at_its_record():
    assert incidents(session(), [0, 8, 4], lateness="1m") == [
        (4, "firing", None), (13, "resolved", "session over")
    ]  # fmt: skip


def test_an_incident_that_began_in_a_session_that_was_merged_ends_with_the_merged_one():
    times = [10, 11, 12, 0, 5]  # three fire by themselves; then their session begins earlier
    found = told(
        run(config({"m": session()}, partitioned_by="k", lateness="1m"), [record(t, "a") for t in times])
    )
    assert [at for at, *_ in found.incidents()] == [12, 17]
    assert {line["id"].rpartition("-")[2] for line in found.lines if line["kind"] == "incident"} == {
        "10000000"
    }


def test_the_samples_hold_the_record_that_decided():
    found = told(run(config({"m": session()}), [record(t, "a") for t in (1, 2, 3, 30)]))
    opened = next(line for line in found.lines if line["kind"] == "incident")
    assert [sample["at"][17:19] for sample in opened["samples"]] == ["01", "02", "03"]
    assert (opened["partition"], opened["offset"]) == ("s:0", 2)


def test_a_session_that_may_have_begun_before_the_reading_is_partial():
    driven = Driven(config({"m": session("n > 99")}, lateness="2s", partitioned_by="k"))
    driven.attach(0, from_start=False, at=7)
    driven.take([record(t, k) for t, k in ((10, "a"), (16, "b"), (17.5, "c"), (60, "d"))])
    windows = [line for line in driven.told().lines if line["kind"] == "window"]
    assert [(line["key"], line["partial"]) for line in windows] == [("a", True), ("b", True), ("c", False)]


def test_a_session_over_two_partitions_waits_for_both_and_is_one():
    driven = Driven(config({"m": session("n > 99")}, lateness="0s"))
    driven.attach(0, 1)
    driven.take([record(t, "a") for t in (1, 9, 40)], 0)
    driven.take([record(t, "a") for t in (0, 5)], 1)
    assert driven.told().windows() == []
    driven.take([record(40, "b")], 1)
    assert [(k, s, e, v["n"]) for k, s, e, v in driven.told().windows()] == [("a", 0, 9, 4)]


def test_time_that_passes_without_records_ends_a_session():
    driven = Driven(config({"m": session()}, lateness="2s", partitioned_by="k"))
    driven.attach(0)
    driven.take([record(t, "a") for t in (1, 2, 3)])
    driven.pass_to(10)
    assert driven.told().incidents()[-1][1] == "firing"
    driven.pass_to(10.000001)
    assert driven.told().incidents()[-1][1:3] == ("resolved", "session over")


@pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0]], ids=str)
def test_parts_are_added_in_partition_order_whatever_order_they_came_in(order: list[int]):
    values = {0: 0.1, 1: 1e16, 2: -1e16}
    compute = {"s": "sum(v)"}
    driven = Driven(config({"m": session("s > 1e300", window={"compute": compute})}))
    for part in order:
        driven.attach(part)
        driven.take([record(1, "a", v=values[part])], part)
    driven.runner.finish()
    ((*_, found),) = driven.told().windows()
    assert found["s"] == (values[0] + values[1]) + values[2]


def test_what_a_store_kept_goes_on_where_it_was(tmp_path):
    rows = [
        record(t, k, v=t)
        for t, k in ((0, "a"), (3, "b"), (9, "a"), (5, "a"), (12, "b"), (20, "c"), (26, "b"))
    ]
    configured = config({"m": session(window={"grace": "6s"})}, partitioned_by="k")
    whole = Driven(configured)
    whole.attach(0)
    whole.take(rows)
    whole.runner.finish()

    store = open_store(f"sqlite:///{tmp_path}/s.db", owner=ME, clock=PushedClock())
    windows = []
    for number, row in enumerate(rows):
        part = Driven(configured)
        part.attach(0, at=number)
        (bundle,) = part.runner.bundles.values()
        if number:
            saved = store.load(bundle.key)
            assert saved is not None
            bundle.restore(saved.tables)
            part.runner.clock.attach(Partition(STREAM, 0), saved.positions[Partition(STREAM, 0)].largest_time)
        part.take([row])
        if number == len(rows) - 1:
            part.runner.finish()
        windows += part.told().windows()
        position = part.runner.position(Partition(STREAM, 0))
        assert isinstance(position, Position)
        state = StateWrite(bundle.tables(), bundle.version, {Partition(STREAM, 0): position})
        store.commit(Commit(positions={(STREAM, Partition(STREAM, 0)): position}, states={bundle.key: state}))
    store.close()
    assert sorted(windows, key=str) == sorted(whole.told().windows(), key=str)


def test_memory_is_given_back_when_sessions_are_over():
    driven = Driven(config({"m": session("n > 9")}, lateness="0s", partitioned_by="k"))
    driven.attach(0)
    for burst in range(20):
        driven.take([record(100 * burst + i / 100, f"k{i % 50}") for i in range(200)])
    (bundle,) = driven.runner.bundles.values()
    (lane,) = bundle.lanes
    assert lane.group.window.filling(lane.window_state) == 50
    assert len(lane.window_state.tables()["rows"]["slot"]) <= 100


def test_order_by_time_is_refused():
    with pytest.raises(ConfigErrors, match="does not fit sessions"):
        config({"m": session(order="time")})
