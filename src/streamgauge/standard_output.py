"""Writing to the standard output so that nothing of a large piece is lost.

Under ``PYTHONUNBUFFERED``, which many container images set, Python hands each piece to the system once; where a signal
interrupts that (a process stopped and continued, a profiler), the rest of the piece is dropped without a word.
"""

from __future__ import annotations

import io
import sys
from typing import IO


def as_bytes() -> IO[bytes]:
    """The standard output for bytes; every piece is written whole, and seen after ``flush``."""
    return open(1, "wb", closefd=False)


def make_whole() -> None:
    """Where Python would drop what does not go through at once, let ``print`` write on; lines are still seen at once."""
    raw = getattr(sys.stdout, "buffer", None)
    if isinstance(raw, io.RawIOBase) and isinstance(sys.stdout, io.TextIOWrapper):
        encoding, errors = sys.stdout.encoding, sys.stdout.errors
        sys.stdout = io.TextIOWrapper(as_bytes(), encoding, errors, line_buffering=True)
