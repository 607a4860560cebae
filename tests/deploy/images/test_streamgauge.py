"""The image ``streamgauge``, built, and started as the compose file says: what is in it, what it may, what it does."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from streamgauge.testing import eventually
from tests.deploy.compose import ROOT
from tests.deploy.images.building import Image
from tests.deploy.images.stack import Stack
from tests.services.kafka import Broker
from tests.services.postgresql import PostgresServer

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(3600)]
PATIENCE = timedelta(minutes=5)
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
INSTALLED = """
import importlib.metadata, json, re
print(json.dumps({re.sub("[-_.]+", "-", one.name.lower()): one.version for one in importlib.metadata.distributions()}))
"""
WRITES = """
for place in / /opt/streamgauge /opt/streamgauge/bin /etc /var/lib/streamgauge /usr/local/bin
do if touch "$place/x" 2>/dev/null; then echo "$place can be written"; fi; done
touch /tmp/x /var/cache/streamgauge/x && id -u && grep -E '^(Cap...|NoNewPrivs):' /proc/self/status
"""


@pytest.fixture
def stack(tmp_path: Path, kafka: Broker, postgres: PostgresServer) -> Stack:
    return Stack(tmp_path, kafka, postgres.new_database().url())


def test_it_tells_its_version(app: Image, stack: Stack):
    assert stack.container(app, "streamgauge", "--version").run() == (0, f"streamgauge {VERSION}\n")


def test_it_is_nobody_who_may_nothing_and_writes_nowhere_else(app: Image, stack: Stack):
    code, said = stack.container(app, "streamgauge", "-c", WRITES, entrypoint="sh").run()
    number, *rights = said.splitlines()
    assert (code, number) == (0, "10001")
    assert dict(line.split(":\t") for line in rights) == {
        **dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), "0" * 16),
        "NoNewPrivs": "1",
    }


def test_what_runs_belongs_to_root(app: Image, stack: Stack):
    """So it could not be changed where somebody starts the image with a root file system that may be written."""
    asked = "find /opt /usr /etc '(' -user 10001 -o -group 10001 -o -perm -0002 ')' -not -type l 2>/dev/null; true"
    assert stack.container(app, "streamgauge", "-c", asked, entrypoint="sh").run() == (0, "")


def test_its_list_of_contents_is_what_is_installed(app: Image, stack: Stack):
    _, said = stack.container(app, "streamgauge", "-c", INSTALLED, entrypoint="python").run()
    installed: dict[str, str] = json.loads(said)
    code, text = stack.container(app, "streamgauge", "/opt/streamgauge/sbom.cdx.json", entrypoint="cat").run()
    assert code == 0
    listed = json.loads(text)
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.5")
    assert listed["metadata"]["component"]["name"] == "streamgauge"
    parts = listed["components"]
    versions = {(one["name"], one["version"]) for one in parts}
    assert installed.pop("streamgauge") == VERSION == listed["metadata"]["component"]["version"]
    assert len(installed) > 50
    assert set(installed.items()) <= versions
    assert [one["name"] for one in parts if one["name"] not in installed and not elsewhere(one)] == []
    assert all(one["purl"] == f"pkg:pypi/{one['name']}@{one['version']}" for one in parts)


def elsewhere(part: Mapping[str, Any]) -> bool:
    """Whether a part is for other systems alone."""
    return any(one["name"] == "uv:package:marker" for one in part.get("properties", ()))


def test_what_built_it_stayed_behind(app: Image, stack: Stack):
    asked = "command -v uv gcc mvn git; ls -d /build /root/.cache 2>/dev/null; true"
    assert stack.container(app, "streamgauge", "-c", asked, entrypoint="sh").run() == (0, "")


def test_check_finds_the_file_of_compose_good(app: Image, stack: Stack):
    code, said = stack.container(app, "streamgauge", "check", "/etc/streamgauge/streamgauge.yaml").run()
    assert code == 0, said
    assert "burst" in said


def test_it_watches_a_real_kafka_tells_an_incident_and_ends_when_asked(
    app: Image, stack: Stack, kafka: Broker
):
    code, said = stack.container(app, "token").run()
    assert code == 0, said
    whole, reading = ((place / "token").read_text("utf-8").strip() for place in (stack.tokens, stack.scrape))
    with stack.container(app, "streamgauge").start() as running:
        eventually(lambda: running.healthy({8000: stack.port}), "healthy", within=PATIENCE)
        kafka.produce(stack.payments, payments(150))
        (message,) = kafka.read(stack.alerts, 1)
        told = json.loads(message.value())
        assert (told["monitor"], told["key"], told["status"]) == ("burst", "a-7", "firing")
        assert may(stack, "") == (401, 401)
        assert may(stack, reading) == (200, 403)
        assert may(stack, whole) == (200, 200)
        assert running.stop() == 0, running.said


def test_tokens_that_are_there_stay(app: Image, stack: Stack):
    assert stack.container(app, "token").run()[0] == 0
    first = [(place / "token").read_bytes() for place in (stack.tokens, stack.scrape)]
    code, said = stack.container(app, "token").run()
    assert (code, said.count("was taken before")) == (0, 2)
    assert [(place / "token").read_bytes() for place in (stack.tokens, stack.scrape)] == first


def payments(count: int) -> list[bytes]:
    """Of one account, now, within a hundredth of a second, in the middle of a window of five."""
    now = datetime.now(UTC)
    begin = now - timedelta(seconds=now.second % 5, microseconds=now.microsecond)
    at = begin.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    one = {"account": "a-7", "amount": 10.5, "country": "DE", "status": "accepted", "at": at}
    return [json.dumps({"id": f"t-{number}", **one}).encode() for number in range(count)]


def may(stack: Stack, token: str) -> tuple[int, int]:
    """What the server answers to whoever shows this token and wants numbers, or to pause a monitor."""
    shown = {"authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.port}", headers=shown, timeout=60) as client:
        asked = client.get("/metrics"), client.post("/api/v1/monitors/refusals/pause")
    return asked[0].status_code, asked[1].status_code
