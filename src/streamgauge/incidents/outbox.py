"""When a notice is tried again, and when it is given up: arithmetic, no clock, no thread.

The receiver's own word (``Retry-After``) comes before ours, within bounds; else the wait doubles from one
second to five minutes. Jitter keeps many notices from knocking at a receiver's door together as it comes back.
"""

from __future__ import annotations

from datetime import timedelta

from streamgauge.channels.contract import Answer
from streamgauge.clock import to_micros

FIRST = timedelta(seconds=1)
"""The wait after the first try."""

LONGEST = timedelta(minutes=5)
"""Where doubling ends."""

LONGEST_ASKED = timedelta(hours=1)
"""A receiver that asks for more is asked again after this."""

SPREAD = 0.2
"""By how much jitter may lengthen a wait."""


def next_try(attempts: int, answer: Answer, now: int, jitter: float) -> int:
    """The moment (wall clock, microseconds) at which the notice is due again.

    Args:
        attempts: tries so far, the one just answered included (≥ 1).
        answer: how it went; its ``wait`` is honoured: never earlier, at most an hour.
        now: wall clock, microseconds.
        jitter: in [0, 1); lengthens the wait by up to a fifth.

    >>> from streamgauge.channels.contract import Result
    >>> next_try(3, Answer(Result.AGAIN), now=0, jitter=0.0)
    4000000
    """
    return now + round(to_micros(_wait(attempts, answer)) * (1 + SPREAD * jitter))


def _wait(attempts: int, answer: Answer) -> timedelta:
    if answer.wait is not None:
        return min(max(answer.wait, FIRST), LONGEST_ASKED)
    doublings: int = min(max(attempts - 1, 0), 16)  # beyond that the bound holds anyway
    return min(FIRST * (1 << doublings), LONGEST)


def has_run_out(since: int, now: int, give_up_after: timedelta) -> bool:
    """Whether a notice that just failed is given up: it was decided ``give_up_after`` ago or earlier.

    Asked only after a try, so a notice that grew old while nobody ran is still tried once.
    """
    return now - since >= to_micros(give_up_after)
