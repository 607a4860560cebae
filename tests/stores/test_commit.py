"""What one commit writes beside the states, and that it is all of it or nothing."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from streamgauge.batch import Partition
from streamgauge.channels.contract import Result
from streamgauge.incident import IncidentState
from streamgauge.stores import Keep, Owner, open_store
from streamgauge.stores.contract import (
    Answered,
    Change,
    Commit,
    HistoryBlock,
    LateCount,
    Paused,
    Store,
    Waiting,
)
from streamgauge.stores.sections import LATE_KEPT, PAYLOAD_BYTES
from tests.stores.given import ME, P0, P1, at, bad, counts, everything_in, incident, notice, rows, saving


def test_the_store_keeps_the_contract(store: Store):
    """Its shape is checked by mypy, where this line is typed; here: that it starts as the contract says."""
    assert (store.epoch, list(store.damages), store.still_mine()) == (1, [], True)


def test_positions_are_kept_per_stream_and_partition(store):
    store.commit(Commit(positions={("payments", P0): at(1), ("payments", P1): at(2), ("logins", P0): at(3)}))
    store.commit(Commit(positions={("payments", P0): at(9)}))
    assert store.positions("payments") == {P0: at(9), P1: at(2)}
    assert store.positions("logins") == {P0: at(3)}
    assert store.positions("other") == {}


def test_positions_are_kept_per_reader(store, url, clock):
    store.commit(Commit(positions={("payments", P0): at(1)}))
    store.close()
    other = open_store(url, owner=Owner.this_process(reader="single"), clock=clock)
    assert other.positions("payments") == {}
    other.commit(Commit(positions={("payments", P0): at(5)}))
    other.close()
    again = open_store(url, owner=ME, clock=clock)
    assert again.positions("payments") == {P0: at(1)}
    again.close()


def test_a_partition_may_have_a_colon_in_its_name(store):
    odd = Partition("C:/logs/a:b.json", 3)
    store.commit(Commit(positions={("logs", odd): at(1)}))
    assert store.positions("logs") == {odd: at(1)}


@pytest.mark.parametrize("key", ["a-7", 7, 7.5, True, None, ("a", 1), ("a", 2.0, False)])
def test_an_incident_comes_back_as_it_was(store, key):
    was = incident(key, evidence={"bins": [1, 2]}, partition="payments:0", offset=5, early=True)
    store.commit(Commit(incidents=[was]))
    assert store.incident(was.id) == was
    assert store.open_incidents() == [was]


def test_what_json_does_not_know_is_stored_as_the_nearest_it_knows(store):
    odd = {"n": np.int64(5), "x": np.float64(0.5), "a": np.array([1, 2]), "nan": float("nan"), "p": P0}
    store.commit(Commit(incidents=[incident(observed=odd)]))
    found = store.open_incidents()[0].observed
    assert found == {"n": 5, "x": 0.5, "a": [1, 2], "nan": None, "p": ["payments", 0]}


def test_an_incident_changes_until_it_is_resolved(store, clock):
    store.commit(Commit(incidents=[incident()]))
    store.commit(Commit(incidents=[incident(observed={"events": 200})]))
    clock.push(timedelta(seconds=1))
    done = incident(state=IncidentState.RESOLVED, resolved_at=9_000_000, reason="recovered")
    store.commit(Commit(incidents=[done]))
    assert store.incidents() == [done]
    assert store.open_incidents() == []
    start = clock.now() - 1_000_000
    assert store.changes(done.id) == [
        Change(start, "streamgauge", IncidentState.FIRING, done.title),
        Change(start + 1_000_000, "streamgauge", IncidentState.RESOLVED, "recovered"),
    ]


def test_an_incident_may_open_and_end_in_one_commit(store):
    done = incident(state=IncidentState.RESOLVED, reason="recovered")
    store.commit(Commit(incidents=[incident(), done]))
    assert store.incidents() == [done]
    assert [change.state for change in store.changes(done.id)] == [
        IncidentState.FIRING,
        IncidentState.RESOLVED,
    ]


def test_thousands_of_incidents_fit_in_one_commit(store):
    many = [incident(f"k-{number}") for number in range(2500)]
    store.commit(Commit(incidents=many))
    store.commit(Commit(incidents=many))
    assert len(store.open_incidents()) == 2500


class TestOutbox:
    def test_a_notice_waits_with_its_payload_from_the_moment_it_was_decided(self, store, clock):
        store.commit(Commit(notices=[notice(), notice(channel="log")]))
        first, second = store.waiting()
        expected = Waiting(1, notice().id, "ops", notice().as_json(), 0, clock.now(), clock.now())
        assert (first, second.channel) == (expected, "log")
        assert store.outbox_depth() == {"log": 1, "ops": 1}

    def test_a_notice_is_decided_once_per_channel(self, store):
        store.commit(Commit(notices=[notice()]))
        other = notice(incident(observed={"events": 7}))
        store.commit(Commit(notices=[other, other]))
        (waits,) = store.waiting()
        assert waits.payload["observed"] == {"events": 101, "spent": 7.5}

    def test_a_notice_that_was_delivered_is_not_decided_again(self, store, clock):
        store.commit(Commit(notices=[notice()]))
        store.answered([Answered(1, Result.DELIVERED, "200 OK", 1, 0, clock.now())])
        store.commit(Commit(notices=[notice()]))
        assert (store.waiting(), store.outbox_depth()) == ([], {})

    def test_what_waits_can_be_asked_for_by_channel_and_from_a_sequence_on(self, store):
        store.commit(Commit(notices=[notice(n=n, channel=c) for n in (1, 2) for c in ("ops", "log")]))
        assert [w.sequence for w in store.waiting(channel="log")] == [2, 4]
        assert [w.sequence for w in store.waiting(after=2)] == [3, 4]
        assert [w.sequence for w in store.waiting(1, after=1)] == [2]

    def test_a_failed_try_waits_on_with_its_new_due_time(self, store, path):
        store.commit(Commit(notices=[notice()]))
        store.answered([Answered(1, Result.AGAIN, "503", 1, 77, 5)])
        (waits,) = store.waiting()
        assert (waits.attempts, waits.due) == (1, 77)
        store.answered([Answered(1, Result.GAVE_UP, "404", 2, 0, 6)])
        assert store.waiting() == []
        assert [row[1:] for row in rows(path, "deliveries")] == [
            (1, 1, 5, "try again", "503"),
            (1, 2, 6, "give up", "404"),
        ]

    def test_an_answer_about_a_notice_that_is_gone_is_no_error(self, store, path):
        store.answered([Answered(99, Result.DELIVERED, "", 1, 0, 1)])
        assert rows(path, "deliveries") == []

    def test_only_what_no_longer_waits_is_forgotten(self, url, clock, path):
        store = open_store(url, owner=ME, clock=clock, keep=Keep(notices=2))
        store.commit(Commit(notices=[notice(n=n) for n in range(1, 6)]))
        for sequence in (1, 2, 5):
            store.answered([Answered(sequence, Result.DELIVERED, "", 1, 0, 1)])
        store.commit(Commit(notices=[notice(n=6)]))
        assert [row[0] for row in rows(path, "outbox")] == [3, 4, 5, 6]
        assert [row[1] for row in rows(path, "deliveries")] == [5]
        store.close()


class TestDeadLetters:
    def test_a_bad_record_is_kept_once_with_its_reason(self, store):
        store.commit(Commit(dead_letters=[("payments", bad(5)), ("payments", bad(6, None))]))
        store.commit(Commit(dead_letters=[("payments", bad(5, b"other")), ("logins", bad(5))]))
        newest, *older = store.dead_letters()
        assert (newest.stream, newest.offset) == ("logins", 5)
        assert [(found.offset, found.payload) for found in older] == [(6, None), (5, b"{")]
        assert (newest.partition, newest.at, newest.reason, newest.truncated) == (P0, 5000, "not JSON", False)
        assert [found.offset for found in store.dead_letters(stream="payments", limit=1)] == [6]

    def test_a_large_payload_is_cut_and_says_so(self, store):
        whole, large = b"x" * PAYLOAD_BYTES, b"x" * (5 * 1024 * 1024)
        store.commit(Commit(dead_letters=[("payments", bad(1, whole)), ("payments", bad(2, large))]))
        cut, kept = store.dead_letters()
        assert (cut.payload, cut.truncated) == (whole, True)
        assert (kept.payload, kept.truncated) == (whole, False)

    def test_the_newest_are_kept(self, url, clock):
        store = open_store(url, owner=ME, clock=clock, keep=Keep(dead_letters=3))
        for start in (0, 4):
            letters = [("payments", bad(offset)) for offset in range(start, start + 4)]
            store.commit(Commit(dead_letters=letters))
        assert [found.offset for found in store.dead_letters()] == [7, 6, 5]
        store.close()

    def test_those_put_through_again_are_marked(self, store):
        store.commit(Commit(dead_letters=[("payments", bad(offset)) for offset in (1, 2)]))
        store.mark_replayed([2, 99], at=123)
        assert [(found.offset, found.replayed_at) for found in store.dead_letters()] == [(2, 123), (1, None)]


def test_late_counts_add_up(store):
    store.commit(
        Commit(late=[LateCount("burst", 10, 2), LateCount("burst", 20, 1), LateCount("burst", 10, 3)])
    )
    store.commit(Commit(late=[LateCount("burst", 10, 1), LateCount("another", 10, 7)]))
    assert store.late_counts(monitor="burst") == [LateCount("burst", 10, 6), LateCount("burst", 20, 1)]
    assert store.late_counts()[0] == LateCount("another", 10, 7)


def test_late_counts_that_stand_still_for_a_month_go(store, clock):
    store.commit(Commit(late=[LateCount("burst", 10, 2)]))
    clock.push(timedelta(microseconds=LATE_KEPT + 1))
    store.commit(Commit(late=[LateCount("burst", 20, 1)]))
    assert store.late_counts() == [LateCount("burst", 20, 1)]


def test_a_pause_outlives_a_restart_and_ends_when_told(store, url, clock):
    since = clock.now()
    store.commit(Commit(paused={"burst": "detector failed: boom", "quiet": "by ann"}))
    store.close()
    again = open_store(url, owner=ME, clock=clock)
    assert again.monitor_status()["burst"] == Paused("detector failed: boom", since)
    again.commit(Commit(paused={"burst": None}))
    assert list(again.monitor_status()) == ["quiet"]
    again.close()


def everything(offset: int) -> Commit:
    """A commit that writes in every section."""
    return replace(
        saving({"w": counts(*range(offset))}, offset),
        incidents=[incident(episode=offset)],
        notices=[notice(incident(episode=offset))],
        dead_letters=[("payments", bad(offset))],
        late=[LateCount("burst", 10, 1)],
        paused={"quiet": f"at {offset}"},
    )


def test_a_commit_that_fails_at_its_end_leaves_nothing_and_can_be_given_again(store, path):
    """A history column of two lengths is found last, after all else was written."""
    store.commit(everything(1))
    before = everything_in(path)
    spoilt = HistoryBlock("burst", 1, 1, {"key": ["a"], "window_end": [1, 2]})
    with pytest.raises(ValueError, match="length"):
        store.commit(replace(everything(2), history=[spoilt]))
    assert everything_in(path) == before
    store.commit(everything(2))
    assert store.positions("payments") == {P0: at(2)}
    assert store.late_counts() == [LateCount("burst", 10, 2)]
    assert [waits.id for waits in store.waiting()] == [notice(incident(episode=n)).id for n in (1, 2)]
