"""What the schemas refuse, with words that name the place."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.helm.charts import CASES, LAG, NAMES, Helm, RefusedError

BOTH = {"keda": {"enabled": True, "lag": LAG}, "autoscaling": {"enabled": True}}
SHARED = CASES["streamgauge", "several on one database"]

EVERYWHERE: list[tuple[dict[str, Any], str]] = [
    (BOTH, "/autoscaling/enabled"),
    ({"keda": {"enabled": True}}, "/keda/prometheus/enabled"),
    ({"keda": {"enabled": True, "lag": {**LAG, "threshold": 1000}}}, "/keda/lag/threshold"),
    ({"keda": {"enabled": True, "lag": LAG, "minReplicas": 0}}, "/keda/minReplicas"),
    ({"image": {"tag": "latest"}}, "/image/tag"),
    ({"podSecurityContext": {"runAsNonRoot": False}}, "/podSecurityContext/runAsNonRoot"),
    ({"securityContext": {"allowPrivilegeEscalation": True}}, "/securityContext/allowPrivilegeEscalation"),
    ({"networkPolicy": {"egress": [{"name": "all", "ports": [443]}]}}, "/networkPolicy/egress/0"),
    ({"networkPolicy": {"egress": [{"name": "x", "ports": [], "sameNamespace": True}]}}, "/networkPolicy/egress/0/ports"),
    ({"networkPolicy": {"ingress": {"cidrs": ["anywhere"]}}}, "/networkPolicy/ingress/cidrs/0"),
    ({"networkPolicy": {"ingres": {}}}, "ingres"),
    ({"env": {"NUMBER": 1000000}}, "/env/NUMBER"),
    ({"replicas": 2}, "replicas"),
]  # fmt: skip


@pytest.mark.parametrize(("values", "place"), EVERYWHERE, ids=str)
@pytest.mark.parametrize("chart", NAMES)
def test_everywhere(helm: Helm, chart, values, place):
    with pytest.raises(RefusedError, match=r"don't meet the specifications") as refused:
        helm.objects(chart, (SHARED if chart == "streamgauge" else {}) | values)
    assert place in str(refused.value)


@pytest.mark.parametrize("chart", ["kafka-connect", "ksqldb"])
def test_settings_are_texts_and_name_the_brokers(helm: Helm, chart):
    for config in ({"offset.flush.interval.ms": 1000000}, {"bootstrap.servers": None}):
        with pytest.raises(RefusedError, match="/config"):
            helm.objects(chart, {"config": config})


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"replicaCount": 2}, "/replicaCount"),
        ({"updateStrategy": "RollingUpdate"}, "/updateStrategy"),
        ({"autoscaling": {"enabled": True}}, "/autoscaling/enabled"),
        ({"keda": {"enabled": True, "lag": LAG}}, "/keda/enabled"),
        ({"store": {"shared": True}}, "/store/url"),
        ({"notify": {"enabled": True}}, "/notify/topic"),
        ({"run": {"enabled": False}}, "/run/enabled"),
        ({"migration": {"enabled": True}}, "/token/existingSecret"),
        ({"config": ""}, "/config"),
        ({"files": {"a/b": "c"}}, "invalid propertyName"),
    ],
    ids=str,
)
def test_of_streamgauge(helm: Helm, values, place):
    with pytest.raises(RefusedError) as refused:
        helm.objects("streamgauge", values)
    assert place in str(refused.value)


def test_a_file_that_the_chart_writes_is_not_written_over(helm: Helm):
    with pytest.raises(RefusedError, match=r"streamgauge\.yaml is written by the chart itself"):
        helm.objects("streamgauge", {"files": {"streamgauge.yaml": "x"}})
