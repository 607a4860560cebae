"""Airflow once per session, set up by its page; each test takes a copy of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integrations.airflow.installed import Airflow, another
from tests.services.missing import CannotBeHadError, skip_or_fail


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    """One that is set up and never run."""
    folder = tmp_path_factory.mktemp("airflow")
    try:
        made = Airflow(folder / "home", folder, {"STREAMGAUGE_TOKEN": "not-used"})
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))
    made.set_up()
    return made


@pytest.fixture
def airflow(pattern: Airflow, tmp_path: Path) -> Callable[..., Airflow]:
    """Makes one: ``airflow(jobs, environ)``."""
    made: list[Airflow] = []

    def make(jobs: Path, environ: Any = None) -> Airflow:
        made.append(another(pattern, tmp_path / f"airflow-{len(made)}", jobs, environ))
        return made[-1]

    return make
