"""Ending on Ctrl-C and SIGTERM at the next turn instead of in the middle of something."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def stopped() -> Iterator[Callable[[], bool]]:
    """Within the block the first signal is only remembered; a second one ends the process as usual."""
    asked = False
    before: dict[signal.Signals, Any] = {}

    def remember(number: int, _frame: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(number, before[signal.Signals(number)])

    for number in (signal.SIGINT, signal.SIGTERM):
        before[number] = signal.signal(number, remember)
    try:
        yield lambda: asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
