"""Processes of the verbs in Spark's environment."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

from streamgauge.testing import eventually
from tests.services.process import ServerProcess, answers, free_ports
from tests.services.spark.environment import connector, python

_JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""Starts fast; not for benchmarks."""


def verb(*words: str | Path, log: Path) -> ServerProcess:
    """A verb that runs until it is stopped; what it says goes to ``log``."""
    return ServerProcess(
        ["env", "STREAMGAUGE_JIT=off", str(python()), "-m", "streamgauge", *map(str, words)], log
    )


def on_spark(file: Path, *more: str | Path, log: Path, master: str = "local[2]") -> ServerProcess:
    """``run --engine spark`` with little memory."""
    settings = {
        "spark.jars": connector(),
        "spark.driver.memory": "1g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.extraJavaOptions": _JAVA,
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.executor.memory": "512m",
        "spark.executor.extraJavaOptions": _JAVA,
    }
    pairs = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    return verb("run", file, "--engine", "spark", "--master", master, *more, *pairs, log=log)


def cluster(running: ExitStack, folder: Path) -> tuple[str, list[ServerProcess]]:
    """A standalone master and two workers of one core each, from the wheel; the master's address, and the workers."""
    home = next(python().parents[1].glob("lib/python*/site-packages/pyspark"))
    port, page = free_ports(2)
    master = f"spark://127.0.0.1:{port}"
    classes = "org.apache.spark.deploy"
    words = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]
    servers = [_server(home, f"{classes}.master.Master", words, folder / "master.log")]
    running.callback(servers[0].kill)
    for number in range(2):
        words = ["--host", "127.0.0.1", "--cores", "1", "--memory", "768m", "--webui-port", "0", master]
        servers.append(_server(home, f"{classes}.worker.Worker", words, folder / f"worker-{number}.log"))
        running.callback(servers[-1].kill)
    eventually(lambda: answers(port), "the master", within=timedelta(seconds=60))
    return master, servers[1:]


def _server(home: Path, name: str, words: list[str], log: Path) -> ServerProcess:
    environ = [
        f"SPARK_HOME={home}",
        f"PYSPARK_PYTHON={python()}",
        "SPARK_LOCAL_IP=127.0.0.1",
        "STREAMGAUGE_JIT=off",
    ]
    return ServerProcess(["env", *environ, str(home / "bin" / "spark-class"), name, *words], log)
