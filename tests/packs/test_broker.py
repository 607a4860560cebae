"""The pack `broker`, on the page of a real broker's JMX agent: each fault has its name, and whose it is."""

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
BROKER, OTHER = "kafka1:9404", "kafka2:9404"
ROWS = [{**row, "instance": BROKER} for row in series(PAGE, re.compile(SOURCE.metrics))]
UP = {"metric": "up", "value": 1.0, "instance": OTHER}
DOWN = {**UP, "value": 0.0, "trouble": "http://kafka2:9404/metrics gave no answer within 5 s"}
TIMED_OUT = {
    "instance": BROKER,
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
    assert len(asked) == 9
    assert asked == {row["metric"] for row in ROWS}


def test_an_hour_in_which_all_is_well():
    timed_out_once = {**TIMED_OUT, "value": 3.0}
    assert told([page(timed_out_once)] * 360) == []


@pytest.mark.parametrize(
    ("metric", "value", "monitor", "within"),
    [
        ("kafka_server_raft_metrics_current_leader", -1, "broker-no-controller", 60),
        ("kafka_controller_kafkacontroller_offlinepartitionscount", 2, "broker-offline-partitions", 0),
        ("kafka_server_replicamanager_isrshrinks_total", 1, "broker-isr-shrinks", 20),
        ("kafka_server_replicamanager_underreplicatedpartitions", 3, "broker-isr-shrinks", 20),
        ("kafka_server_replicamanager_underminisrpartitioncount", 1, "broker-under-min-isr", 0),
        ("kafka_controller_controllerstats_uncleanleaderelections_total", 1, "broker-unclean-election", 20),
        ("kafka_log_logmanager_offlinelogdirectorycount", 1, "broker-disk", 0),
        ("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent", 0.1, "broker-busy", 60),
    ],
)
def test_a_fault_has_its_name(metric, value, monitor, within):
    found = told([page()] * BEGINS + [page(**{metric: value})] * 12)
    assert {(one.monitor, one.key) for one in found} == {(monitor, BROKER)}
    assert 0 <= found[0].after - BEGINS * EVERY <= within


def test_requests_that_time_out_have_their_kind():
    before, after = ({**TIMED_OUT, "value": count} for count in (3.0, 4.0))
    (found,) = told([page(before)] * BEGINS + [page(after)] * 12)
    assert (found.monitor, found.key) == ("broker-requests-time-out", [BROKER, "Produce"])


def test_a_broker_that_was_started_again_is_no_fault():
    """Its counters begin at zero, and nothing that they had counted happened once more."""
    counted = dict.fromkeys(
        ["kafka_server_replicamanager_isrshrinks_total", "kafka_controller_controllerstats_uncleanleaderelections_total"],
        7.0,
    )  # fmt: skip
    before = page({**TIMED_OUT, "value": 9.0}, **counted)
    assert told([before] * BEGINS + [page({**TIMED_OUT, "value": 0.0})] * 60) == []


def test_a_controller_that_is_elected_anew_is_no_fault():
    elected = page(kafka_server_raft_metrics_current_leader=-1)
    assert told([page()] * BEGINS + [elected] * 2 + [page()] * 60) == []


def test_one_of_several_that_is_away_is_told_and_the_others_are_watched_on():
    sick = {"kafka_log_logmanager_offlinelogdirectorycount": 1.0}
    rounds = [page(UP)] * BEGINS + [page(DOWN)] * 12 + [page(DOWN, **sick)] * 6
    away, disk = told(rounds)
    assert (away.monitor, away.key) == ("broker-unanswered", OTHER)
    assert away.after - BEGINS * EVERY == 60
    assert (disk.monitor, disk.key) == ("broker-disk", BROKER)
    assert told([page(UP)] * BEGINS + [page(DOWN)] * 2 + [page(UP)] * 60) == []  # a scrape or two that failed
