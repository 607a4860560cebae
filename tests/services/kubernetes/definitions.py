"""What KEDA and Prometheus' operator add to Kubernetes: their own CustomResourceDefinitions, out of their sources."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import yaml

from tests.services.fetching import alone
from tests.services.kubernetes.fetching import CACHE, downloaded

KEDA = "github.com/kedacore/keda/v2@v2.21.0"
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.85.0"
WHERE = {
    "ScaledObject": (KEDA, "config/crd/bases/keda.sh_scaledobjects.yaml"),
    "ServiceMonitor": (
        OPERATOR,
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
    ),
}


def file_of(kind: str) -> Path:
    """The definition's file, fetched when it is not here.

    Raises:
        CannotBeHadError: it cannot be fetched.
    """
    module, path = WHERE[kind]
    file = CACHE / "definitions" / module.rpartition("@")[2] / f"{kind}.yaml"
    with alone(CACHE):
        if not file.exists():
            found = Path(downloaded(module)["Dir"]) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(found, file.with_suffix(".part"))
            file.with_suffix(".part").rename(file)
    return file


def of_kind(kind: str) -> dict[str, Any]:
    """The definition."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, Any] = yaml.load(file_of(kind).read_text("utf-8"), loader)
    return found
