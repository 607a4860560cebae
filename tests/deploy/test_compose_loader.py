"""Compose's own loader takes the file, and reads in it what our small one reads. Go builds it once, in a few seconds."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.deploy import compose
from tests.deploy.compose import ROOT
from tests.services.fetching import alone
from tests.services.kubernetes.fetching import go
from tests.services.missing import CannotBeHadError, skip_or_fail

pytestmark = pytest.mark.services

SOURCE = Path(__file__).parent / "loader"
CACHE = ROOT / ".cache" / "compose"
EVERY = " ".join(compose.profiles())


@pytest.fixture(scope="module")
def loader() -> Path:
    with alone(CACHE):
        try:
            go("build", "-o", str(CACHE / "loader"), ".", folder=SOURCE, seconds=280, GOFLAGS="-mod=readonly")
        except CannotBeHadError as error:
            skip_or_fail(str(error))
    return CACHE / "loader"


def asked(loader: Path, profiles: str, *more: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """What it makes of the file and ``more``, with these variables and no others."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [str(loader), profiles, str(compose.FILE), *map(str, more)],
        env=known | environment, cwd=ROOT, text=True, capture_output=True, check=False,
    )  # fmt: skip


def services(loader: Path, profiles: str, **environment: str) -> dict[str, dict[str, Any]]:
    done = asked(loader, profiles, **environment)
    assert done.returncode == 0, done.stderr
    read: dict[str, dict[str, Any]] = json.loads(done.stdout)["services"]
    return read


@pytest.mark.parametrize("profiles", ["", "core", *compose.profiles(), EVERY])
def test_each_profile_is_clean_and_starts_what_the_docs_say(loader: Path, profiles):
    assert set(services(loader, profiles)) == compose.started_by(set(profiles.split()))


@pytest.mark.parametrize(
    "given",
    [
        {},
        compose.settings(),
        {"BIND_ADDRESS": "0.0.0.0", "POSTGRES_PASSWORD": "other", "GRAFANA_PORT": "3001"},
    ],
    ids=["nothing set", "as in .env.example", "otherwise"],
)
def test_it_reads_what_we_read(loader: Path, given):
    theirs, ours = services(loader, EVERY, **given), compose.services(given)
    for name, one in ours.items():
        for key in ("image", "profiles", "restart", "read_only", "cap_drop", "tmpfs", "expose", "group_add"):
            assert theirs[name].get(key) == one.get(key), (name, key)
        waits = {other: how["condition"] for other, how in theirs[name].get("depends_on", {}).items()}
        assert waits == {other: how["condition"] for other, how in one.get("depends_on", {}).items()}
        environment = {key: str(value) for key, value in one.get("environment", {}).items()}
        assert theirs[name].get("environment", {}) == environment
        ports = [
            (port["host_ip"], int(port["published"]), port["target"])
            for port in theirs[name].get("ports", ())
        ]
        assert ports == [
            (port.address, port.outside, port.inside)
            for port in compose.published(given)
            if port.service == name
        ]


def test_whatever_is_mounted_or_built_of_lies_where_it_looks(loader: Path):
    every = services(loader, EVERY)
    mounted = [
        volume["source"]
        for one in every.values()
        for volume in one.get("volumes", ())
        if volume["type"] == "bind"
    ]
    assert len(mounted) > 10
    assert [path for path in mounted if not Path(path).exists()] == []
    for one in every.values():
        if "build" in one:
            assert Path(one["build"]["context"]) == ROOT


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("services: {redis: {prots: []}}", "prots"),
        ("services: {redis: {depends_on: [nobody]}}", "nobody"),
        ("services: {redis: {volumes: ['nothing:/x']}}", "nothing"),
        ("services: {redis: {image: 'redis:${REDIS_VERSION:?say which}'}}", "say which"),
    ],
)
def test_a_mistake_would_be_found(loader: Path, tmp_path, wrong, said):
    (tmp_path / "wrong.yml").write_text(wrong)
    done = asked(loader, EVERY, tmp_path / "wrong.yml")
    assert done.returncode != 0
    assert said in done.stderr
