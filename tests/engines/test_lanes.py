"""Order within an incident, freedom between incidents."""

from collections import defaultdict
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from streamgauge.engines.outgoing.lanes import HEAD_START, Lanes
from streamgauge.stores.contract import Waiting


def waiting(sequence: int, incident: str) -> Waiting:
    return Waiting(sequence, f"{incident}-{sequence}", "ops", {"fingerprint": incident}, 0, 0)


def test_the_head_that_waits_longest_goes_first_and_holds_its_own_lane_only():
    lanes = Lanes()
    for sequence, incident in enumerate("aab"):
        lanes.add(waiting(sequence, incident), due=0.0)
    first = lanes.take(0.0)
    assert first is not None
    assert first.sequence == 0
    lanes.again(first, due=9.0)
    other = lanes.take(0.0)
    assert other is not None
    assert other.sequence == 2
    lanes.done(other)
    assert (lanes.take(8.9), lanes.next_due(), len(lanes)) == (None, 9.0, 2)
    assert lanes.take(9.0) == first
    lanes.done(first)
    last = lanes.take(9.0)
    assert last is not None
    assert last.sequence == 1
    lanes.done(last)
    assert (lanes.take(99.0), lanes.next_due(), len(lanes)) == (None, None, 0)


def test_one_under_way_is_not_given_out_twice():
    lanes = Lanes()
    lanes.add(waiting(1, "a"), due=0.0)
    assert lanes.take(0.0) is not None
    lanes.add(waiting(2, "a"), due=0.0)
    assert lanes.take(1e9) is None
    assert len(lanes) == 2


@given(st.lists(st.sampled_from("abc")), st.lists(st.booleans(), max_size=60))
def test_whatever_fails_each_incident_is_told_in_order_and_once(incidents, failures):
    lanes, told, trouble = Lanes(), defaultdict(list), iter(failures)
    for sequence, incident in enumerate(incidents):
        lanes.add(waiting(sequence, incident), due=0.0)
    for now in count():
        notice = lanes.take(float(now))
        if notice is None:
            if not len(lanes):
                break
        elif next(trouble, False):
            lanes.again(notice, float(now + 1 + notice.sequence % 3))
        else:
            lanes.done(notice)
            told[notice.payload["fingerprint"]].append(notice.sequence)
    assert told == {name: [i for i, n in enumerate(incidents) if n == name] for name in set(incidents)}


def test_what_begins_goes_before_what_ends_but_no_end_waits_long():
    lanes = Lanes()
    over = [
        Waiting(n, f"n{n}", "ops", {"fingerprint": f"e{n}", "status": "resolved"}, 0, 0) for n in range(3)
    ]
    for notice in over:
        lanes.add(notice, due=5.0)
    begun = Waiting(9, "n9", "ops", {"fingerprint": "new", "status": "firing"}, 0, 0)
    late = Waiting(10, "n10", "ops", {"fingerprint": "late", "status": "firing"}, 0, 0)
    lanes.add(begun, due=5.5)
    lanes.add(late, due=5.0 + HEAD_START + 0.1)
    order = []
    while (left := lanes.take(8.0)) is not None:
        order.append(left.sequence)
        lanes.done(left)
    assert order == [9, 0, 1, 2, 10]


def test_an_end_never_overtakes_its_own_beginning():
    lanes = Lanes()
    lanes.add(Waiting(1, "n1", "ops", {"fingerprint": "a", "status": "resolved"}, 0, 0), due=0.0)
    lanes.add(Waiting(2, "n2", "ops", {"fingerprint": "a", "status": "firing"}, 0, 0), due=0.0)
    first = lanes.take(1.0)
    assert first is not None
    assert first.sequence == 1
