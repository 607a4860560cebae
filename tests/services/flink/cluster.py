"""One JobManager and one TaskManager, as processes of their own, with Flink's Prometheus reporter."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

import httpx

from streamgauge.testing import eventually
from tests.services.flink import install
from tests.services.flink.job import Job
from tests.services.process import Server, ServerProcess, free_ports

SLOTS = 2
_PATIENCE = timedelta(seconds=180)
_PROGRAMS = ("jobmanager", "taskmanager")
_SCRIPT = Path(__file__).with_name("statements.py")


class Flink(Server):
    """A cluster of two slots on free loopback ports, with everything it writes in a temporary folder.

    Attributes:
        url: of its REST interface.
        reporters: the ports of Flink's own metrics: the JobManager's, the TaskManager's.
    """

    def __init__(self, java: dict[str, str] | None = None) -> None:
        """Prepare; nothing runs yet. ``java``: further arguments of ``jobmanager`` and ``taskmanager``, such as an agent."""
        self.folder = Path(tempfile.mkdtemp(prefix="streamgauge-flink-"))
        self._java = java or {}
        self._rest, self._rpc, *reporters = free_ports(4)
        self.reporters = tuple(reporters)
        self.url = f"http://127.0.0.1:{self._rest}"
        self._servers: list[ServerProcess] = []
        self._web = httpx.Client(base_url=self.url, verify=False, timeout=30, trust_env=False)

    def start(self) -> Self:
        """Start both, and wait until the slots are there.

        Raises:
            CannotBeHadError: Flink or its connector is missing.
            AssertionError: it did not come up; the text ends with its log.
        """
        self._lay_out()
        self._servers = [self._process(number) for number in range(len(_PROGRAMS))]
        try:
            eventually(lambda: self._slots() == SLOTS, "Flink's slots", within=_PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.last_words()}") from None
        return self

    def close(self) -> None:
        """End both and remove what they wrote."""
        for server in self._servers:
            server.kill()
        self._web.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def submit(self, *, brokers: str, topic: str, out: str) -> Job:
        """Run the job of ``statements.py`` from one topic to another; it runs when this returns.

        Raises:
            AssertionError: Flink refused it, or it does not come to run.
        """
        job = Job(self._web, self.folder / "job")
        job.folder.mkdir()
        wanted = {"rest": self._rest, "brokers": brokers, "topic": topic, "out": out,
                  "folder": str(job.folder)}  # fmt: skip
        command = [str(install.python()), str(_SCRIPT), json.dumps(wanted)]
        environment = {**os.environ, **self._environment()}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
        job.id = json.loads(done.stdout.splitlines()[-1])["job"]
        try:
            eventually(job.runs, "the job", within=_PATIENCE)
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.last_words()}") from None
        return job

    def restart_taskmanager(self) -> None:
        """kill -9, and a new one in its place."""
        self._servers[1].kill()
        self._servers[1] = self._process(1)

    def last_words(self) -> str:
        """The end of the logs."""
        return "\n".join(server.last_words(30) for server in self._servers)

    # inside

    def _process(self, number: int) -> ServerProcess:
        program, port = _PROGRAMS[number], self.reporters[number]
        command = [str(install.home() / "bin" / f"{program}.sh"), "start-foreground"]
        command += ["-D", f"metrics.reporter.prometheus.port={port}"]
        settings = [f"{name}={value}" for name, value in self._environment().items()]
        return ServerProcess(["env", *settings, *command], self.folder / f"{program}.log")

    def _slots(self) -> int:
        try:
            answer: dict[str, Any] = self._web.get("/overview").json()
        except (httpx.HTTPError, ValueError):
            time.sleep(0.2)
            return 0
        return int(answer.get("slots-total", 0))

    def _environment(self) -> dict[str, str]:
        return {
            "FLINK_HOME": str(install.home()),
            "FLINK_CONF_DIR": str(self.folder / "conf"),
            "FLINK_LOG_DIR": str(self.folder / "log"),
            "FLINK_PID_DIR": str(self.folder),
            "FLINK_LIB_DIR": str(self.folder / "lib"),
        }

    def _lay_out(self) -> None:
        home = install.home()
        shutil.copytree(home / "conf", self.folder / "conf")
        for name in ("lib", "log"):
            (self.folder / name).mkdir()
        for jar in [*(home / "lib").glob("*.jar"), install.connector(), install.function()]:
            (self.folder / "lib" / jar.name).symlink_to(jar)
        plain = (home / "conf" / "config.yaml").read_text("utf-8").splitlines()
        opens = next(
            line.split("all:", 1)[1].strip() for line in plain if line.strip().startswith("all: --add")
        )
        quick = "-XX:+UseSerialGC -XX:TieredStopAtLevel=1"
        settings = {
            "env.java.opts.all": f"{opens} {quick}",
            **{f"env.java.opts.{program}": argument for program, argument in self._java.items()},
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": self._rpc,
            "jobmanager.bind-host": "127.0.0.1",
            "jobmanager.memory.process.size": "1024m",
            "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": SLOTS,
            "taskmanager.memory.process.size": "1536m",
            "parallelism.default": SLOTS,
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self._rest,
            "metrics.fetcher.update-interval": 500,
            "metrics.reporter.prometheus.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
            "io.tmp.dirs": str(self.folder),
        }
        text = "".join(f"{name}: {value}\n" for name, value in settings.items())
        (self.folder / "conf" / "config.yaml").write_text(text, "utf-8")
