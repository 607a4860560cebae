"""The server's own thread: ports, hosts, the end, and an answer within a second beside a busy engine."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from streamgauge.errors import ConfigError, OutsideError
from streamgauge.server.thread import TURN, ServerThread, _listen
from tests.server.given import Process, configuration


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(configuration(tmp_path))


def test_a_port_that_is_taken_is_said_with_3(process: Process):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(
            OutsideError, match=f"port {port} of 127.0.0.1 is taken by another program"
        ) as told:
            ServerThread(process, "127.0.0.1", port).start()
    assert told.value.exit_code == 3


def test_others_are_kept_out_until_there_are_tokens(process: Process):
    for host in ("0.0.0.0", "::", "192.168.1.5", "example.com"):
        with pytest.raises(ConfigError, match="there are no tokens yet"):
            ServerThread(process, host, 0).start()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_after_the_end_the_port_is_free_again(process: Process, host: str):
    before = servers()  # of other tests, which are done with theirs later
    first = ServerThread(process, host, 0)
    port = first.start()
    assert httpx.get(f"http://{host}:{port}/readyz").status_code == 200
    assert len(servers() - before) == 1
    first.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://{host}:{port}/readyz")
    second = ServerThread(process, host, port)
    assert second.start() == port
    second.stop()
    second.stop()
    assert not servers() - before


def servers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "streamgauge server"}


def test_a_server_that_never_started_stops(process: Process):
    ServerThread(process, "127.0.0.1", 0).stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_body_of_an_answer_waits_for_no_acknowledgement_of_its_headers(host: str):
    """Headers and body are two writes: without TCP_NODELAY the second leaves 40 ms later."""

    async def option() -> int:
        found: asyncio.Queue[int] = asyncio.Queue()

        def came(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            own = writer.get_extra_info("socket")
            found.put_nowait(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        listening = _listen(host, 0)
        async with await asyncio.start_server(came, sock=listening):
            _, writer = await asyncio.open_connection(*listening.getsockname()[:2])
            answer = await asyncio.wait_for(found.get(), 30)
            writer.close()
        return answer

    assert asyncio.run(option()) == 1


def test_while_it_serves_threads_that_compute_make_way_sooner(process: Process):
    before = sys.getswitchinterval()
    server = ServerThread(process, "127.0.0.1", 0)
    server.start()
    assert sys.getswitchinterval() == pytest.approx(min(TURN, before))
    server.stop()
    assert sys.getswitchinterval() == before


def test_health_answers_within_a_second_beside_a_busy_engine(process: Process):
    """Two threads that never let go of the interpreter by themselves, as an engine at full load."""
    server, done = ServerThread(process, "127.0.0.1", 0), threading.Event()

    def work() -> None:
        number = 0
        while not done.is_set():
            for _ in range(100_000):
                number = (number * 31 + 7) % 1_000_003

    workers = [threading.Thread(target=work, daemon=True) for _ in range(2)]
    url = f"http://127.0.0.1:{server.start()}/healthz"
    try:
        for worker in workers:
            worker.start()
        taken = []
        with httpx.Client() as client:
            for _ in range(5):
                began = time.monotonic()
                assert client.get(url, timeout=60).status_code == 200
                taken.append(time.monotonic() - began)
        assert sorted(taken)[2] < 1.0, taken
    finally:
        done.set()
        for worker in workers:
            worker.join()
        server.stop()
