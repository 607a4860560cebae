"""One server with a past, for all tests of the app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from streamgauge.dashboard.process import App
from streamgauge.dashboard.reach import Reach
from tests.dashboard import large
from tests.dashboard.given import configured, free_port, served


@pytest.fixture(scope="session")
def app_port() -> int:
    """Where the app will be: the server is told before."""
    return free_port()


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, app_port: int) -> Iterator[str]:
    """Where a server answers that has read and judged twelve seconds of payments, and has a day of another monitor."""
    folder = tmp_path_factory.mktemp("filled")
    config = configured(folder)
    large.fill(config["store"]["url"], "day")
    with served(folder, config, STREAMGAUGE_UI_URL=f"http://127.0.0.1:{app_port}") as url:
        yield url


@pytest.fixture(scope="session")
def app(filled: str, app_port: int) -> Iterator[App]:
    """Streamlit, once, over the server with a past."""
    found = App(Reach(filled, filled), port=app_port, quiet=True)
    found.start()
    found.wait_ready()
    yield found
    found.stop()
