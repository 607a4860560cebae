"""Metrics: one list, each with its row in the docs, rendered as Prometheus reads them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import generate_latest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from streamgauge.channels.contract import Result
from streamgauge.engines.reporting.spread import Durations
from streamgauge.engines.reporting.status import StatusBoard
from streamgauge.engines.reporting.totals import Totals
from streamgauge.errors import StoreError
from streamgauge.metrics import METRICS, SPARK, Outbox, make_registry
from streamgauge.server.thread import ServerThread
from streamgauge.stores.contract import Commit
from streamgauge.testing import PushedClock
from tests.server.given import START, Process, configuration, fill, incident, past, picture

KNOWN = {"real_time_psi_score", "drift_detection_events_total", "psi_calculation_duration_seconds"}
"""Names that dashboards of drift have used for long."""
PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(outbox: Outbox | None = None, **changes: Any) -> Samples:
    clock = PushedClock(START + 14_000_000)
    board = StatusBoard(START)
    board.now = picture(clock.now(), clock.monotonic(), **changes)
    return samples(generate_latest(make_registry(board, clock, outbox)).decode())


def value(found: Mapping[Any, float], name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


@pytest.fixture
def served(tmp_path: Path):
    config = configuration(tmp_path)
    fill(config, past())
    server = ServerThread(Process(config), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.start()}"
    yield url
    server.stop()


def test_every_metric_has_its_row_in_the_docs_and_no_row_is_left_over():
    rows = dict(re.findall(r"^\| `([a-z_]+)` \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert sorted(rows) == sorted(metric.name for metric in (*METRICS, *SPARK))
    for metric in (*METRICS, *SPARK):
        kind, labels, said = rows[metric.name].split(" | ")
        assert kind == metric.kind
        assert labels == ", ".join(f"`{label}`" for label in metric.labels)
        assert said.startswith(metric.help.removesuffix("."))


def test_names_are_new_and_shaped_as_prometheus_wants_them():
    names = [metric.name for metric in METRICS]
    assert len(names) == len(set(names))
    for metric in METRICS:
        assert metric.help.endswith(".")
        assert (metric.kind == "counter") == metric.name.endswith("_total")
        if metric.ours:
            assert metric.name.startswith(("streamgauge_", "kafka_", "fraud_")) or metric.name in KNOWN


def test_a_scrape_shows_every_metric_of_the_list_and_no_other(served: str):
    httpx.get(f"{served}/healthz")
    text = httpx.get(f"{served}/metrics").text
    shown = set()
    for family in text_string_to_metric_families(text):
        if not family.name.endswith("_created"):
            shown.add(family.name + ("_total" if family.type == "counter" else ""))
    assert shown == {metric.name for metric in METRICS}
    for family in text_string_to_metric_families(text):
        for metric in METRICS:
            if metric.name in (family.name, f"{family.name}_total"):
                assert family.type == metric.kind
                for sample in family.samples:
                    assert set(sample.labels) - {"le"} == set(metric.labels)


def test_the_engines_picture_in_numbers():
    found = scraped()
    assert value(found, "streamgauge_records_total", stream="payments") == 200
    assert value(found, "streamgauge_records_per_second", stream="payments") == 41.5
    assert value(found, "streamgauge_watermark_delay_seconds", stream="payments") == 5.0
    assert value(found, "streamgauge_late_records_total", stream="payments") == 4
    assert value(found, "streamgauge_dead_letters_total", stream="payments") == 2
    assert value(found, "kafka_messages_consumed_total", stream="payments", topic="payments") == 202
    lag = {"group": "streamgauge-payments", "topic": "payments"}
    assert value(found, "kafka_consumer_lag", partition="0", **lag) == 5
    assert value(found, "kafka_consumer_lag", partition="1", **lag) == 0
    assert value(found, "streamgauge_open_windows", stream="payments", monitor="refused") == 2
    assert value(found, "streamgauge_monitor_paused", stream="payments", monitor="refused") == 1
    assert value(found, "streamgauge_incidents_open", monitor="burst", severity="critical") == 1
    assert value(found, "streamgauge_incidents_open", monitor="refused", severity="warning") == 0
    assert value(found, "streamgauge_incidents_total", monitor="burst", severity="critical") == 2
    assert value(found, "streamgauge_notices_total", channel="console", outcome="try again") == 1
    assert value(found, "streamgauge_commits_total") == 7
    assert value(found, "streamgauge_commit_seconds_bucket", le="0.0025") == 3
    assert value(found, "streamgauge_commit_seconds_bucket", le="+Inf") == 7
    assert value(found, "streamgauge_commit_seconds_count") == 7
    assert value(found, "streamgauge_commit_seconds_sum") == pytest.approx(0.03)
    assert value(found, "streamgauge_store_refusing") == 0
    assert value(found, "streamgauge_source_lost", stream="payments") == 0


def test_trouble_is_a_one():
    stream = picture(START).streams["payments"]
    from dataclasses import replace

    found = scraped(
        store="the disk is full", streams={"payments": replace(stream, lost="no sign", watermark=None)}
    )
    assert value(found, "streamgauge_store_refusing") == 1
    assert value(found, "streamgauge_source_lost", stream="payments") == 1
    assert ("streamgauge_watermark_delay_seconds", (("stream", "payments"),)) not in found


def test_only_kafkas_streams_are_shown_as_kafkas():
    stream = picture(START).streams["payments"]
    from dataclasses import replace

    found = scraped(streams={"payments": replace(stream, source={"type": "files"}, group=None)})
    assert not [name for name, _ in found if name.startswith("kafka")]
    assert value(found, "streamgauge_partition_lag", stream="payments", partition="payments:0") == 5


def test_what_waits_is_asked_of_the_store_and_else_of_memory():
    assert value(scraped(), "streamgauge_outbox_waiting", channel="console") == 2
    assert value(scraped(lambda: {"console": 5000}), "streamgauge_outbox_waiting", channel="console") == 5000
    assert value(scraped(dict), "streamgauge_outbox_waiting", channel="console") == 0

    def refuses() -> Mapping[str, int]:
        raise StoreError("gone")

    assert value(scraped(refuses), "streamgauge_outbox_waiting", channel="console") == 2


def test_before_the_engine_is_made_there_is_something_to_scrape():
    found = samples(generate_latest(make_registry(StatusBoard(START), PushedClock())).decode())
    assert value(found, "streamgauge_ready") == 0
    assert not math.isnan(value(found, "process_resident_memory_bytes"))


def test_the_servers_own_requests_and_the_dashboards_queries(served: str):
    httpx.get(f"{served}/healthz")
    httpx.get(f"{served}/nothing")
    found = samples(httpx.get(f"{served}/metrics").text)
    assert value(found, "http_requests_total", handler="/healthz", method="GET", status="2xx") == 1
    assert value(found, "http_requests_total", handler="none", method="GET", status="4xx") == 1
    assert value(found, "http_request_duration_seconds_count", handler="/healthz", method="GET") == 1
    assert value(found, "streamgauge_outbox_waiting", channel="console") == 3, "the store's, not memory's"


def test_openmetrics_for_who_asks_for_it(served: str):
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = httpx.get(f"{served}/metrics", headers=accept)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    families: Any = openmetrics.text_string_to_metric_families
    names = {family.name for family in families(answer.text)}
    assert {"streamgauge_records", "kafka_consumer_lag"} <= names


def test_each_request_has_its_class():
    durations = Durations((0.1, 1.0))
    for seconds in (0.1, 0.2, 5.0, 0.05):
        durations.add(seconds)
    assert durations.now().cumulative == [("0.1", 2), ("1.0", 3), ("+Inf", 4)]
    assert durations.now().total == pytest.approx(5.35)


def test_totals_count_what_was_committed():
    from collections import Counter

    totals = Totals()
    totals.committed(past()[1], Counter({"payments": 4}), [incident(), incident("b")], 0.02)
    totals.committed(Commit(), Counter(), [], 0.01)
    assert (totals.commits, totals.late["payments"], totals.dead_letters["payments"]) == (2, 4, 2)
    assert totals.opened == {("burst", "critical"): 2}
    totals.tried("ops", str(Result.AGAIN), 1.0, settled=False)
    totals.tried("ops", str(Result.DELIVERED), 2.0, settled=True)
    assert totals.notices == {("ops", "try again"): 1, ("ops", "delivered"): 1}
    assert sum(totals.notice_times["ops"].now().counts) == 1


def test_what_pollers_show_stands_once_and_what_is_known_here_comes_first():
    clock = PushedClock(START + 14_000_000)
    board = StatusBoard(START)
    board.now = picture(clock.now(), clock.monotonic())
    before = samples(generate_latest(make_registry(board, clock)).decode())
    ((_, labels),) = [key for key in before if key[0] == "kafka_consumer_lag"][:1]
    own = tuple(dict(labels)[name] for name in ("group", "topic", "partition"))
    one = [("kafka_consumer_lag", own, 99.0), ("kafka_brokers", (), 3.0)]
    other = [("kafka_brokers", (), 3.0), ("kafka_consumergroup_lag", ("g", "t", "0"), 7.0)]
    board.exposed = [lambda: one, lambda: other]
    text = generate_latest(make_registry(board, clock)).decode()
    found = samples(text)
    assert found["kafka_consumer_lag", labels] == before["kafka_consumer_lag", labels]
    assert text.count("\nkafka_brokers 3.0") == 1
    assert value(found, "kafka_consumergroup_lag", consumergroup="g", topic="t", partition="0") == 7.0
