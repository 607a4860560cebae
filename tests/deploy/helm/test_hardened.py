"""Every pod of every case keeps to Kubernetes' `restricted` standard, and to some rules more."""

from __future__ import annotations

import pytest

from tests.deploy.helm.charts import CASES, Helm

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}  # fmt: skip


@pytest.mark.parametrize(
    ("chart", "values"), [pytest.param(key[0], values, id=": ".join(key)) for key, values in CASES.items()]
)
def test_every_pod(helm: Helm, chart, values):
    workloads = [one for one in helm.objects(chart, values) if one["kind"] in ("Deployment", "Job")]
    assert workloads
    for pod in (one["spec"]["template"]["spec"] for one in workloads):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        volumes = {one["name"]: set(one) - {"name"} for one in pod["volumes"]}
        assert set().union(*volumes.values()) <= VOLUMES
        for container in [*pod.get("initContainers", []), *pod["containers"]]:
            _holds(container, set(volumes))


def _holds(container, volumes):
    security = container["securityContext"]
    assert security["allowPrivilegeEscalation"] is False
    assert security["readOnlyRootFilesystem"] is True
    assert security["capabilities"] == {"drop": ["ALL"]}
    image, _, tag = container["image"].rpartition(":")
    assert image
    assert tag not in ("", "latest")
    assert {"requests", "limits"} <= set(container["resources"])
    assert {one["name"] for one in container["volumeMounts"]} <= volumes
    paths = [one["mountPath"] for one in container["volumeMounts"]]
    assert len(paths) == len(set(paths))
    if "ports" in container:
        ports = {one["name"] for one in container["ports"]}
        for kind in ("startupProbe", "livenessProbe", "readinessProbe"):
            assert container[kind]["httpGet"]["port"] in ports
