"""The pack `broker`, on the page of a real broker's JMX agent: each fault has its name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from streamgauge import packs
from streamgauge.sources.exposition import series
from tests.packs.playing import EVERY, Told, played

PAGE = (Path(__file__).parents[1] / "sources" / "pages" / "broker-jmx.prom").read_text("utf-8")
"""Of a Kafka 4.3.1 with jmx_prometheus_javaagent 1.0.1, what the pack asks for and some beside it."""
SOURCE: Any = packs.load_with(["broker"]).streams["broker-metrics"].source
ROWS = list(series(PAGE, re.compile(SOURCE.metrics)))
TIMED_OUT = {
    "metric": "kafka_network_requestmetrics_errors_total",
    "request": "Produce",
    "error": "REQUEST_TIMED_OUT",
}
BEGINS = 12


def page(*more: dict[str, Any], **changes: float) -> list[dict[str, Any]]:
    return [*({**row, "value": changes.get(row["metric"], row["value"])} for row in ROWS), *more]


def told(rounds: list[list[dict[str, Any]]]) -> list[Told]:
    return played(packs.load_with(["broker"]), broker_metrics=rounds)


def test_the_page_has_every_series_that_is_asked_for():
    asked = {
        one for one in re.findall(r"kafka_\w+", str(packs.load_with(["broker"]).monitors)) if one[-1] != "_"
    }
    assert len(asked) == 8
    assert asked == {row["metric"] for row in ROWS}


def test_an_hour_in_which_all_is_well():
    timed_out_once = {**TIMED_OUT, "value": 3.0}
    assert told([page(timed_out_once)] * 360) == []


@pytest.mark.parametrize(
    ("metric", "value", "monitor", "within"),
    [
        ("kafka_server_raft_metrics_current_leader", -1, "broker-no-controller", 20),
        ("kafka_controller_kafkacontroller_offlinepartitionscount", 2, "broker-offline-partitions", 0),
        ("kafka_server_replicamanager_isrshrinks_total", 1, "broker-isr-shrinks", 0),
        ("kafka_server_replicamanager_underminisrpartitioncount", 1, "broker-under-min-isr", 0),
        ("kafka_controller_controllerstats_uncleanleaderelections_total", 1, "broker-unclean-election", 0),
        ("kafka_log_logmanager_offlinelogdirectorycount", 1, "broker-disk", 0),
        ("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent", 0.1, "broker-busy", 60),
    ],
)
def test_a_fault_has_its_name(metric, value, monitor, within):
    found = told([page()] * BEGINS + [page(**{metric: value})] * 12)
    assert {one.monitor for one in found} == {monitor}
    assert 0 <= found[0].after - BEGINS * EVERY <= within


def test_requests_that_time_out_have_their_kind():
    before, after = ({**TIMED_OUT, "value": count} for count in (3.0, 4.0))
    (found,) = told([page(before)] * BEGINS + [page(after)] * 12)
    assert (found.monitor, found.key) == ("broker-requests-time-out", "Produce")
