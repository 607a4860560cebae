"""What a job's process runs: one verb, and a word into the store about how it ended.

``python -m streamgauge.cli._working JOB RUN DUE BEGAN STORE CONFIG VERB …``; :mod:`streamgauge.schedule.process` begins it
and holds its standard input open. When that ends, whoever began it is gone: it ends too, at once, and the next engine
begins the run again.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from typing import TextIO, cast

NICE = 5
"""How far it stands back behind the engine."""


class Tail:
    """A stream that passes on what is written and remembers the last of it."""

    def __init__(self, into: TextIO, kept: int) -> None:
        self._into = into
        self._kept = kept
        self.text = ""

    def write(self, text: str) -> int:
        """Pass on and remember."""
        self.text = (self.text + text)[-self._kept :]
        return self._into.write(text)

    def __getattr__(self, name: str) -> object:
        return getattr(self._into, name)


def main(arguments: Sequence[str]) -> int:
    """Run one verb and write down how it ended; its exit code."""
    from streamgauge.cli._jobs import with_config
    from streamgauge.clock import SystemClock
    from streamgauge.schedule.book import SAID, Book, Ended

    job, run, due, began, store, config, *words = arguments
    threading.Thread(target=_end_with_whoever_began_us, daemon=True).start()
    os.nice(NICE)
    said, printed = Tail(sys.stderr, SAID), Tail(sys.stdout, SAID)
    sys.stderr, sys.stdout = cast("TextIO", said), cast("TextIO", printed)
    code = _code_of(with_config(words, config))
    last = (said.text.strip() or printed.text.strip())[-SAID:]
    book = Book(store)
    book.told(job, Ended(run, int(due), int(began), SystemClock().now(), code, last))
    book.close()
    return code


def _code_of(words: Sequence[str]) -> int:
    """Run a verb; how it ends."""
    from streamgauge.cli import main as streamgauge

    try:
        streamgauge(words)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except Exception:  # noqa: BLE001  a mistake of ours is a failed job with its traceback, not a silent one
        traceback.print_exc()
        return 70
    return 0


def _end_with_whoever_began_us() -> None:
    """Wait for the end of the standard input, then end this process and whatever it has begun."""
    while os.read(0, 1):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
