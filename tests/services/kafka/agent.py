"""The JMX agent that tells Prometheus of a Java machine, from Maven Central, once per clone."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
from pathlib import Path

from tests.services.kafka.install import CACHE
from tests.services.missing import CannotBeHadError

VERSION = "1.0.1"
ARTIFACT = f"io.prometheus.jmx:jmx_prometheus_javaagent:{VERSION}"


def argument(port: int, rules: Path) -> str:
    """What makes a Java machine answer with its metrics on a port of this machine, by the rules of a file.

    Raises:
        CannotBeHadError: no Maven, or no way to Maven Central.
    """
    return f"-javaagent:{jar()}=127.0.0.1:{port}:{rules}"


def jar() -> Path:
    """Where the agent lies; several processes may ask at once, one of them fetches."""
    folder = CACHE.parent / "jmx-agent"
    file = folder / f"jmx_prometheus_javaagent-{VERSION}.jar"
    if file.exists():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            _fetch(folder)
    return file


def _fetch(folder: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise CannotBeHadError("the JMX agent comes with Maven; install it, such as `apt-get install maven`")
    goal = [maven, "-q", "-B", "-ntp", "dependency:copy", f"-Dartifact={ARTIFACT}"]
    done = subprocess.run(
        [*goal, f"-DoutputDirectory={folder}"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise CannotBeHadError(f"Maven could not fetch the JMX agent: {done.stdout[-500:]}")
