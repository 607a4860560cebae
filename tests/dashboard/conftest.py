"""One server with a past, for all tests of the app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dashboard.given import configured, free_port, served


@pytest.fixture(scope="session")
def app_port() -> int:
    """Where the app will be: the server is told before."""
    return free_port()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, app_port: int) -> Iterator[str]:
    """Where a server answers that has read and judged twelve seconds of payments."""
    folder = tmp_path_factory.mktemp("filled")
    with served(folder, configured(folder), STREAMGAUGE_UI_URL=f"http://127.0.0.1:{app_port}") as url:
        yield url
