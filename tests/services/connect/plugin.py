"""Builds the plug-in with Maven, its own tests included, once per state of its sources, into ``.cache/connect/``."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

from tests.services.fetching import alone, program, whole
from tests.services.kafka.install import java

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
    with alone(CACHE):
        if not folder.is_dir():
            with whole(folder) as unfinished:
                _build(unfinished)
    return folder / "plugins"


def _build(folder: Path) -> None:
    target = folder / "target"
    done = subprocess.run(
        [
            program("mvn", "building the Connect sinks", "maven"),
            "-q",
            "-B",
            "-ntp",
            "-f",
            str(PROJECT / "pom.xml"),
            f"-Dtarget={target}",
            "package",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the plug-in does not build:\n{done.stdout[-6000:]}")
    (jar,) = target.glob("streamgauge-connect-*.jar")
    place = folder / "plugins" / "streamgauge"
    place.mkdir(parents=True)
    shutil.copy(jar, place)


def _state() -> str:
    """Of all that the build reads."""
    digest = hashlib.sha256()
    for path in sorted(
        [PROJECT / "pom.xml", *(PROJECT / "src").rglob("*.*"), *GOLDEN.glob("*.json")], key=str
    ):
        if path.is_file():
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()[:12]
