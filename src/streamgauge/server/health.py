"""Whether the process lives and whether it is ready, as pure rules over the engine's picture.

*Alive* answers "should it be killed?", *ready* answers "does it do its work?". A store that refuses, or a
source that is lost, is no reason to kill anything: it would come back to the same.
"""

from __future__ import annotations

from typing import Any

from streamgauge.engines.reporting.status import EngineStatus

STUCK_AFTER = 10.0
"""Seconds without a turn of the engine's loop after which the process counts as stuck."""


def alive(status: EngineStatus, now: float) -> tuple[bool, dict[str, Any]]:
    """Whether the engine's loop turned lately; ``now`` is monotonic seconds.

    While the engine starts there is no loop yet, and compiling may take a while: that counts as alive.
    """
    if not status.ready or status.turned_at is None:
        return True, {"status": "starting", "waits_for": status.starting}
    age = max(0.0, now - status.turned_at)
    if age > STUCK_AFTER:
        sentence = (
            f"the engine's loop has not turned for {age:.0f} s: it is stuck, or the machine was stopped"
        )
        return False, {"status": "stuck", "error": sentence}
    return True, {"status": "alive", "last_turn_seconds": round(age, 3)}


def ready(status: EngineStatus, now: float) -> tuple[bool, dict[str, Any]]:
    """Whether kernels are compiled, the store is ours and takes commits, and the sources are open."""
    reasons = []
    if not status.ready:
        reasons.append(f"starting: {status.starting or 'the engine is being made'}")
    if status.store is not None:
        reasons.append(f"the store refuses commits: {status.store}")
    lives, answer = alive(status, now)
    if not lives:
        reasons.append(answer["error"])
    if reasons:
        return False, {"status": "not ready", "reasons": reasons}
    return True, {"status": "ready"}
