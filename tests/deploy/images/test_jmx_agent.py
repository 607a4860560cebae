"""The image ``jmx-agent`` lays an agent into its volume that a real Java takes, and ends."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.deploy.compose import ROOT
from tests.deploy.images.building import Image
from tests.deploy.images.running import Container
from tests.services.kafka.install import java
from tests.services.process import free_ports

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(3600)]


def test_it_lays_the_agent_into_the_volume_and_ends(agent: Image, tmp_path: Path):
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    for _ in range(2):  # at each start of the stack
        assert Container(agent, "jmx-agent", writable={"/agent": volume}).run() == (0, "")
    jar = volume / "jmx_prometheus_javaagent.jar"
    assert jar.stat().st_uid == 10001
    (port,) = free_ports(1)
    rules = ROOT / "deploy/monitoring/exporters/jmx-kafka.yaml"
    command = [java(), f"-javaagent:{jar}=127.0.0.1:{port}:{rules}", "-version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
