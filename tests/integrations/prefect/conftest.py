"""One Prefect server for the tests that want one that runs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integrations.prefect.program import Home, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """It ends with the tests."""
    with Server(Home(tmp_path_factory.mktemp("server"))) as running:
        yield running
