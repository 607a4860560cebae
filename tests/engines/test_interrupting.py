"""Ctrl-C ends a run in order, wherever it hits."""

from __future__ import annotations

import subprocess
import sys

HIT = """
import os, signal, threading, time
from streamgauge.engines.embedded.session import Signals

class Counting:
    stops = 0
    def stop(self):
        self.stops += 1

counting = Counting()
with Signals(counting):
    import polars as pl

    column = pl.Series("a", range(200_000))
    over = column > 5
    frame = column.to_frame()

    def interrupt():
        for _ in range(60):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    hitting = threading.Thread(target=interrupt)
    hitting.start()
    while hitting.is_alive():
        chosen = pl.map_batches([pl.col("a")], lambda s: s[0].zip_with(over, s[0]), return_dtype=pl.Int64)
        assert frame.select(chosen).height == 200_000
print(counting.stops)
"""


def test_what_is_being_computed_is_computed_to_its_end():
    done = subprocess.run(
        [sys.executable, "-c", HIT], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 0
