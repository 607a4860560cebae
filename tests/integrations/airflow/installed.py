"""An Airflow with its own folder, set up and called by the very commands of its page."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.docs.pages import ROOT, blocks
from tests.services.environments import environment
from tests.services.process import ServerProcess

PAGE = ROOT / "docs" / "integrations" / "airflow.md"
DAGS = ROOT / "integrations" / "airflow" / "dags"
PACKAGE = "apache-airflow==3.3.2"
PROGRAM = Path(sys.executable).parent / "streamgauge"
PATIENCE = 900.0
"""Seconds for one call: Airflow takes a quarter of a minute of processor time for each."""


def commands(*words: str) -> list[str]:
    """The lines of the page's bash blocks that begin with these words."""
    lines = [line for block in blocks(PAGE) if block.language == "bash" for line in block.text.splitlines()]
    return [line for line in lines if line.startswith(" ".join(words))]


def command(*words: str) -> str:
    """The one such line."""
    (found,) = commands(*words)
    return found


class Airflow:
    """One Airflow: its database, its log, and the jobs' folder that its tasks work in.

    Args:
        home: its folder, made where it is missing.
        jobs: ``STREAMGAUGE_FOLDER``.
        environ: variables beside those that there are.
    """

    def __init__(self, home: Path, jobs: Path, environ: Mapping[str, str] | None = None) -> None:
        self.home, self.jobs = home, jobs
        home.mkdir(parents=True, exist_ok=True)
        python = environment("airflow", PACKAGE)
        self.python = python
        self.environ = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("AIRFLOW", "PYTHON"))
            },
            "PATH": f"{python.parent}:{os.environ['PATH']}",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "2",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "PYTHONPYCACHEPREFIX": str(ROOT / ".cache" / "bytecode"),
            "STREAMGAUGE_COMMAND": str(PROGRAM),
            "STREAMGAUGE_FOLDER": str(jobs),
            "STREAMGAUGE_RETRY_SECONDS": "1",
            "STREAMGAUGE_JIT": "off",
            **(environ or {}),
        }

    def set_up(self) -> None:
        """Every command of the page that sets it up."""
        for words in (("db", "migrate"), ("pools", "import"), ("connections", "add")):
            self.bash(command("airflow", *words))

    def bash(self, line: str) -> str:
        """Run a line as somebody in the repository's folder does; what it printed."""
        done = subprocess.run(
            ["bash", "-c", line], env=self.environ, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
        )  # fmt: skip
        said = done.stdout + done.stderr
        assert done.returncode == 0, f"{line}\n{said[-6000:]}"
        return said

    def begin(self, line: str) -> subprocess.Popen[bytes]:
        """Start such a line, as a group of its own; its log lies in the home."""
        with (self.home / "begun.log").open("ab") as out:
            return subprocess.Popen(
                ["bash", "-c", f"exec {line}"], env=self.environ, cwd=ROOT, stdout=out, stderr=out, start_new_session=True
            )  # fmt: skip

    def standalone(self, port: int) -> ServerProcess:
        """All of Airflow: scheduler, dag processor, triggerer and API server."""
        own = {"AIRFLOW__API__PORT": str(port), "AIRFLOW__API__WORKERS": "1"}
        own["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"http://127.0.0.1:{port}/execution/"
        words = [f"{name}={value}" for name, value in {**self.environ, **own}.items()]
        return ServerProcess(["env", "-i", *words, "airflow", "standalone"], self.home / "standalone.log")

    def rows(self, query: str, *values: Any) -> list[Any]:
        """What its database says."""
        with closing(sqlite3.connect(self.home / "airflow.db", timeout=60)) as database:
            return database.execute(query, values).fetchall()

    def tasks(self, dag: str) -> dict[str, tuple[str, int]]:
        """State and number of tries of each task's last run; of a mapped one with its number."""
        found = self.rows(
            "SELECT task_id, map_index, state, try_number FROM task_instance WHERE dag_id = ? AND run_id = "
            "(SELECT run_id FROM dag_run WHERE dag_id = ? ORDER BY id DESC LIMIT 1)",
            dag, dag,
        )  # fmt: skip
        return {
            name if place < 0 else f"{name}[{place}]": (state, tries) for name, place, state, tries in found
        }

    def results(self, dag: str, task: str) -> list[Any]:
        """What a task returned in each of its runs, in the order of their dates."""
        found = self.rows(
            "SELECT x.value FROM xcom AS x JOIN dag_run AS r ON r.id = x.dag_run_id "
            "WHERE x.dag_id = ? AND x.task_id = ? AND x.key = 'return_value' ORDER BY r.logical_date, x.map_index",
            dag, task,
        )  # fmt: skip
        return [json.loads(value) for (value,) in found]

    def complaints(self) -> str:
        """What tasks logged as errors, for a test's message."""
        lines = [
            line for log in sorted(self.home.rglob("attempt=*.log")) for line in log.read_text().splitlines()
        ]
        return "\n".join(
            line[:1500] for line in lines if '"level":"error"' in line or '"level":"critical"' in line
        )

    def events(self, asset: str) -> list[Any]:
        """What was told of an asset, in order."""
        found = self.rows(
            "SELECT e.extra FROM asset_event AS e JOIN asset AS a ON a.id = e.asset_id WHERE a.uri = ? ORDER BY e.id",
            asset,
        )
        return [json.loads(extra) for (extra,) in found]


def another(airflow: Airflow, home: Path, jobs: Path, environ: Mapping[str, str] | None = None) -> Airflow:
    """One more, set up as that one is."""
    made = Airflow(home, jobs, environ)
    shutil.copy(airflow.home / "airflow.db", home / "airflow.db")
    return made


def once(folder: Path, verb: str, action: str, *, having: str = "") -> dict[str, str]:
    """A program in place of `streamgauge` that acts otherwise the first time that it is asked for a verb, with this word."""
    program = folder / f"once-{verb}"
    program.write_text(
        "#!/bin/bash\n"
        f'if [[ "$1" = {verb} && "$*" = *"{having}"* ]] && mkdir {folder}/met-{verb} 2>/dev/null; then\n  {action}\nfi\n'
        f'exec {PROGRAM} "$@"\n'
    )
    program.chmod(0o755)
    return {"STREAMGAUGE_COMMAND": str(program)}
