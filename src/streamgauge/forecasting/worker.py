"""The process that fits: takes series from its standard input, one at a time, and answers each; ends with its input.

``python -m streamgauge.forecasting.worker``; :mod:`.workers` begins it.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

import msgspec

from streamgauge import failpoints
from streamgauge.forecasting.fitting import Asked, receive, send
from streamgauge.kernels import jit


def main() -> None:
    """Fit until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked decides when to end
    jit.choose(live=os.environ.get("STREAMGAUGE_FIT_LONG") == "1")
    with suppress(BrokenPipeError):
        while (body := receive(sys.stdin.buffer)) is not None:
            asked = msgspec.msgpack.decode(body, type=Asked)
            failpoints.reach(failpoints.FIT)
            send(sys.stdout.buffer, asked.answer())
    os._exit(0)  # a closed pipe is no reason for words at the end


if __name__ == "__main__":
    main()
