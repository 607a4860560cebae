"""Who writes to a store: one process, told apart from an earlier one that had the same number."""

from __future__ import annotations

import hashlib
import os
import socket
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path

from streamgauge.clock import SECOND

_TOLERANCE = 2 * SECOND
"""How far two readings of one process's start may differ: the kernel's answer moves when its clock is set."""


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that wants to write.

    Attributes:
        host, pid, pid_started: the process; its start (microseconds) tells it from a later one of this pid.
        reader: whose positions it keeps; engines that share one store have one each.
        session_timeout: for how long it may be silent before another may take the store.
    """

    host: str
    pid: int
    pid_started: int
    reader: str = "main"
    session_timeout: timedelta = timedelta(seconds=10)

    @classmethod
    def this_process(
        cls, *, reader: str = "main", session_timeout: timedelta = timedelta(seconds=10)
    ) -> Owner:
        """The owner that this process is."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, _started(pid) or 0, reader, session_timeout)

    @classmethod
    def among_several(cls, *, reader: str = "main") -> Owner:
        """The owner that this process is where processes of other containers, which may be named alike, share a store."""
        return replace(cls.this_process(reader=reader), host=_place())

    @property
    def id(self) -> str:
        """The process in one word."""
        return f"{self.host}/{self.pid}/{self.pid_started}"


def is_gone(host: str, pid: int, pid_started: int) -> bool:
    """Whether that process is known to have ended; of another host nobody here can tell, so False."""
    if host not in (socket.gethostname(), _place()):
        return False
    started = _started(pid)
    if started is None:
        return True
    return started > 0 and abs(started - pid_started) > _TOLERANCE


@cache
def _place() -> str:
    """This host, told apart by what is sure to see the same processes: the kernel's start, and their namespace."""
    seen = []
    for name in ("/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"):
        path = Path(name)
        with suppress(OSError):
            seen.append(str(path.readlink()) if path.is_symlink() else path.read_text())
    mark = hashlib.blake2b("".join(seen).encode(), digest_size=4).hexdigest()
    return f"{socket.gethostname()}~{mark}"


def _started(pid: int) -> int | None:
    """When a process started (microseconds); None if it has ended, 0 if that is hidden from us."""
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        return int(process.create_time() * SECOND)
    except psutil.NoSuchProcess:
        return None
    except psutil.AccessDenied:
        return 0
