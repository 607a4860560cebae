"""How time passes without records: only while a partition is known to be read to its end."""

import numpy as np
import pytest

from streamgauge.batch import NEVER, Batch, Partition
from streamgauge.windows.watermark import StreamClock

A, B = Partition("s", 0), Partition("s", 1)
S = 1_000_000


def batch(partition: Partition, *seconds: float) -> Batch:
    times = np.array([round(second * S) for second in seconds], np.int64)
    return Batch("s", partition, np.arange(len(times)), times, {}, len(times))


def clock(lateness: float = 0.0, **largest: float) -> StreamClock:
    """Partitions A and B, both heard at 0 seconds of the wall, where a largest time is given."""
    made = StreamClock(round(lateness * S), deadline=1.0)
    for name, partition in (("a", A), ("b", B)):
        made.attach(partition)
        if name in largest:
            made.observe(batch(partition, largest[name]), 0.0)
    return made


def tick(
    made: StreamClock, until: float, *, every: float = 0.5, begin: float = 0.0, **caught_up: bool
) -> None:
    """Look every half second, with the same answer about the partitions each time."""
    at = begin
    while at < until:
        at = min(at + every, until)
        made.pass_time({A: caught_up.get("a", False), B: caught_up.get("b", False)}, at)


def test_watermarks_before_and_after_each_record():
    made = StreamClock(2 * S)
    made.attach(A)
    before, after = made.observe(batch(A, 10, 8, 15))
    assert before.tolist() == [NEVER, 8 * S, 8 * S]
    assert after.tolist() == [8 * S, 8 * S, 13 * S]


def test_nothing_is_known_before_the_first_record():
    assert clock().watermark(A) == NEVER
    assert clock(a=5).minimum() == NEVER


CAUGHT_UP = [
    ("caught up, it rises by what lies beyond the deadline", {"a": True}, 5.0, 14.0),
    ("caught up for less than the deadline, it stays", {"a": True}, 0.9, 10.0),
    ("with a backlog it stays", {"a": False}, 60.0, 10.0),
]


@pytest.mark.parametrize(
    ("sentence", "said", "passed", "expected"), CAUGHT_UP, ids=[row[0] for row in CAUGHT_UP]
)
def test_time_passes_while_caught_up(sentence: str, said: dict[str, bool], passed: float, expected: float):
    made = clock(a=10)
    made.detach(B)
    tick(made, passed, **said)
    assert made.watermark(A) == expected * S


def test_it_is_the_lateness_behind_all_the_same():
    made = clock(3, a=10)
    made.detach(B)
    tick(made, 5, a=True)
    assert made.watermark(A) == 11 * S


def test_what_passed_while_frozen_is_never_made_up():
    made = clock(a=10)
    made.detach(B)
    tick(made, 3, a=True)
    assert made.watermark(A) == 12 * S
    tick(made, 63, begin=3, a=False)
    assert made.watermark(A) == 12 * S
    tick(made, 64.5, begin=63, a=True)
    assert made.watermark(A) == 12 * S, "the deadline begins anew: what was written meanwhile is on its way"
    tick(made, 65.5, begin=64.5, a=True)
    assert made.watermark(A) == 13 * S


def test_the_stretch_from_not_caught_up_to_caught_up_does_not_count():
    made = clock(a=10)
    made.detach(B)
    tick(made, 3, a=True)
    made.pass_time({A: False}, 3.5)
    made.pass_time({A: True}, 5.0)
    assert made.watermark(A) == 12 * S


def test_a_process_that_stood_still_makes_nothing_up():
    made = clock(a=10)
    made.detach(B)
    tick(made, 3, a=True)
    made.pass_time({A: True}, 603.0)
    assert made.watermark(A) == 12 * S
    made.pass_time({A: True}, 604.0)
    assert made.watermark(A) == 12 * S, "the deadline begins anew"
    made.pass_time({A: True}, 605.0)
    assert made.watermark(A) == 13 * S


def test_two_seconds_between_two_looks_still_count():
    made = clock(a=10)
    made.detach(B)
    tick(made, 3, a=True)
    made.pass_time({A: True}, 5.0)
    assert made.watermark(A) == 14 * S


def test_a_record_starts_the_deadline_anew():
    made = clock(a=10)
    made.detach(B)
    tick(made, 2, a=True)
    assert made.watermark(A) == 11 * S
    made.observe(batch(A, 10.5), 2.0)
    tick(made, 3, begin=2, a=True)
    assert made.watermark(A) == 11 * S
    tick(made, 4, begin=3, a=True)
    assert made.watermark(A) == 12 * S


def test_a_bad_record_is_a_sign_of_life_too():
    made = clock(a=10)
    made.detach(B)
    made.heard(A, 4.0)
    tick(made, 4.9, begin=4, a=True)
    assert made.watermark(A) == 10 * S


def test_an_idle_partition_is_lifted_to_the_slowest_that_is_not():
    made = clock(a=10, b=100)
    for at in np.arange(0.5, 5.0, 0.5).tolist():
        made.observe(batch(B, 100 + at), at)
        made.pass_time({A: True, B: True}, at)
    assert made.watermark(A) == made.watermark(B) == made.minimum()


def test_a_partition_that_lags_is_not_lifted_and_holds_the_minimum():
    made = clock(a=10, b=100)
    for at in np.arange(0.5, 5.0, 0.5).tolist():
        made.observe(batch(B, 100 + at), at)
        made.pass_time({A: False, B: True}, at)
    assert made.minimum() == made.watermark(A) == 10 * S


def test_idle_ones_that_never_spoke_do_not_hold_the_minimum():
    made = clock(b=100)
    assert made.minimum() == NEVER
    for at in np.arange(0.5, 3.0, 0.5).tolist():
        made.observe(batch(B, 100 + at), at)
        made.pass_time({A: True, B: True}, at)
    assert made.minimum() == made.watermark(B)


def test_an_idle_one_comes_only_as_far_as_the_others_had_when_its_end_was_asked_for():
    made = clock(b=100)
    for at in (0.0, 1.0, 1.4):
        made.pass_time({A: True, B: True}, at, {A: at - 0.2, B: at - 0.2})
    made.observe(batch(B, 160), 1.5)
    made.pass_time({A: True, B: True}, 1.6, {A: 1.3, B: 1.3})
    assert made.watermark(A) < 101 * S, "what came to A before B's last record may not have been seen by then"
    made.observe(batch(A, 101), 1.7)
    assert made.minimum() == 101 * S
    made.observe(batch(B, 161), 2.7)
    made.pass_time({A: True, B: True}, 2.8, {A: 2.7, B: 2.7})
    assert made.watermark(A) == 160 * S


def test_where_all_are_idle_those_that_never_spoke_wait_for_nobody():
    made = clock(b=100)
    tick(made, 3, a=True, b=True)
    assert made.minimum() == made.watermark(B) == 102 * S
    assert made.watermark(A) == 102 * S


def test_how_long_a_stream_that_never_spoke_was_seen_to_be_empty():
    made = clock()
    tick(made, 11, a=True, b=True)
    assert made.idle_for == pytest.approx(10 * S, abs=S)
    before = made.idle_for
    tick(made, 20, begin=11, a=True, b=False)
    assert made.idle_for == before


def test_it_says_whether_any_watermark_rose():
    made = clock(a=10)
    made.detach(B)
    assert not made.pass_time({A: True}, 0.5)
    assert not made.pass_time({A: True}, 1.0)
    assert made.pass_time({A: True}, 1.5)


def test_the_minimum_over_the_others():
    made = clock(1, a=10, b=20)
    assert made.minimum_without([A]) == 19 * S
    assert made.minimum_without([A, B]) > 10**17
    made.attach(Partition("s", 2))
    assert made.minimum_without([A]) == NEVER


def test_a_clock_that_stands_as_it_stood_lets_the_same_time_pass():
    """Whether it stayed in memory, or was kept and set up again."""
    stayed, again = clock(a=100), clock()
    tick(stayed, 1.5, a=True)
    again.lift(A, stayed.largest(A))
    again.stand(A, stayed.standing(A))
    for made in (stayed, again):
        tick(made, 3.0, begin=1.5, a=True)
    assert again.largest(A) == stayed.largest(A) == 102 * S
    assert again.standing(A) == stayed.standing(A)
