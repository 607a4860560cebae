"""Killed again and again while a log is written and rotated, each line counts once."""

from __future__ import annotations

import json
from pathlib import Path

from tests.exactness.running import Run, looking, read_so_far, until, write

PLAIN = {"STREAMGAUGE_JIT": "off"}
"""A few hundred lines are not worth compiling for."""


def watching(folder: Path, log: Path) -> Path:
    stream = {
        "source": {"type": "files", "path": str(log), "follow": True},
        "format": "json",
        "fields": {"page": "string", "at": "timestamp"},
        "time": "at",
        "deadline": "1h",
    }
    window = {"type": "tumbling", "size": "5s", "by": "page", "compute": {"n": "count(*)"}}
    monitor = {"stream": "log", "window": window, "detect": {"type": "threshold", "when": "n > 1000000"}}
    return write(folder, {"streams": {"log": stream}, "monitors": {"many": monitor}})


class Writer:
    """Writes a line for each second of event time."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.written = 0

    def lines(self, count: int) -> None:
        with self.log.open("a") as file:
            for _ in range(count):
                file.write(json.dumps({"page": "a", "at": 1_700_000_000 + self.written}) + "\n")
                self.written += 1

    def rotate(self, number: int) -> None:
        self.log.rename(self.log.with_name(f"app.log.{number}"))


def counted(config: Path) -> int:
    with looking(config) as look:
        return int(look.history("many")["n"].sum()) if look.history("many").height else 0


def test_each_line_counts_once(tmp_path: Path):
    log = tmp_path / "logs" / "app.log"
    log.parent.mkdir()
    config, writer = watching(tmp_path, log), Writer(log)
    writer.lines(100)
    with Run(config, env=PLAIN) as run:
        until(lambda: read_so_far(config, "log"), "the first lines are committed", alive=run)
        writer.lines(100)
        writer.rotate(1)
        writer.lines(100)
        run.kill()
    with Run(config, failpoint="commit.before", env=PLAIN) as run:
        writer.lines(100)
        writer.rotate(2)
        writer.lines(100)
        assert run.ended() != 0
    writer.lines(6)
    with Run(config, env=PLAIN) as run:
        closed = (writer.written - 1) // 5 * 5
        until(lambda: counted(config) >= closed, f"{closed} lines are counted", alive=run)
        assert run.stop() == 0
    assert counted(config) == closed
