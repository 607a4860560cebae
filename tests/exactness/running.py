"""`streamgauge run` as a child process, and what its store holds."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import psutil
import yaml

from streamgauge.batch import Partition
from streamgauge.errors import StoreError
from streamgauge.stores import open_reading
from streamgauge.stores.sql import SqlVisitor
from tests.starting import Started

PATIENCE = 200.0
CACHE = Path(__file__).parents[2] / ".cache"


def _compiled() -> dict[str, str]:
    """Let children keep Python's bytecode whatever is set here: each would else compile every library anew."""
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(CACHE / "bytecode")}


def until(holds: Callable[[], Any], what: str, *, within: float = PATIENCE, alive: Run | None = None) -> Any:
    """Poll until ``holds()`` is true, and return what it gave; fails sooner when ``alive`` has ended.

    It looks again after 5 ms, and less and less often up to ten times a second: to look into a store takes as long.
    """
    deadline, pause = time.monotonic() + within, 0.005
    while True:
        found = holds()
        if found:
            return found
        if alive is not None and not alive.running:
            raise AssertionError(f"ended with {alive.code} before {what}:\n{alive.log}")
        if time.monotonic() > deadline:
            raise AssertionError(
                f"did not come within {within:g} s: {what}\n{'' if alive is None else alive.log}"
            )
        time.sleep(pause)
        pause = min(0.1, pause * 1.2)


class Run:
    """One child. Use it with ``with``: it is killed at the end if it still runs."""

    def __init__(self, config: Path, *, failpoint: str = "", env: Mapping[str, str] | None = None) -> None:
        self._log = config.with_suffix(f".{time.monotonic_ns()}.log")
        more = {
            "STREAMGAUGE_FAILPOINT": failpoint,
            "NUMBA_CACHE_DIR": str(CACHE / "numba"),
            **_compiled(),
            **(env or {}),
        }
        words = ["run", str(config), "--port", "0", "--log-json"]
        with self._log.open("wb") as out:
            self._child = Started(
                words, stdout=out, stderr=out, environ={**os.environ, **more}, folder=config.parent
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    @property
    def running(self) -> bool:
        return self._child.poll() is None

    @property
    def code(self) -> int | None:
        return self._child.poll()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")[-6000:]

    def says(self, words: str) -> bool:
        return words in self._log.read_text(errors="replace")

    def kill(self) -> None:
        if self.running:
            self._child.kill()
        self._child.wait()

    def pause_for(self, seconds: float) -> None:
        """Let it run for so long, unless it ends before: the random moment of a kill."""
        with suppress(subprocess.TimeoutExpired):
            self._child.wait(seconds)

    def freeze(self) -> None:
        self._child.send_signal(signal.SIGSTOP)
        process = psutil.Process(self._child.pid)
        until(lambda: process.status() == psutil.STATUS_STOPPED, "SIGSTOP")

    def thaw(self) -> None:
        self._child.send_signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        self._child.send_signal(number)

    def stop(self, *, within: float = 30.0) -> int:
        """SIGTERM; its exit code."""
        self._child.send_signal(signal.SIGTERM)
        return self.ended(within=within)

    def ended(self, *, within: float = PATIENCE) -> int:
        """Wait for its end by itself."""
        try:
            return self._child.wait(within)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {within:g} s:\n{self.log}") from None

    @property
    def port(self) -> int:
        """Where its server listens; 0 = nowhere, as before it does, and once it has ended."""
        with suppress(psutil.NoSuchProcess):
            for connection in psutil.Process(self._child.pid).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    return int(connection.laddr.port)
        return 0


def write(folder: Path, config: Mapping[str, Any], name: str = "watch.yaml") -> Path:
    """Write a configuration; its store lies beside it as ``store.db``."""
    path = folder / name
    path.write_text(yaml.safe_dump({"store": "sqlite:///store.db", **config}, sort_keys=False))
    return path


def _store_of(config: Path) -> str:
    """The address of the store of a configuration, as it is from here."""
    store = yaml.safe_load(config.read_text())["store"]
    store = store["url"] if isinstance(store, dict) else store
    on_a_server = store.startswith("postgresql:")
    return store if on_a_server else f"sqlite:///{config.parent / 'store.db'}"


@contextmanager
def looking(config: Path) -> Iterator[SqlVisitor]:
    """A look into the store of a configuration: the one beside it, or on the server that it names."""
    look = open_reading(_store_of(config))
    try:
        yield look
    finally:
        look.close()


def peek(config: Path, see: Callable[[SqlVisitor], Any]) -> Any:
    """``see(look)``, or None while there is no store yet."""
    try:
        with looking(config) as look:
            return see(look)
    except StoreError:
        return None


def read_so_far(config: Path, stream: str) -> int:
    """How many offsets of a stream have been committed."""
    positions: dict[Partition, Any] = peek(config, lambda look: look.positions(stream)) or {}
    return sum(position.next_offset for position in positions.values())
