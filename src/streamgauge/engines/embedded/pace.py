"""When the next commit is due: once a second, sooner where a notice waits, and never more than a share of the time."""

from __future__ import annotations

from streamgauge.clock import Clock

INTERVAL = 1.0
"""Seconds between commits when nothing presses."""

SOONEST = 0.02
"""Seconds after a commit before a waiting notice may cause the next."""

SHARE = 10
"""Commits may take one part in this many of the time."""

CREDIT = 0.5
"""Seconds of commits that a quiet time saves up: one slow answer of the disk must not hold the next notice."""


class Pace:
    """Of one who commits.

    Attributes:
        seconds: how long the last commit took.
    """

    def __init__(self, clock: Clock) -> None:
        self.seconds = 0.0
        self._clock = clock
        self._credit = CREDIT
        self._committed_at = clock.monotonic()

    def due(self, *, pressing: bool) -> bool:
        """Whether it is time to commit; ``pressing``: somebody waits to be told."""
        passed = self._clock.monotonic() - self._committed_at
        if pressing:
            return passed >= SOONEST and self._credit + passed / SHARE >= 0
        return passed >= max(INTERVAL, SHARE * self.seconds)

    def committed(self, started: float) -> None:
        """A commit has succeeded that began at ``started`` (monotonic seconds)."""
        saved = self._credit + (started - self._committed_at) / SHARE
        self._committed_at = self._clock.monotonic()
        self.seconds = self._committed_at - started
        self._credit = min(CREDIT, saved) - self.seconds
