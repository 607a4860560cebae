"""The blocks of docs/integrations/prefect.md that are marked ``run``, in their order, as one session."""

import shlex
import subprocess

import pytest

from tests.docs.pages import ROOT, blocks
from tests.integrations.prefect.program import COMMAND, Home, Server, prefect_python

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(1200)]


def test_the_page_runs(own_kafka, tmp_path):
    broker, home = own_kafka(), Home(tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    python = shlex.quote(str(prefect_python()))
    for name, words in (
        ("python", python),
        ("prefect", f"{python} -m prefect"),
        ("streamgauge", shlex.quote(str(COMMAND))),
    ):
        (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (programs / name).chmod(0o755)
    (tmp_path / "integrations").symlink_to(ROOT / "integrations")
    said = [one for one in blocks(ROOT / "docs/integrations/prefect.md") if one.language == "bash"]
    first, second = (one.text for one in said if "run" in one.words)
    environ = {**home.environ, "PATH": f"{programs}:{home.environ['PATH']}"}
    (tmp_path / "server").mkdir()
    with Server(Home(tmp_path / "server")) as server:  # its own: the page makes a work pool
        script = f"set -e\n{first}\nexport PREFECT_API_URL={server.api}\n{second}"
        done = subprocess.run(
            ["bash", "-c", script.replace("localhost:9092", broker.bootstrap)],
            cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    lines = (tmp_path / "logs/psi_drift_log.csv").read_text().splitlines()
    assert [line.rpartition(",")[2] for line in lines] == ["drift_status", *["no_drift"] * 4]
    assert "Created flow run" in done.stdout
