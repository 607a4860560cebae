"""A broker that stands still, is killed or not there yet: told when it lasts, and nothing else is made of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from streamgauge.incident import Incident
from tests.exactness.live import Live, Speaker, clock, records, stream
from tests.services.kafka import Broker, unique
from tests.services.plugin import started

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("plain_kernels")]

QUIET = {"stream": "payments", "detect": {"type": "silence", "by": "country", "after": "6s"}}
COUNTED = {
    "stream": "payments",
    "window": {"type": "tumbling", "size": "1s", "compute": {"n": "count(*)"}},
    "detect": {"type": "threshold", "when": "n > 1000"},
}
PATIENT = {"session.timeout.ms": 60_000}


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    broker = started(Broker())
    yield broker
    broker.close()


def _watch(broker: Broker, topic: str, folder: Path, timeout: str = "3s") -> Live:
    payments = stream(broker, topic, source_timeout=timeout, settings=PATIENT, lateness="1s")
    return Live(folder, {"streams": {"payments": payments}, "monitors": {"quiet": QUIET, "counted": COUNTED}})


def _lost(live: Live) -> list[Incident]:
    return live.open("stream payments")


def _check_all_counted(live: Live, sent: int) -> None:
    """Each record in one window: none lost, none twice, none late; and nobody was called silent."""
    live.until(lambda: live.read() == sent, "all that was written")
    live.until(lambda: sum(window[2] for window in live.windows("counted")) == sent, "the windows' ends")
    assert live.payments.late == 0
    assert (
        not live.incidents("quiet") or live.incidents("quiet")[0].opened_at > live.windows("counted")[-1][1]
    )


@pytest.mark.parametrize(
    ("seconds", "timeout"),
    [(9, "3s"), pytest.param(30, "10s", marks=[pytest.mark.soak, pytest.mark.timeout(600)])],
)
def test_standing_still_with_its_connections_up(broker: Broker, tmp_path: Path, seconds: int, timeout: str):
    topic = broker.create_topic(unique(), 2)
    with _watch(broker, topic, tmp_path, timeout) as live:
        with Speaker(broker, topic, 2) as speaker:
            live.until(lambda: live.read() > 10, "the first records")
            broker.pause()
            stopped = time.monotonic()
            try:
                live.until(lambda: _lost(live), "source lost", within=seconds + 90)
                live.until(lambda: time.monotonic() - stopped > seconds, f"{seconds} s", within=seconds + 10)
                silent = live.incidents("quiet")
            finally:
                broker.resume()
            live.until(lambda: not _lost(live), "its end")
        _check_all_counted(live, speaker.sent)
    assert not silent, "nothing is known of who spoke meanwhile"
    (lost,) = live.incidents("stream payments")
    assert (lost.kind, lost.reason) == ("source lost", "recovered")
    assert "no sign of life" in lost.title


def test_killed_and_back(broker: Broker, tmp_path: Path):
    topic = broker.create_topic(unique(), 2)
    with _watch(broker, topic, tmp_path) as live:
        with Speaker(broker, topic, 2) as speaker:
            live.until(lambda: live.read() > 10, "the first records")
            broker.kill()
            live.until(lambda: _lost(live), "source lost")
            assert not live.incidents("quiet")
            broker.start()
            live.until(lambda: not _lost(live), "its end")
        _check_all_counted(live, speaker.sent)


def test_absent_at_the_start(broker: Broker, tmp_path: Path):
    topic = broker.create_topic(unique(), 2)
    broker.produce(topic, records("a-0", [clock()]), partition=0)
    broker.stop()
    with capture_logs() as logs, _watch(broker, topic, tmp_path) as live:
        live.until(lambda: logs, "a word of it at once")
        assert logs[0]["stream"] == "payments"
        assert "refused" in logs[0]["trouble"]
        live.until(lambda: _lost(live), "source lost")
        assert live.read() == 0
        live.stop()
    with _watch(broker, topic, tmp_path) as live:
        began = live.now.commits
        live.until(lambda: live.now.commits > began + 2, "some commits of the next life")
        assert _lost(live), "it did not come back, we did"
        broker.start()
        live.until(lambda: not _lost(live), "its end")
        live.until(lambda: live.read() == 1, "the record")
    assert [incident.reason for incident in live.incidents("stream payments")] == ["recovered"]
