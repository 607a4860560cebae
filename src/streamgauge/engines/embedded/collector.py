"""Keeps Python's cycle collector out of the way of a running engine.

Each poll makes thousands of short-lived objects that the collector counts, so with its usual settings it runs
dozens of times a second and walks, again and again, through the hundreds of thousands of objects of imported
libraries: measured, a third of the engine's processor time. What lives when the loop begins stays; what the
loop makes dies by reference counts.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 100_000
"""Objects that may be born, net, before the youngest are looked at: several polls' worth."""

FROZEN = 10_000
"""Objects that say, where they are set aside already, that the program around has done so. Python itself sets some aside."""


@contextmanager
def out_of_the_way() -> Iterator[None]:
    """Set aside for the collector what lives now, and let it run rarely; as before at the end.

    This concerns the whole process. Cycles are still collected, only later. What the program around has set aside
    stays so: Python brings back either all or nothing.
    """
    before, ours = gc.get_threshold(), gc.get_freeze_count() < FROZEN
    if ours:
        gc.collect()
        gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if ours:
            gc.unfreeze()
