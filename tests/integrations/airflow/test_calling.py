"""How a task calls a job: what comes back, what is tried again, how far it is, and that no job outlives its task."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.exactness.running import until
from tests.integrations.airflow.installed import DAGS, PACKAGE
from tests.services.environments import environment

pytestmark = [pytest.mark.services, pytest.mark.soak]

CALL = """
import json, logging, sys
sys.path.insert(0, sys.argv[1])
from airflow.sdk.exceptions import AirflowException, AirflowFailException
import streamgauge_jobs
streamgauge_jobs.log.addHandler(logging.StreamHandler(sys.stderr))
streamgauge_jobs.log.setLevel("INFO")
try:
    print(json.dumps(streamgauge_jobs.call(*sys.argv[2:], progress="progress.json")))
except AirflowException as error:
    print(json.dumps([type(error).__name__, str(error)]))
"""


@pytest.fixture(scope="module")
def python() -> Path:
    return environment("airflow", PACKAGE)


def begun(python: Path, folder: Path, program: str) -> subprocess.Popen[str]:
    """A process that calls this program in place of `streamgauge`, as a task does."""
    (folder / "job").write_text(f"#!/bin/bash\n{program}\n")
    (folder / "job").chmod(0o755)
    environ = {**os.environ, "STREAMGAUGE_COMMAND": str(folder / "job"), "STREAMGAUGE_FOLDER": str(folder)}
    environ |= {"AIRFLOW_HOME": str(folder / "home")}
    return subprocess.Popen(
        [python, "-c", CALL, str(DAGS), "verb"],
        env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("exit 1", "AirflowFailException"),  # a check failed
        ("exit 2", "AirflowFailException"),  # a mistake: another try ends the same
        ("exit 3", "AirflowException"),  # something is away
        ("exit 130", "AirflowException"),
        ("kill -9 $$", "AirflowException"),
    ],
)
def test_only_what_may_pass_is_tried_again(python: Path, tmp_path: Path, program: str, name: str):
    out, _ = begun(python, tmp_path, f"echo said >&2; {program}").communicate(timeout=300)
    found, why = json.loads(out.splitlines()[-1])
    assert found == name
    assert ("SIGKILL" if "kill" in program else program.removeprefix("exit ")) in why


def test_objects_come_back_and_everything_else_is_logged(python: Path, tmp_path: Path):
    progress = """echo '{"done": 1, "total": 9}' > progress.json; sleep 5"""
    program = f"""echo '{{"kind": "overall"}}'; echo '[1]'; echo words; echo a-warning >&2; {progress}"""
    out, err = begun(python, tmp_path, program).communicate(timeout=300)
    assert json.loads(out.splitlines()[-1]) == [{"kind": "overall"}]
    lines = err.splitlines()
    assert {"words", "a-warning", "[1]"} <= set(lines)
    assert lines.count('so far: {"done": 1, "total": 9}') == 1  # told when it changes


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_job_ends_with_its_task(python: Path, tmp_path: Path, number: signal.Signals):
    task = begun(python, tmp_path, "echo $$ > pid; exec sleep 600")
    written = tmp_path / "pid"
    until(lambda: written.exists() and written.read_text().strip(), "the job", within=300)
    job = psutil.Process(int(written.read_text()))
    task.send_signal(number)
    task.communicate(timeout=300)
    until(lambda: not job.is_running() or job.status() == psutil.STATUS_ZOMBIE, "its end", within=60)
