"""The images, each built when the first test asks."""

from __future__ import annotations

import pytest

from tests.deploy.images.building import Image, built
from tests.services.missing import CannotBeHadError, skip_or_fail


def _had(folder: str, target: str | None = None) -> Image:
    try:
        return built(folder, target)
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))


@pytest.fixture(scope="session")
def app() -> Image:
    """Streamgauge itself."""
    return _had("streamgauge", "app")


@pytest.fixture(scope="session")
def connect() -> Image:
    """A worker of Kafka Connect with our sinks."""
    return _had("connect")


@pytest.fixture(scope="session")
def agent() -> Image:
    """What brings the JMX agent."""
    return _had("jmx-agent")


@pytest.fixture(scope="session")
def spark() -> Image:
    """Streamgauge with Spark and Java."""
    return _had("streamgauge", "spark")
