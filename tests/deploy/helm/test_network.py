"""Who reaches whom under the charts' policies: registration works, a stranger does not get in, nothing leaves unlisted."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.helm.charts import CASES, NAMES, NAMESPACE, Helm
from tests.deploy.helm.policy import Network, Place

PORTS = {"kafka-connect": 8083, "ksqldb": 8088, "streamgauge": 8000}
STRANGER = Place("10.1.9.9", "elsewhere", {"app": "stranger"})
INTERNET = Place("203.0.113.7")
NEIGHBOUR = Place("10.1.2.2", NAMESPACE, {"app": "neighbour"})
KAFKA = Place("10.1.3.3", "kafka", {"app": "kafka"})
NAMES_SERVER = Place("10.1.4.4", "kube-system", {"k8s-app": "kube-dns"})
INGRESS = Place("10.1.5.5", "ingress-nginx", {"app": "controller"})


class Installed:
    """A chart's policies, and its pods by component."""

    def __init__(self, helm: Helm, chart: str, values: dict[str, Any]) -> None:
        objects = helm.objects(chart, values)
        self.network = Network([one for one in objects if one["kind"] == "NetworkPolicy"])
        self.pods = {
            labels["app.kubernetes.io/component"]: Place("10.1.7.7", NAMESPACE, labels)
            for one in objects
            if one["kind"] == "Deployment"
            for labels in [one["spec"]["template"]["metadata"]["labels"]]
        }
        self.port = PORTS[chart]
        self.pod = next(iter(self.pods.values()))

    def takes(self, source: Place, port: int | None = None) -> bool:
        return self.network.lets(source, self.pod, self.port if port is None else port)

    def asks(self, target: Place, port: int, protocol: str = "TCP") -> bool:
        return self.network.lets(self.pod, target, port, protocol)


@pytest.mark.parametrize("chart", NAMES)
def test_as_it_comes_the_own_namespace_gets_in_and_nobody_else(helm: Helm, chart):
    installed = Installed(helm, chart, {})
    assert installed.takes(NEIGHBOUR)
    assert not any(installed.takes(place) for place in (STRANGER, INTERNET, KAFKA, INGRESS))
    assert not installed.takes(NEIGHBOUR, 22)


@pytest.mark.parametrize("chart", NAMES)
def test_registration_works_from_a_named_namespace_and_a_strangers_does_not(helm: Helm, chart):
    installed = Installed(helm, chart, CASES[chart, "open to some"])
    assert installed.takes(Place("10.1.1.1", "airflow", {"may": "register"}))
    assert installed.takes(Place("130.211.1.2"))
    assert not installed.takes(Place("10.1.1.1", "airflow", {"app": "another"}))
    assert not any(installed.takes(place) for place in (NEIGHBOUR, STRANGER, INTERNET, INGRESS))


@pytest.mark.parametrize("chart", NAMES)
def test_the_ingress_gets_in_once_there_is_one(helm: Helm, chart):
    closed, opened = (
        Installed(helm, chart, CASES[chart, case]) for case in ("as it comes", "with an ingress")
    )
    assert (closed.takes(INGRESS), opened.takes(INGRESS)) == (False, True)
    assert not opened.takes(STRANGER)


@pytest.mark.parametrize("chart", NAMES)
def test_nothing_leaves_but_to_what_is_listed(helm: Helm, chart):
    installed = Installed(helm, chart, CASES[chart, "open to some"])
    assert installed.asks(KAFKA, 9092)
    assert installed.asks(KAFKA, 9093)
    assert installed.asks(INTERNET, 443)
    assert all(installed.asks(NAMES_SERVER, 53, protocol) for protocol in ("UDP", "TCP"))
    assert not installed.asks(KAFKA, 22)
    assert not installed.asks(INTERNET, 80)
    assert not installed.asks(Place("10.1.3.4", "kafka", {"app": "another"}), 9092)
    assert not installed.asks(NEIGHBOUR, 9092)
    assert not installed.asks(STRANGER, 53, "UDP")


@pytest.mark.parametrize("chart", ["kafka-connect", "ksqldb"])
def test_workers_reach_each_other_however_closed(helm: Helm, chart):
    """A request that reaches one worker goes on to the one that leads: without this every second registration fails."""
    shut = {"networkPolicy": {"ingress": {"sameNamespace": False}, "egress": []}}
    installed = Installed(helm, chart, shut)
    assert installed.network.lets(installed.pod, installed.pod, installed.port)
    assert not installed.takes(NEIGHBOUR)


def test_nobody_gets_in_where_nobody_is_listed(helm: Helm):
    """An empty list of peers would mean everybody."""
    shut = {"networkPolicy": {"ingress": {"sameNamespace": False}, "egress": [], "dns": {"namespaces": []}}}
    installed = Installed(helm, "streamgauge", shut)
    assert not any(installed.takes(place) for place in (NEIGHBOUR, STRANGER, INTERNET, NAMES_SERVER))
    assert not any(installed.asks(NAMES_SERVER, port, "UDP") for port in (53, 443))
    assert not installed.asks(KAFKA, 9092)


def test_the_app_asks_the_server_and_nothing_else(helm: Helm):
    shut = {"networkPolicy": {"ingress": {"sameNamespace": False, "namespaces": ["people"]}}}
    installed = Installed(helm, "streamgauge", {**CASES["streamgauge", "with the app"], **shut})
    app, server = installed.pods["ui"], installed.pods["server"]
    assert installed.network.lets(app, server, 8000)
    assert installed.network.lets(Place("10.1.1.1", "people"), app, 8501)
    assert installed.network.lets(INGRESS, app, 8501)
    assert not installed.network.lets(INGRESS, server, 8000)
    assert not installed.network.lets(server, app, 8501)
    assert not installed.network.lets(app, Place("10.1.3.3", NAMESPACE), 9092)


def test_the_migration_reaches_the_database_and_takes_nothing(helm: Helm):
    objects = helm.objects("streamgauge", CASES["streamgauge", "with a migration"])
    network = Network([one for one in objects if one["kind"] == "NetworkPolicy"])
    (job,) = [one for one in objects if one["kind"] == "Job"]
    pod = Place("10.1.7.8", NAMESPACE, job["spec"]["template"]["metadata"]["labels"])
    assert network.lets(pod, Place("10.1.6.6", NAMESPACE, {"app": "postgres"}), 5432)
    assert not network.lets(pod, INTERNET, 443)
    assert not network.lets(NEIGHBOUR, pod, 8000)
