"""Starts images with crun, a runtime that container engines use, under what ``docker-compose.yml`` says of the service.

A root file system that may not be written, the image's number for a user, no capabilities, no new privileges, the
``tmpfs`` that are listed, and namespaces of its own for processes, mounts, IPC and the host's name. The network is
this machine's, so that a container reaches the tests' broker; there are no cgroups.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from tests.deploy import compose
from tests.deploy.images.building import Image, mounted
from tests.services.process import ServerProcess

_KINDS = ("bounding", "effective", "permitted", "inheritable", "ambient")
_MASKED = ("/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/scsi", "/sys/firmware")
_FIXED = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
# crun refuses machines with both kinds of cgroups; in namespaces of its own one of them can be put away. What runs
# there ends with the process that began it.
_ALONE = ("unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_PUT_AWAY = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec crun --cgroup-manager=disabled "$@"'


class Container:
    """A service of the compose file, in its image.

    Args:
        image: what was built.
        service: whose settings count.
        environment: beside the image's and the service's own.
        mounts: files or folders of this machine by where they are seen, read-only; ``writable`` ones are not.
        command: in place of the service's; ``entrypoint`` in place of the image's.

    Attributes:
        log: the file that holds what it printed.
    """

    def __init__(
        self,
        image: Image,
        service: str,
        command: Sequence[str] | None = None,
        *,
        entrypoint: Sequence[str] | None = None,
        environment: Mapping[str, str] | None = None,
        mounts: Mapping[str, Path] | None = None,
        writable: Mapping[str, Path] | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="streamgauge-container-"))
        self.log = self.folder / "log"
        self._image, self._service = image, compose.services()[service]
        first = self._service.get("entrypoint", image.settings.get("Entrypoint") or [])
        rest = self._service.get("command", image.settings.get("Cmd") or [])
        self._arguments = [
            *(first if entrypoint is None else entrypoint),
            *(rest if command is None else command),
        ]
        self._environment = {**self._service.get("environment", {}), **(environment or {})}
        self._bound = {**dict.fromkeys(mounts or {}, "ro"), **dict.fromkeys(writable or {}, "rw")}
        self._places = {**(mounts or {}), **(writable or {})}
        self._stack = ExitStack()
        self._process: ServerProcess | None = None

    def start(self) -> Self:
        """Begin; returns at once."""
        root = self._stack.enter_context(mounted(self._image))
        (self.folder / "config.json").write_text(json.dumps(self._specification(root)))
        command = [*_ALONE, "sh", "-c", _PUT_AWAY, "sh", "--root", str(self.folder / "state")]
        run = ["run", "--bundle", str(self.folder), "it"]
        self._process = ServerProcess([*command, *run], self.log)
        return self

    def run(self, within: float = 120) -> tuple[int, str]:
        """Begin, and wait for the end: what it returned, and what it printed."""
        with self.start():
            return self._ended(within), self.said

    @property
    def said(self) -> str:
        """What it printed until now."""
        return self.log.read_text("utf-8", errors="replace")

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.running

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run something in it, as health checks are; it fails while the container is not there yet."""
        assert self.running, self.said[-4000:]
        user = str(self._image.settings["User"])
        return self._crun("exec", "--user", user, "it", *command)

    def healthy(self, instead: Mapping[int, int]) -> bool:
        """Whether the service's health check is content; ``instead`` are ports that are others here."""
        first, *test = self._service["healthcheck"]["test"]
        assert first == "CMD"
        for old, new in instead.items():
            assert any(f":{old}/" in word for word in test)
            test = [word.replace(f":{old}/", f":{new}/") for word in test]
        return self.execute(*test).returncode == 0

    def stop(self) -> int:
        """SIGTERM, as engines send it, and what it then returned."""
        self._crun("kill", "it", "TERM")
        grace = str(self._service.get("stop_grace_period", "10s"))
        return self._ended(float(grace.removesuffix("s")))

    def close(self) -> None:
        """End it and remove its files."""
        if self._process:
            self._process.kill()
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self if self._process else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _ended(self, within: float) -> int:
        assert self._process is not None
        return self._process.ended(within)

    def _crun(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        assert self._process is not None
        within = psutil.Process(self._process.pid).children()
        if not within:
            return subprocess.CompletedProcess(arguments, 1, "", "not there yet")
        entered = [
            "nsenter",
            "--target",
            str(within[0].pid),
            "--mount",
            "--pid",
            "crun",
            "--cgroup-manager=disabled",
        ]
        return subprocess.run(
            [*entered, "--root", str(self.folder / "state"), *arguments], capture_output=True, text=True, timeout=60, check=False
        )  # fmt: skip

    def _specification(self, root: Path) -> dict[str, Any]:
        assert self._service["read_only"]
        assert self._service["cap_drop"] == ["ALL"]
        user, group = str(self._image.settings["User"]).split(":")
        listed: Any = self._image.settings["Env"]
        named = [f"{name}={value}" for name, value in self._environment.items()]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": int(user), "gid": int(group)},
                "args": self._arguments,
                "env": [*listed, *named],
                "cwd": self._image.settings.get("WorkingDir") or "/",
                "capabilities": {kind: [] for kind in _KINDS},
                "noNewPrivileges": True,
            },
            "root": {"path": str(root), "readonly": True},
            "hostname": "container",
            "mounts": [*_SYSTEM, *self._temporary(), *self._lent()],
            "linux": {
                "namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")],
                "maskedPaths": list(_MASKED),
                "readonlyPaths": list(_FIXED),
            },
        }

    def _temporary(self) -> list[dict[str, Any]]:
        listed = [entry.partition(":") for entry in self._service.get("tmpfs", ())]
        return [
            _mount(path, "tmpfs", "nosuid", "nodev", *(options.split(",") if options else ()))
            for path, _, options in listed
        ]

    def _lent(self) -> list[dict[str, Any]]:
        return [
            {**_mount(path, "bind", "bind", how), "source": str(self._places[path])}
            for path, how in self._bound.items()
        ]


def _mount(path: str, kind: str, *options: str) -> dict[str, Any]:
    return {"destination": path, "type": kind, "source": kind, "options": list(options)}


_SYSTEM = [
    _mount("/proc", "proc", "nosuid", "noexec", "nodev"),
    _mount("/dev", "tmpfs", "nosuid", "mode=755", "size=65536k"),
    _mount("/dev/pts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
    _mount("/dev/shm", "tmpfs", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
    _mount("/sys", "sysfs", "nosuid", "noexec", "nodev", "ro"),
    {**_mount("/etc/hosts", "bind", "bind", "ro"), "source": "/etc/hosts"},
    {**_mount("/etc/resolv.conf", "bind", "bind", "ro"), "source": "/etc/resolv.conf"},
]
