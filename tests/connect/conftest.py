"""The worker that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.services.connect import ConnectWorker
from tests.services.kafka import Broker
from tests.services.missing import CannotBeHadError, skip_or_fail


@pytest.fixture(scope="module")
def worker(kafka: Broker) -> Iterator[ConnectWorker]:
    """A worker that a file's tests share: take names from ``unique``; whoever kills it starts it again."""
    made = ConnectWorker(kafka.bootstrap)
    try:
        made.start()
    except CannotBeHadError as missing:
        made.close()
        skip_or_fail(str(missing))
    yield made
    made.close()
