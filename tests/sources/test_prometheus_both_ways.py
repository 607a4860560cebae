"""Our incidents as a series of a real Prometheus, its alerts as our incidents: what begins together ends together, without a loop."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server
from tests.services.missing import CannotBeHadError, skip_or_fail
from tests.services.prometheus import Prometheus

from streamgauge.clock import SystemClock
from streamgauge.config import load
from streamgauge.metrics import METRICS
from streamgauge.sources.prometheus import Config, Queries
from streamgauge.testing import eventually

ECHO = "alerts-of-prometheus"
RULES = f"""
groups:
  - name: ours
    interval: 200ms
    rules:
      - alert: Incidents
        expr: sum by (monitor) (streamgauge_incidents_open{{monitor!="{ECHO}"}}) > 0
      - alert: IncidentsOfAll
        expr: sum by (monitor) (streamgauge_incidents_open) > 0
"""
CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms, evaluation_interval: 200ms}}
rule_files: [rules.yml]
scrape_configs: [{{job_name: ours, static_configs: [{{targets: ["127.0.0.1:{port}"]}}]}}]
"""


class Ours:
    """Our metric of open incidents, as the page has it, and one monitor that hears of alerts."""

    def __init__(self) -> None:
        (metric,) = [one for one in METRICS if one.name == "streamgauge_incidents_open"]
        registry = CollectorRegistry()
        self._open = Gauge(metric.name, metric.help, metric.labels, registry=registry)
        self._server, self._thread = start_http_server(0, "127.0.0.1", registry)
        self.port = self._server.server_port

    def open(self, monitor: str, count: int) -> None:
        self._open.labels(monitor, "critical").set(count)

    def hear(self, asking: Queries) -> list[str]:
        """The alerts that fire now; while there are any, an incident of the monitor that hears them is open."""
        firing: list[dict[str, Any]] = [json.loads(record) for record in asking.ask(30)]
        self.open(ECHO, len(firing))
        return sorted(row["alertname"] for row in firing)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


@pytest.fixture
def ours() -> Iterator[Ours]:
    made = Ours()
    yield made
    made.close()


@pytest.fixture
def prometheus(ours: Ours) -> Iterator[Prometheus]:
    made = Prometheus(CONFIG.format(port=ours.port))
    (made._folder / "rules.yml").write_text(RULES, "utf-8")
    try:
        made.start()
    except CannotBeHadError as missing:
        made.close()
        skip_or_fail(str(missing))
    yield made
    made.close()


def asking(prometheus: Prometheus, but: str) -> Queries:
    query = f'ALERTS{{alertstate="firing", alertname!~"{but}"}}'
    return Queries(Config(url=prometheus.url, query=query), SystemClock())


@pytest.mark.services
def test_what_is_left_out_on_either_side_makes_no_loop(ours: Ours, prometheus: Prometheus):
    within = timedelta(minutes=1)
    careful, careless = asking(prometheus, "IncidentsOfAll"), asking(prometheus, "Incidents")
    ours.open("burst", 1)
    eventually(lambda: ours.hear(careful) == ["Incidents"], "the alert is heard", within=within)
    ours.open("burst", 0)
    eventually(lambda: ours.hear(careful) == [], "it is over on both sides", within=within)

    ours.open("burst", 1)
    eventually(lambda: "IncidentsOfAll" in ours.hear(careless), "the careless rule fires", within=within)
    eventually(lambda: len(ours.hear(careless)) == 2, "and alerts of its own echo", within=within)
    ours.open("burst", 0)
    eventually(lambda: len(ours.hear(careless)) == 1, "the cause is over", within=within)
    (left,) = prometheus.query('ALERTS{alertstate="firing", alertname="IncidentsOfAll"}')
    assert left["metric"]["monitor"] == ECHO  # it keeps itself up: what the page warns of
    careful.close()
    careless.close()


def channels(kind: str, **route: Any) -> dict[str, Any]:
    source = {"type": "prometheus", "url": "http://localhost:9090", "query": 'ALERTS{alertstate="firing"}'}
    there = (
        {"type": "alertmanager", "url": "http://localhost:9093"} if kind == "alertmanager" else {"type": kind}
    )
    monitor = {"stream": "alerts", "detect": {"type": "any", "by": "metric"}}
    if not route:
        monitor["notify"] = "ops"
    return {
        "streams": {"alerts": {"source": source}}, "monitors": {ECHO: monitor}, "channels": {"ops": there}, **route,
    }  # fmt: skip


@pytest.mark.parametrize("route", [{}, {"route": {"channels": "ops"}}], ids=["by name", "by the route"])
def test_an_alert_that_would_come_to_alertmanager_twice_is_warned_of(route: dict[str, Any]):
    (warning,) = load(channels("alertmanager", **route)).warnings
    assert "comes there twice" in str(warning)
    assert ECHO in str(warning)
    assert not load(channels("console", **route)).warnings
