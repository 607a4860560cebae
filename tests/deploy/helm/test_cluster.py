"""The charts on a real Kubernetes: installed, upgraded, rolled back, scaled, and gone without a trace.

Run by ``make test-kubernetes``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from streamgauge.testing import eventually
from tests.deploy.helm.charts import CASES, CHARTS, NAMES, NAMESPACE, Helm
from tests.services.kubernetes import Cluster
from tests.services.kubernetes.definitions import file_of
from tests.services.missing import CannotBeHadError, skip_or_fail

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(3600)]
PATIENCE = timedelta(minutes=2)
SHARED = CASES["streamgauge", "several on one database"]
LEFT_ALONE = {"events", "events.events.k8s.io"}
VOLUME = {
    "apiVersion": "v1",
    "kind": "PersistentVolume",
    "metadata": {"name": "disk"},
    "spec": {
        "capacity": {"storage": "8Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": "/nowhere"},
    },
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ExitStack() as stack:
        cluster = Cluster()
        stack.callback(cluster.close)
        try:
            cluster.start()
        except CannotBeHadError as missing:
            skip_or_fail(str(missing))
        for kind in ("ScaledObject", "ServiceMonitor"):
            cluster.kubectl("apply", "--server-side", "-f", str(file_of(kind)))
        for name in ("scaledobjects.keda.sh", "servicemonitors.monitoring.coreos.com"):
            cluster.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=60s")
        cluster.apply(VOLUME)
        yield cluster


class Release:
    """A chart in a namespace of its own."""

    def __init__(self, cluster: Cluster, chart: str, namespace: str) -> None:
        self.cluster, self.chart = cluster, chart
        self.namespace = cluster.namespace(namespace)
        self.deployment = f"deployment/demo-{chart}"

    def helm(self, verb: str, *arguments: str, **values: Any) -> str:
        given = self.cluster.folder / f"{self.namespace}.json"
        given.write_text(json.dumps(values), "utf-8")
        chart = [str(CHARTS / self.chart), "-f", str(given)] if verb in ("install", "upgrade") else []
        waits = ["--wait", "--timeout", "120s"]
        return self.cluster.helm(verb, "demo", *chart, *arguments, "-n", self.namespace, *waits)

    def status(self) -> dict[str, Any]:
        return self.cluster.get("-n", self.namespace, self.deployment)

    def image(self) -> str:
        (container,) = self.status()["spec"]["template"]["spec"]["containers"]
        found: str = container["image"]
        return found

    def ready(self, count: int) -> bool:
        seen = self.status()
        return (seen["spec"]["replicas"], seen["status"].get("readyReplicas", 0)) == (count, count)

    def objects(self) -> set[str]:
        """Everything that is in the namespace, whoever made it."""
        kinds = self.cluster.kubectl("api-resources", "--namespaced", "--verbs=list", "-o", "name").split()
        wanted = ",".join(kind for kind in kinds if kind not in LEFT_ALONE)
        return set(self.cluster.kubectl("-n", self.namespace, "get", wanted, "-o", "name").split())


@pytest.mark.parametrize("chart", NAMES)
def test_installed_upgraded_rolled_back_scaled_and_gone(cluster: Cluster, chart):
    release = Release(cluster, chart, f"life-of-{chart}")
    before = release.objects()
    told = release.helm("install")
    assert "STATUS: deployed" in told
    assert release.deployment.partition("/")[2] in told.partition("NOTES:")[2]
    count = 1 if chart == "streamgauge" else 2
    assert release.ready(count)
    first = release.image()

    release.helm("upgrade", image={"tag": "9.9.9"})
    assert release.image().endswith(":9.9.9")
    assert release.ready(count)
    release.helm("rollback")  # without a number: to the one before
    assert release.image() == first
    assert release.ready(count)

    kept = SHARED if chart == "streamgauge" else {}
    release.helm("upgrade", **{**kept, "autoscaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 5}})
    eventually(lambda: release.ready(3), within=PATIENCE)
    release.helm("upgrade", **{**kept, "autoscaling": {"enabled": True, "minReplicas": 1, "maxReplicas": 2}})
    eventually(lambda: release.ready(2), within=PATIENCE)

    release.helm("uninstall")
    eventually(lambda: release.objects() == before, within=PATIENCE)


def test_a_token_that_was_made_stays_through_upgrades(cluster: Cluster):
    release = Release(cluster, "streamgauge", "token")
    options = {"persistence": {"enabled": False}}

    def token() -> str:
        found: str = cluster.get("-n", "token", "secret/demo-streamgauge-token")["data"]["token"]
        return found

    release.helm("install", **options)
    first = token()
    release.helm("upgrade", **options, podAnnotations={"a": "b"})
    assert token() == first
    release.helm("rollback")
    assert token() == first


def test_the_migration_runs_before_each_upgrade_and_leaves_nothing(cluster: Cluster):
    release = Release(cluster, "streamgauge", "migration")
    secrets = [("gauge-token", "token"), ("db", "password")]
    cluster.apply(
        *({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "migration"}, "stringData": {key: "x"}}
          for name, key in secrets)
    )  # fmt: skip
    before = release.objects()
    release.helm("install", **SHARED, migration={"enabled": True})
    assert release.ready(3)
    release.helm("upgrade", **SHARED, migration={"enabled": True}, image={"tag": "9.9.9"})
    events = cluster.kubectl("-n", "migration", "get", "events", "-o", "jsonpath={.items[*].reason}")
    assert "SuccessfulCreate" in events
    assert not [name for name in release.objects() if "-migration" in name]
    release.helm("uninstall")
    eventually(lambda: release.objects() == before, within=PATIENCE)


@pytest.mark.parametrize("chart", NAMES)
def test_the_api_server_takes_every_case_strictly(cluster: Cluster, chart):
    cluster.namespace(NAMESPACE)
    with Helm() as helm:
        for (of, case), values in CASES.items():
            if of == chart:
                listed = {"apiVersion": "v1", "kind": "List", "items": helm.objects(chart, values)}
                asked = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
                told = cluster.kubectl(*asked, given=json.dumps(listed), check=False).splitlines()
                assert [line for line in told if not line.endswith("(server dry run)")] == [], case
                assert len(told) == len(listed["items"])


def test_the_api_server_refuses_what_is_wrong(cluster: Cluster):
    """So what it takes above means something."""
    namespace = cluster.namespace("wrong")
    cluster.namespace(NAMESPACE)
    rooted = cluster.kubectl("-n", namespace, "run", "root", "--image=x:1", check=False)
    assert "violates PodSecurity" in rooted
    with Helm() as helm:
        objects = helm.objects("kafka-connect", CASES["kafka-connect", "scaled by lag"])
    (scaled,) = [one for one in objects if one["kind"] == "ScaledObject"]
    scaled["spec"]["maxReplicaCount"] = "many"
    told = cluster.kubectl("apply", "--dry-run=server", "-f", "-", given=json.dumps(scaled), check=False)
    assert "maxReplicaCount" in told
