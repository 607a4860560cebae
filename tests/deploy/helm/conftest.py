"""Helm for all tests of the charts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.helm.charts import Helm


@pytest.fixture(scope="session")
def helm() -> Iterator[Helm]:
    with Helm() as started:
        yield started
