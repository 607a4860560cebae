"""What every channel promises: it answers, and never raises for what the receiver or the notice does."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from streamgauge.channels.contract import Answer, Channel, Result
from streamgauge.incident import Incident, IncidentState, Notice

LONGEST = timedelta(seconds=60)
"""Within this much real time a channel must have answered."""


def notices() -> list[dict[str, Any]]:
    """Notices of every shape: a beginning and its end, odd keys, long texts, nothing observed."""
    plain = Incident(
        "burst", "a-7", "verdict", 1_700_000_000_000_000, IncidentState.FIRING, "critical", 1_700_000_002_000_000,
        "burst of a-7: events = 120; expected events <= 100", 1_700_000_000_000_000, 1_700_000_005_000_000,
        observed={"events": 120, "mean": 0.5, "note": None}, expected="events <= 100", notices=1,
        samples=({"amount": 3.5, "card": "***"},), partition="payments:0", offset=41,
    )  # fmt: skip
    ended = replace(
        plain, state=IncidentState.RESOLVED, resolved_at=1_700_000_010_000_000, reason="recovered", notices=2
    )
    odd = [
        replace(plain, key=None),
        replace(plain, key=("a", 1, "x\x1fy")),
        replace(plain, key="계좌 \u202e \U0001f30a\n,;\"'<b>"),
        replace(plain, title="t" * 20_000, samples=tuple({"x": "y" * 500} for _ in range(100))),
        replace(plain, kind="source lost", window_start=None, window_end=None, observed={}, expected=None),
    ]
    return [Notice(incident, incident.notices, "checked").as_json() for incident in (plain, ended, *odd)]


def check_channel(make: Callable[[], Channel], *, delivers: bool | None = None) -> list[Answer]:
    """Hold a channel to its contract: each notice is answered, twice over, within its time; closing is calm.

    Args:
        make: a fresh channel, as ``open_channel`` gives it.
        delivers: whether its receiver takes (True) or refuses (False) everything; None = either.

    Returns:
        The answers, in the order of the tries.

    Raises:
        AssertionError: which promise is broken.
    """
    channel = make()
    # After a crash the same notice comes again.
    answers = [_tried(channel, notice) for notice in notices() for _ in range(2)]
    channel.close()
    channel.close()
    if delivers is not None:
        wrong = [answer for answer in answers if (answer.result is Result.DELIVERED) != delivers]
        assert not wrong, (
            f"expected every notice to be {'' if delivers else 'not '}delivered, got {wrong[:3]}"
        )
    return answers


def _tried(channel: Channel, notice: dict[str, Any]) -> Answer:
    before = repr(notice)
    started = time.monotonic()
    try:
        answer = channel.send(notice)
    except Exception as error:  # the contract is exactly that it does not
        raise AssertionError(f"send raised {error!r} for {before[:300]}; it must answer") from error
    took = time.monotonic() - started
    assert isinstance(answer, Answer), f"send answered {answer!r}, which is no Answer"
    assert took <= LONGEST.total_seconds(), f"send took {took:.0f} s; it needs a time-out of its own"
    assert answer.result is Result.DELIVERED or answer.detail, f"{answer} does not say why, in words"
    assert repr(notice) == before, "send changed the notice; other channels get the same one"
    return answer
