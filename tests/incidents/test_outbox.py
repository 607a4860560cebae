"""When a notice goes again."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgauge.channels.contract import Answer, Result
from streamgauge.clock import SECOND
from streamgauge.incidents.outbox import has_run_out, next_try

NOW = 1_700_000_000 * SECOND


def waits(attempts: int, wait: timedelta | None = None, jitter: float = 0.0) -> float:
    return (next_try(attempts, Answer(Result.AGAIN, "", wait), NOW, jitter) - NOW) / SECOND


def test_it_doubles_from_a_second_to_five_minutes():
    assert [waits(n) for n in range(1, 12)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert waits(10**9) == 300


def test_jitter_lengthens_by_up_to_a_fifth():
    assert (waits(3, jitter=0.0), waits(3, jitter=0.5)) == (4, 4.4)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        (timedelta(seconds=7), 7),
        (timedelta(minutes=30), 1800),
        (timedelta(0), 1),
        (timedelta(days=365), 3600),
    ],
)
def test_the_receivers_word_is_kept_within_bounds(asked, given):
    assert waits(1, asked) == given
    assert waits(9, asked) == given


@given(st.integers(0, 200), st.none() | st.timedeltas(timedelta(0)), st.floats(0, 1, exclude_max=True))
def test_never_earlier_than_a_second_nor_later_than_asked_plus_a_fifth(attempts, wait, jitter):
    found = waits(attempts, wait, jitter)
    assert 1 <= found <= 3600 * 1.2
    if wait is not None and timedelta(seconds=1) <= wait <= timedelta(hours=1):
        assert found >= wait.total_seconds() - 1e-6


def test_patience_ends_at_its_bound():
    day = timedelta(hours=24)
    assert not has_run_out(NOW - 24 * 3600 * SECOND + 1, NOW, day)
    assert has_run_out(NOW - 24 * 3600 * SECOND, NOW, day)
