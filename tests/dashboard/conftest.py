"""One server with a past, for all tests of the app."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dashboard.given import configured, served


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a server answers that has read and judged twelve seconds of payments."""
    folder = tmp_path_factory.mktemp("filled")
    with served(folder, configured(folder)) as url:
        yield url
