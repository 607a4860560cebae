"""A topic that lies there already, and what it comes to when nobody is killed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.testing import WebhookReceiver
from tests.exactness import stream, watching
from tests.exactness.running import write
from tests.exactness.watching import Found
from tests.services.kafka import Broker, unique

READINGS = 20_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """Two topics with all their records, and where they end."""

    broker: Broker
    shape: stream.Shape
    topics: Mapping[str, str]
    ends: Mapping[str, Mapping[Partition, int]]

    def config(self, receiver: WebhookReceiver, **settings: Any) -> dict[str, Any]:
        """What watches them."""
        return watching.config(self.broker, self.topics, receiver, settings, times=self.shape.times)

    def outcome(self, folder: Path, before: Callable[[Path], None], **settings: Any) -> Found:
        """Let ``before`` happen to a new store, run to the end, and see what is there; notices are checked too."""
        folder.mkdir(exist_ok=True)
        with WebhookReceiver() as receiver:
            path = write(folder, self.config(receiver, **settings))
            before(path)
            watching.finish(path, self.ends, through=stream.SENTINEL)
            found = watching.found(path, watching.monitors())
            watching.check_told(receiver, found)
        return found


@pytest.fixture(scope="session")
def prepared(kafka: Broker, request: pytest.FixtureRequest) -> Prepared:
    """Where the long tests run, too, there is more to be read while somebody is killed."""
    long = any(test.get_closest_marker("soak") for test in request.session.items)
    shape = stream.Shape() if long else stream.SMALL
    payments = stream.fill(kafka, unique("payments"), shape)
    readings = kafka.create_topic(unique("readings"), 1, retention_ms=-1)
    kafka.produce(readings, list(stream.readings(READINGS)))
    ends = watching.ends_of(kafka, payments, stream.PARTITIONS)
    alone = watching.ends_of(kafka, readings, 1)
    return Prepared(
        kafka,
        shape,
        {"payments": payments, "readings": readings},
        {"payments": ends, "accounts": ends, "readings": alone},
    )


@pytest.fixture(scope="session")
def undisturbed(prepared: Prepared, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """The run that was not killed."""
    return prepared.outcome(tmp_path_factory.mktemp("undisturbed"), lambda _: None)


@pytest.fixture
def plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions of this process start without compiling; the kernels' answers are the same."""
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
