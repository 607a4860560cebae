"""``streamgauge top``: a picture of a running server, for people and for tools."""

from __future__ import annotations

import io
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from rich.console import Console

from streamgauge.cli import top as module
from streamgauge.server.thread import ServerThread
from tests.cli.in_process import Verb
from tests.server.given import Process, configuration, picture


@pytest.fixture
def top(capsys):
    return Verb("top", capsys)


@pytest.fixture
def process(tmp_path) -> Process:
    return Process(configuration(tmp_path))


@pytest.fixture
def url(process: Process) -> Iterator[str]:
    thread = ServerThread(process, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{thread.start()}"
    thread.stop()


def test_one_picture(top, url: str):
    told = top("--server", url, "--once")
    assert told.code == 0
    assert told.lines[0].startswith("streamgauge 0.1.0  ready  up 1 m 14 s  7 commits, the last took 4 ms")
    assert told.lines[0].endswith("1 incident open, 3 since the start")
    assert ["payments", "42", "200", "5.0", "s", "5", "4", "2"] in [line.split() for line in told.lines]
    cells = [line.split() for line in told.lines]
    assert ["burst", "payments", "firing", "2", "1", "1", "2023-11-14T22:13:30.000Z"] in cells
    assert ["refused", "payments", "paused:", "paused", "by", "hand", "3", "2", "0", "-"] in cells
    assert ["console", "2", "3", "delivered,", "1", "try", "again"] in cells


def test_into_a_pipe_it_is_one_picture_too(top, url: str):
    assert top("--server", url).lines[0] == top("--server", url, "--once").lines[0]


def test_json_is_the_servers_answer(top, url: str):
    (found,) = top("--server", url, "--json").objects
    assert found["streams"][0]["records"] == 200
    assert found["ready"] is True


def test_trouble_stands_out(top, process: Process, url: str):
    stream = replace(picture(0).streams["payments"], lost="payments: no sign of life", watermark=None)
    process.show(
        store="the disk is full",
        ready=False,
        starting="sources are being opened",
        streams={"payments": stream},
    )
    told = top("--server", url)
    assert "starting: sources are being opened" in told.lines[0]
    assert "STORE REFUSES: the disk is full" in told.lines[0]
    assert "LOST: payments: no sign of life" in told.out


def test_before_the_engine_begins(top, process: Process, url: str):
    process.show(monitors={}, streams={}, waiting={}, notices={})
    told = top("--server", url)
    assert told.code == 0
    assert ["burst", "payments", "starting", "-", "-", "-", "-"] in [line.split() for line in told.lines]


def test_the_terminals_picture_holds_the_same_cells(top, url: str):
    (status,) = top("--server", url, "--json").objects
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(module.picture(status))
    shown = console.export_text()
    for _, names, rows in module.tables(status):
        for cell in [*names, *(cell for row in rows for cell in row)]:
            assert cell in shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-0.3, "-0.3 s"), (59.9, "59.9 s"), (74, "1 m 14 s"), (3_661, "1 h 01 m"), (200_000, "2 d 07 h")],
)
def test_durations_at_a_glance(seconds: float, shown: str):
    assert module._span(seconds) == shown


def test_on_a_terminal_it_goes_on_until_interrupted(process: Process, url: str):
    """A real terminal: it shows what changes meanwhile, and says when the server has gone."""
    terminal, other_end = pty.openpty()
    command = [sys.executable, "-m", "streamgauge", "top", "--server", url, "--every", "0.1"]
    environ = {**os.environ, "TERM": "xterm", "COLUMNS": "150", "LINES": "50"}
    top = subprocess.Popen(command, stdin=other_end, stdout=other_end, stderr=other_end, env=environ)
    os.close(other_end)
    try:
        assert "watching" in until(terminal, "delivered")
        process.show(store="the disk is full")
        until(terminal, "the disk is full")
        top.send_signal(signal.SIGINT)
        drain(terminal)
        assert top.wait(30) == 130
    finally:
        top.kill()
        top.wait()
        os.close(terminal)


def until(terminal: int, words: str) -> str:
    """What a terminal shows up to these words."""
    shown, deadline = "", time.monotonic() + 30
    while words not in shown:
        assert time.monotonic() < deadline, shown
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 65536).decode(errors="replace")
    return shown


def drain(terminal: int) -> None:
    """Read to the end, so that the other side is never held up."""
    with suppress(OSError):
        while os.read(terminal, 65536):
            pass


def test_no_server(top):
    told = top("--server", "http://127.0.0.1:1")
    assert told.code == 3
    assert "no Streamgauge server answers at http://127.0.0.1:1" in told.err
    assert "name another with `--server`" in told.err
    assert top("--server", "not an address").code == 3
