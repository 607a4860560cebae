"""Ten minutes of downtime and all that was written meanwhile: the same windows as without it, no false silence."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from streamgauge.batch import Partition
from streamgauge.testing import WebhookReceiver
from tests.exactness import stream, watching
from tests.exactness.running import Run, read_so_far, until, write
from tests.exactness.watching import Found
from tests.services.kafka import Broker, unique

pytestmark = pytest.mark.services

Ends = Mapping[str, Mapping[Partition, int]]

BEFORE, DOWN = 60, 600
"""Seconds of event time that are read before the downtime, and that it lasts."""
PATIENCE = 1_200.0


def _monitors(times: float) -> dict[str, Any]:
    """Those of the kill tests, for a stream that is ``times`` as fast and has as many more accounts."""
    return {name: rule for name, rule in watching.monitors(times).items() if rule["stream"] != "readings"}


def _config(
    broker: Broker, topic: str, receiver: WebhookReceiver, monitors: dict[str, Any]
) -> dict[str, Any]:
    """Nothing is idle here: no time passes but by records, however long the machine takes."""
    return {
        "streams": {
            name: watching.payments(broker, topic, deadline="1h") for name in ("payments", "accounts")
        },
        "monitors": monitors,
        "channels": {"ops": {"type": "webhook", "url": receiver.url}},
    }


def _ends(broker: Broker, topic: str) -> Ends:
    ends = watching.ends_of(broker, topic, stream.PARTITIONS)
    return {"payments": ends, "accounts": ends}


def _is_read(path: Path, ends: Ends) -> bool:
    return all(read_so_far(path, name) == sum(wanted.values()) for name, wanted in ends.items())


@pytest.mark.parametrize(
    "backlog",
    [150_000, pytest.param(5_000_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])],
)
def test_ten_minutes_of_downtime(kafka: Broker, tmp_path: Path, backlog: int):
    accounts = round(backlog / DOWN * 0.3)
    shape = stream.Shape(backlog * (BEFORE + DOWN) // DOWN, BEFORE + DOWN, accounts)
    records, monitors = stream.payments(shape), _monitors(shape.times)
    topic = kafka.create_topic(unique("backlog"), stream.PARTITIONS, retention_ms=-1)
    stream.produce(kafka, topic, islice(records, backlog * BEFORE // DOWN))

    def interrupted(path: Path) -> None:
        with Run(path) as run:
            up_to_date = _ends(kafka, topic)
            until(lambda: _is_read(path, up_to_date), "all that was there", alive=run)
        stream.produce(kafka, topic, records)

    found = _outcome(kafka, topic, tmp_path / "interrupted", monitors, interrupted)
    found.same_as(_outcome(kafka, topic, tmp_path / "undisturbed", monitors, lambda _: None))
    quiet = [incident for incident in found.incidents.values() if incident["monitor"] == "quiet"]
    assert {incident["key"] for incident in quiet if incident["reason"]} == {"ES", "PT", "CH"}
    assert len(quiet) == 2 + len(stream.COUNTRIES), (
        "two that were planted, and all in the hour before the end"
    )
    assert {incident["monitor"] for incident in found.incidents.values()} == set(monitors)


def _outcome(broker: Broker, topic: str, folder: Path, monitors: dict[str, Any], before: Any) -> Found:
    """Let ``before`` happen to a new store, run to the end, and see what is there; notices are checked too."""
    folder.mkdir()
    with WebhookReceiver() as receiver:
        path = write(folder, _config(broker, topic, receiver, monitors))
        before(path)
        watching.finish(path, _ends(broker, topic), within=PATIENCE)
        found = watching.found(path, monitors)
        watching.check_told(receiver, found)
    return found
