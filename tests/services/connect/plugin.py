"""Builds the plug-in with Maven, its own tests included, once per state of its sources, into ``.cache/connect/``."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.services.kafka.install import java
from tests.services.missing import CannotBeHadError

ROOT = Path(__file__).parents[3]
PROJECT = ROOT / "connect" / "slack-sink"
GOLDEN = ROOT / "tests" / "channels" / "golden" / "slack"
CACHE = ROOT / ".cache" / "connect"


def built() -> Path:
    """The folder to put into ``plugin.path``: it holds one folder with the jar.

    Raises:
        CannotBeHadError: no Java or no Maven.
        RuntimeError: it does not build, or its tests fail; the text ends with what Maven says.
    """
    java()
    folder = CACHE / _state()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _build(folder)
    return folder / "plugins"


def _build(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise CannotBeHadError(
            "the tests of the Connect sinks build them with Maven; install it, such as `apt-get install maven`"
        )
    unfinished = folder.with_suffix(".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    target = unfinished / "target"
    done = subprocess.run(
        [maven, "-q", "-B", "-ntp", "-f", str(PROJECT / "pom.xml"), f"-Dtarget={target}", "package"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the plug-in does not build:\n{done.stdout[-6000:]}")
    (jar,) = target.glob("streamgauge-connect-*.jar")
    place = unfinished / "plugins" / "streamgauge"
    place.mkdir(parents=True)
    shutil.copy(jar, place)
    unfinished.rename(folder)


def _state() -> str:
    """Of all that the build reads."""
    digest = hashlib.sha256()
    for path in sorted(
        [PROJECT / "pom.xml", *(PROJECT / "src").rglob("*.*"), *GOLDEN.glob("*.json")], key=str
    ):
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]
