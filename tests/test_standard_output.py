"""What is written arrives whole, also when the process is stopped and continued while it writes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

PIECE = bytes(range(251)) * 8_000
PIECES = 12

AS_BYTES = f"""
from streamgauge import standard_output
out = standard_output.as_bytes()
for _ in range({PIECES}):
    out.write(bytes(range(251)) * 8_000)
out.flush()
"""

PRINTED = f"""
from streamgauge import standard_output
standard_output.make_whole()
text = "".join(map(chr, range(40, 120))) * 25_000
for _ in range({PIECES}):
    print(text)
"""
LINE = ("".join(map(chr, range(40, 120))) * 25_000).encode() + b"\n"


@pytest.mark.parametrize(("program", "whole"), [(AS_BYTES, PIECE * PIECES), (PRINTED, LINE * PIECES)])
@pytest.mark.parametrize("unbuffered", ["1", ""])
def test_a_process_stopped_and_continued_loses_nothing(program: str, whole: bytes, unbuffered: str) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        found, ended = bytearray(), threading.Event()

        def disturb() -> None:
            while not ended.wait(0.001):
                process.send_signal(signal.SIGSTOP)
                process.send_signal(signal.SIGCONT)

        disturber = threading.Thread(target=disturb)
        disturber.start()
        try:
            while piece := process.stdout.read(4_096):
                found += piece
        finally:
            ended.set()
            disturber.join()
    assert process.returncode == 0
    assert bytes(found) == whole
