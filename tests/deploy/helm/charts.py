"""Charts rendered by Helm itself, and the values under which each is looked at."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml

ROOT = Path(__file__).parents[3]
CHARTS = ROOT / "deploy" / "helm"
NAMES = ("kafka-connect", "ksqldb", "streamgauge")
NAMESPACE = "streams"
RELEASE = "demo"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

LAG = {
    "enabled": True,
    "bootstrapServers": "kafka.kafka.svc:9092",
    "consumerGroup": "connect-slack",
    "topic": "alerts",
}
_SHARED = {
    "store": {
        "url": "postgresql://gauge@db/streamgauge",
        "shared": True,
        "passwordSecret": {"name": "db", "key": "password"},
    },
    "token": {"existingSecret": "gauge-token"},
}
_EVERYWHERE: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "scaled by processor time": {"autoscaling": {"enabled": True}},
    "scaled by lag": {"keda": {"enabled": True, "lag": LAG, "fallback": {"failureThreshold": 3, "replicas": 2}}},
    "scaled by a metric": {"keda": {"enabled": True, "prometheus": {"enabled": True, "authentication": "prometheus"}}},
    "with an ingress": {
        "ingress": {
            "enabled": True, "className": "nginx", "annotations": {"a.example/b": "c"},
            "hosts": [{"host": "x.example.org", "paths": [{"path": "/", "pathType": "Prefix"}]}],
            "tls": [{"secretName": "x-tls", "hosts": ["x.example.org"]}],
        }
    },
    "open to some": {
        "networkPolicy": {
            "ingress": {"sameNamespace": False, "namespaces": ["airflow"], "cidrs": ["130.211.0.0/22"], "podLabels": {"may": "register"}},
            "egress": [
                {"name": "Kafka", "ports": [9092, 9093], "namespaces": ["kafka"], "podLabels": {"app": "kafka"}},
                {"name": "Slack", "ports": [443], "cidrs": ["0.0.0.0/0"]},
            ],
        }
    },
    "without what can be left out": {
        "networkPolicy": {"enabled": False}, "podDisruptionBudget": {"enabled": False}, "serviceAccount": {"create": False},
    },
    "with all there is for pods": {
        "secrets": [{"env": "A", "name": "s", "key": "k"}], "secretFiles": [{"name": "slack", "secretName": "s"}],
        "env": {"TZ": "UTC", "NUMBER": "1000000"}, "podLabels": {"team": "data"}, "podAnnotations": {"x": "y"},
        "imagePullSecrets": [{"name": "registry"}], "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "a", "operator": "Exists"}], "serviceAccount": {"annotations": {"a": "b"}},
        "fullnameOverride": "another", "image": {"tag": "1.2.3"},
    },
}  # fmt: skip
_OWN: dict[str, dict[str, Any]] = {
    "several on one database": {**_SHARED, "replicaCount": 3, "updateStrategy": "RollingUpdate"},
    "with a migration": {**_SHARED, "migration": {"enabled": True}},
    "with the app": {"ui": {"enabled": True, "ingress": {"enabled": True}}, "server": {"publicUrl": "https://gauge.example.org"}},
    "telling what Spark judged": {
        **_SHARED, "run": {"enabled": False}, "ui": {"enabled": True},
        "notify": {"enabled": True, "topic": "payments.verdicts", "storeUrl": "postgresql://gauge@db/notices"},
    },
    "scraped": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "with files": {"files": {"countries.txt": "de\nfr\n"}, "server": {"trustedProxies": ["10.0.0.0/8"]}},
    "a volume that stays": {"persistence": {"keep": True, "storageClass": "fast"}},
}  # fmt: skip

CASES = {
    (chart, case): {**_SHARED, **values} if chart == "streamgauge" and case.startswith("scaled") else values
    for chart in NAMES
    for case, values in {**_EVERYWHERE, **(_OWN if chart == "streamgauge" else {})}.items()
}
"""Values by (chart, what they are about): each switch is on in at least one."""


class RefusedError(Exception):
    """Helm does not render these values; the text is what a user sees."""


class Helm:
    """Answers from one child process; to be closed."""

    def __init__(self) -> None:
        self._made: dict[str, list[dict[str, Any]]] = {}
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.deploy.helm.renderer"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    def objects(self, chart: str, values: dict[str, Any]) -> list[dict[str, Any]]:
        """What would be installed.

        Raises:
            RefusedError: by the schema, or by a template.

        The same answer is given again: change nothing in it.
        """
        question = json.dumps([chart, values])
        if question not in self._made:
            files = self.files(chart, values)
            texts = [text for name, text in files.items() if name.endswith(".yaml")]
            found = [one for text in texts for one in yaml.load_all(text, LOADER)]
            self._made[question] = [one for one in found if one is not None]
        return self._made[question]

    def files(self, chart: str, values: dict[str, Any]) -> dict[str, str]:
        """Each template as rendered, by its name."""
        found: dict[str, str] = self._ask("render", chart, values)["files"]
        return found

    def lint(self, chart: str, values: dict[str, Any]) -> list[str]:
        """What ``helm lint --strict`` has to say beyond hints."""
        report = self._ask("lint", chart, values)["lint"]
        said = [message["error"] for message in report["messages"] if message["severity"] > 1]
        return [*said, *report["errors"]]

    def _ask(self, verb: str, chart: str, values: dict[str, Any]) -> dict[str, Any]:
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        question = {"verb": verb, "chart": str(CHARTS / chart), "values": values, "namespace": NAMESPACE}
        self._child.stdin.write(json.dumps(question) + "\n")
        self._child.stdin.flush()
        answer: dict[str, Any] = json.loads(self._child.stdout.readline())
        if "error" in answer:
            raise RefusedError(answer["error"])
        return answer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._child.communicate()


def of_kind(objects: list[dict[str, Any]], kind: str, suffix: str = "") -> dict[str, Any]:
    """The one object of a kind whose name ends so."""
    found = [one for one in objects if one["kind"] == kind and one["metadata"]["name"].endswith(suffix)]
    assert len(found) == 1, f"{len(found)} of kind {kind}"
    return found[0]
