"""A served process over a store with a past."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamgauge.server.thread import ServerThread
from tests.server import past_run
from tests.server.given import Process, configuration, fill, past


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """A process in the middle of its work."""
    config = configuration(tmp_path)
    fill(config, past())
    return Process(config)


@pytest.fixture
def url(process: Process) -> Iterator[str]:
    """Where it is served."""
    server = ServerThread(process, "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.start()}"
    server.stop()


@pytest.fixture(scope="module")
def resting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where such a process is served that the tests of a file share: for those who only look, or are refused."""
    config = configuration(tmp_path_factory.mktemp("resting"))
    fill(config, past())
    server = ServerThread(Process(config), "127.0.0.1", 0)
    yield f"http://127.0.0.1:{server.start()}"
    server.stop()


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where what a run has left is served; nothing changes it."""
    with past_run.served(tmp_path_factory.mktemp("past")) as url:
        yield url
