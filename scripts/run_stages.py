"""Run make targets one after the other, all of them, and end with one line for each and one for everything.

    python scripts/run_stages.py lint types test-unit
    python scripts/run_stages.py --beside servers lint types test-unit test-services

Ends with 1 if any target failed. The target behind ``--beside`` runs beside all that come before ``test-services``,
which waits for it; what it comes to is no stage's matter.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

_CLOSING = re.compile(r"^=+ (?P<counts>(?:\d+ \w+(?:, )?)+|no tests ran) in [\d.]+s.*=+$")
_COUNT = re.compile(r"(\d+) (\w+)")


@dataclass(frozen=True, slots=True)
class Stage:
    """One target as it ended; ``counts`` is what pytest's last line says, where it was pytest."""

    target: str
    failed: bool
    seconds: float
    counts: str

    def __str__(self) -> str:
        return f"{'FAILED' if self.failed else 'ok':8}{self.target:20}{self.seconds:6.0f} s   {self.counts}".rstrip()


def run(target: str) -> Stage:
    """Run ``make target``, passing on what it prints."""
    print(f"\n——— {target} " + "—" * (90 - len(target)), flush=True)
    began, counts = time.monotonic(), ""
    make = [os.environ.get("MAKE", "make"), "--no-print-directory", target]
    with subprocess.Popen(make, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0) as process:
        assert process.stdout is not None
        rest = b""
        while piece := process.stdout.read(65_536):
            sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                if closing := _CLOSING.match(line.decode("utf-8", "replace")):
                    counts = closing["counts"]
    return Stage(target, process.returncode != 0, time.monotonic() - began, counts)


def total(stages: list[Stage]) -> str:
    """The last line: what pytest counted over all stages, and which failed."""
    counts: Counter[str] = Counter()
    for stage in stages:
        for number, word in _COUNT.findall(stage.counts):
            counts[word] += int(number)
    tests = ", ".join(f"{number} {word}" for word, number in counts.items())
    failed = [stage.target for stage in stages if stage.failed]
    verdict = f"FAILED: {', '.join(failed)}" if failed else "all stages passed"
    seconds = sum(stage.seconds for stage in stages)
    return " ".join(["=====", "; ".join(filter(None, [verdict, tests])), f"in {seconds:.0f}s", "====="])


def beside(target: str) -> subprocess.Popen[bytes]:
    """Start ``make target``, of which nothing is shown."""
    make = [os.environ.get("MAKE", "make"), "--no-print-directory", target]
    return subprocess.Popen(make, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def settle(process: subprocess.Popen[bytes], patience: float = 300) -> None:
    """Wait until it has ended, but not forever."""
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def main() -> int:
    """Run the targets named on the command line."""
    targets, ahead = sys.argv[1:], None
    if targets[:1] == ["--beside"]:
        ahead, targets = beside(targets[1]), targets[2:]
    stages = []
    for target in targets:
        if ahead is not None and target == "test-services":
            settle(ahead)
        stages.append(run(target))
    if ahead is not None:
        settle(ahead)
    print("\n" + "\n".join(map(str, stages)))
    print(total(stages), flush=True)
    return 1 if any(stage.failed for stage in stages) else 0


if __name__ == "__main__":
    raise SystemExit(main())
