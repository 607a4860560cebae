"""The JMX agent that tells Prometheus of a Java machine, from Maven Central, once per clone."""

from __future__ import annotations

from pathlib import Path

from tests.services.fetching import alone, maven
from tests.services.kafka.install import CACHE

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
    with alone(folder):
        if not file.exists():
            goal = ("dependency:copy", f"-Dartifact={ARTIFACT}", f"-DoutputDirectory={folder}")
            maven("the JMX agent", *goal, cwd=folder)
    return file
