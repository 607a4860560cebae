"""How tests bring what does not lie in this repository: one process at a time, whole or not at all, or told as missing."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.services.missing import CannotBeHadError

ROOT = Path(__file__).parents[2]
_TOLD = 2_000
"""Characters of a failed command's words that an error ends with."""


@contextmanager
def alone(folder: Path, name: str = "lock") -> Iterator[None]:
    """Several test processes may ask for what lies in ``folder`` at once: one of them brings it, the others wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which takes the name ``folder`` at the end: what was cut off is not taken for whole."""
    unfinished = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    yield unfinished
    unfinished.rename(folder)


def program(name: str, what: str, package: str) -> str:
    """Where a program lies.

    Raises:
        CannotBeHadError: nowhere; it says that ``what`` needs it, and by which package of Debian it comes.
    """
    found = shutil.which(name)
    if found is None:
        raise CannotBeHadError(f"{what} needs {name}; install it, such as `apt-get install {package}`")
    return found


def run(command: Sequence[str | Path], *, cwd: Path = ROOT, environ: Mapping[str, str] | None = None) -> None:
    """Run a command to its end, with ``environ`` beside the environment.

    Raises:
        CannotBeHadError: there is no such program, or it failed.
    """
    words = [str(word) for word in command]
    settings = {**os.environ, **(environ or {})}
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=cwd, env=settings)
    except FileNotFoundError as error:
        raise CannotBeHadError(f"{words[0]} cannot be started: {error}") from None
    if done.returncode != 0:
        raise CannotBeHadError(f"{' '.join(words)} failed:\n{(done.stdout + done.stderr)[-_TOLD:]}")


def maven(what: str, *words: str | Path, cwd: Path = ROOT) -> None:
    """Bring something from Maven Central.

    Raises:
        CannotBeHadError: no Maven, or no way to Maven Central.
    """
    run([program("mvn", what, "maven"), "-q", "-B", "-ntp", *words], cwd=cwd)


def debian(package: str, folder: Path) -> None:
    """Unpack a package of Debian into ``folder``, for programs that need no installing.

    Raises:
        CannotBeHadError: this is no Debian, or the package cannot be fetched.
    """
    if not all(map(shutil.which, ("apt-get", "dpkg-deb"))):
        raise CannotBeHadError(f"{package} is not here: install it, such as `apt-get install {package}`")
    folder.mkdir(parents=True, exist_ok=True)
    for before in folder.glob("*.deb"):
        before.unlink()
    run(["apt-get", "download", package], cwd=folder)
    (packed,) = folder.glob("*.deb")
    run(["dpkg-deb", "-x", packed, folder])
    packed.unlink()
