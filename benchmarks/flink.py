"""Flink SQL 2.3.0: the same windows over the same topic, on a cluster of one JobManager and one TaskManager."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, Self

from tests.services.process import ServerProcess, free_ports

from benchmarks import elsewhere, outcome
from benchmarks.broker import BenchBroker
from benchmarks.records import Spec, expected

VERSION = "2.3.0"
CONNECTOR = "org.apache.flink:flink-sql-connector-kafka:5.0.0-2.2"
SLOTS = 2


class Flink:
    """A cluster that lives as long as its ``with`` block."""

    def __init__(self) -> None:
        self._python = elsewhere.environment("flink", f"apache-flink=={VERSION}", "setuptools")
        self._home = next(self._python.parents[1].glob("lib/python*/site-packages/pyflink"))
        self._folder = Path(tempfile.mkdtemp(prefix="streamgauge-flink-"))
        self._rest, self._rpc = free_ports(2)
        self._servers: list[ServerProcess] = []
        self._env = {
            **os.environ,
            "FLINK_HOME": str(self._home),
            "FLINK_CONF_DIR": str(self._folder / "conf"),
            "FLINK_LOG_DIR": str(self._folder / "log"),
            "FLINK_PID_DIR": str(self._folder),
            "FLINK_LIB_DIR": str(self._folder / "lib"),
        }

    def __enter__(self) -> Self:
        self._lay_out()
        for program in ("jobmanager.sh", "taskmanager.sh"):
            settings = [f"{name}={value}" for name, value in self._env.items() if name.startswith("FLINK")]
            command = ["env", *settings, str(self._home / "bin" / program), "start-foreground"]
            self._servers.append(ServerProcess(command, self._folder / f"{program}.log"))
        deadline = time.monotonic() + 120
        while self._slots() < SLOTS:
            if time.monotonic() > deadline:
                raise RuntimeError("Flink did not come up:\n" + self._servers[-1].last_words(40))
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(self, broker: BenchBroker, spec: Spec, *, limit: int) -> dict[str, Any]:
        """One job over the whole topic, from the first record that its source read to the last."""
        topic, out = broker.topic(spec), f"flink-{time.time_ns()}"
        broker.empty_topic(out, 1)
        wanted = {"rest": self._rest, "brokers": broker.bootstrap, "topic": topic, "out": out, "limit": limit}
        started = elsewhere.run_job(self._python, "flink_job.py", wanted, env=self._env)
        answer = self._watch(started["job"], spec.records)
        found = outcome.windows(broker.bootstrap, out, lambda row: int(row["at"]))
        return {
            **answer,
            "fired": len(found.accounts),
            "wrong": expected(spec).over(limit).differences(found),
        }

    def _watch(self, job: str, records: int) -> dict[str, Any]:
        samples: list[tuple[float, int]] = []
        name, vertex = "", ""
        while not samples or samples[-1][1] < records:
            state = self._ask(f"/jobs/{job}")
            if state["state"] in ("FAILED", "CANCELED", "FAILING"):
                raise RuntimeError(f"the Flink job failed: {self._ask(f'/jobs/{job}/exceptions')}"[:3000])
            if not name:
                vertex = next((v["id"] for v in state["vertices"] if v["name"].startswith("Source")), "")
                listed = self._ask(f"/jobs/{job}/vertices/{vertex}/subtasks/metrics") if vertex else []
                names = [m["id"] for m in listed]
                name = next(
                    (n for n in names if n.startswith("Source__") and n.endswith(".numRecordsOut")), ""
                )
            else:
                found = self._ask(f"/jobs/{job}/vertices/{vertex}/subtasks/metrics?get={name}&agg=sum")
                samples.append((time.perf_counter(), int(found[0]["sum"]) if found else 0))
            if state["state"] == "FINISHED":
                break
            time.sleep(0.02)
        while self._ask(f"/jobs/{job}")["state"] != "FINISHED":
            time.sleep(0.1)
        return _rate(samples, records)

    def _slots(self) -> int:
        try:
            return int(self._ask("/overview")["slots-total"])
        except OSError:
            return 0

    def _ask(self, path: str) -> Any:
        url = f"http://127.0.0.1:{self._rest}{path}".replace("[", "%5B").replace("]", "%5D")
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def _lay_out(self) -> None:
        for name in ("conf", "lib", "log"):
            (self._folder / name).mkdir()
        for file in [*(self._home / "lib").glob("*.jar"), elsewhere.jar(CONNECTOR)]:
            (self._folder / "lib" / file.name).symlink_to(file)
        for file in (self._home / "conf").iterdir():
            shutil.copy(file, self._folder / "conf")
        plain = (self._home / "conf" / "config.yaml").read_text().splitlines()
        opens = next(
            line.split("all:", 1)[1].strip() for line in plain if line.strip().startswith("all: --add")
        )
        settings = {
            "env.java.opts.all": opens,
            "jobmanager.rpc.address": "127.0.0.1",
            "jobmanager.rpc.port": self._rpc,
            "jobmanager.bind-host": "127.0.0.1",
            "jobmanager.memory.process.size": "1024m",
            "taskmanager.bind-host": "127.0.0.1",
            "taskmanager.host": "127.0.0.1",
            "taskmanager.numberOfTaskSlots": SLOTS,
            "taskmanager.memory.process.size": "2048m",
            "parallelism.default": SLOTS,
            "rest.address": "127.0.0.1",
            "rest.bind-address": "127.0.0.1",
            "rest.port": self._rest,
            "metrics.fetcher.update-interval": 50,
            "io.tmp.dirs": str(self._folder),
        }
        text = "\n".join(f"{key}: {value}" for key, value in settings.items())
        (self._folder / "conf" / "config.yaml").write_text(text + "\n")


def _rate(samples: list[tuple[float, int]], records: int) -> dict[str, Any]:
    """From the first sample that shows records to the first that shows all."""
    seen = [(at, count) for at, count in samples if count > 0]
    first = seen[0] if seen else (0.0, 0)
    last = next(((at, count) for at, count in seen if count >= records), seen[-1] if seen else first)
    if last[1] - first[1] < records // 2:
        raise RuntimeError(f"Flink's metrics showed {first} to {last} of {records} records only")
    seconds = last[0] - first[0]
    return {
        "records": last[1] - first[1],
        "seconds": round(seconds, 3),
        "records_per_second": round((last[1] - first[1]) / seconds),
    }
