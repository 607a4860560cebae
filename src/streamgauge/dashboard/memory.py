"""What one reader was told a moment ago, so that another value, filter or look at it asks the server nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

FRESH = 10.0
"""Seconds that an answer may be shown again; windows that are closed do not change, but others close."""
MOST = 16
"""Answers of one reader; each is a few thousand points at most."""

Answer = TypeVar("Answer")


class Memory:
    """Answers of one reader's session: never anybody else's, since what they may see can differ.

    Args:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[Hashable, tuple[float, Any]] = {}

    def of(self, question: Hashable, ask: Callable[[], Answer]) -> Answer:
        """The answer to ``question``, asked for where there is none that is fresh; what goes wrong is not kept."""
        known = self._known.get(question)
        if known is not None and self._clock() - known[0] < FRESH:
            found: Answer = known[1]
            return found
        answer = ask()
        self._known.pop(question, None)
        self._known[question] = (self._clock(), answer)
        while len(self._known) > MOST:
            del self._known[next(iter(self._known))]
        return answer
