"""Runs one case in a process of its own, so that memory and processor time are its alone.

``python -m benchmarks.child MODULE FUNCTION JSON`` prints one line of JSON: what the function returned and
the process's peak memory before any checking of answers.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[1]
_MARK = "RESULT "


def run(
    module: str,
    function: str,
    *,
    env: Mapping[str, str] | None = None,
    profile: str | None = None,
    **arguments: Any,
) -> dict[str, Any]:
    """Call ``benchmarks.MODULE.FUNCTION(**arguments)`` in a fresh process and return its answer.

    Args:
        module, function: what is called.
        env: its environment; None = ours.
        profile: where py-spy writes what it sampled 200 times a second.
        arguments: plain data.

    Raises:
        RuntimeError: the process failed; with the end of what it said.
    """
    command = [sys.executable, "-m", "benchmarks.child", module, function, json.dumps(arguments)]
    if profile is not None:
        spy = str(Path(sys.executable).parent / "py-spy")
        command = [spy, "record", "--rate", "200", "--format", "raw", "--output", profile, "--", *command]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env=None if env is None else dict(env),
    )
    for line in reversed(done.stdout.splitlines()):
        if line.startswith(_MARK):
            answer: dict[str, Any] = json.loads(line.removeprefix(_MARK))
            return answer
    raise RuntimeError(f"{module}.{function} failed:\n{(done.stdout + done.stderr)[-4000:]}")


def peak_mb() -> float:
    """This process's largest resident memory so far, in MB (not what it inherited from its parent)."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return round(int(line.split()[1]) / 1024, 1)
    raise RuntimeError("this system does not tell the peak memory of a process")


@dataclass(slots=True)
class Stretch:
    """Wall and processor time from the first record to the last; ``loop`` is the thread that reads and counts."""

    records: int = 0
    _wall: float | None = None
    _cpu: float = 0.0
    _thread: float = 0.0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    thread_seconds: float = 0.0

    def begin(self) -> None:
        """Nothing has come yet; called before each look for more."""
        if not self.records:
            self._wall, self._cpu, self._thread = time.perf_counter(), time.process_time(), time.thread_time()

    def end(self) -> None:
        """All have come."""
        assert self._wall is not None
        self.seconds = time.perf_counter() - self._wall
        self.cpu_seconds = time.process_time() - self._cpu
        self.thread_seconds = time.thread_time() - self._thread

    def answer(self, **more: Any) -> dict[str, Any]:
        """As the parent tabulates it."""
        return {
            "records": self.records,
            "seconds": round(self.seconds, 3),
            "records_per_second": round(self.records / self.seconds),
            "cpu_seconds": round(self.cpu_seconds, 2),
            "loop_cpu_seconds": round(self.thread_seconds, 2),
            "peak_mb": peak_mb(),
            **more,
        }


def main(module: str, function: str, arguments: str) -> None:
    """Run one case."""
    called = getattr(importlib.import_module(f"benchmarks.{module}"), function)
    print(_MARK + json.dumps(called(**json.loads(arguments))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
