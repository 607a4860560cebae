"""Three versions of Kubernetes have nothing to object to, strictly; neither have KEDA and Prometheus' operator."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from tests.deploy.helm import schemas
from tests.deploy.helm.charts import CASES, Helm, of_kind
from tests.services.kubernetes import definitions
from tests.services.missing import CannotBeHadError, skip_or_fail

CUSTOM = {"ScaledObject": "keda", "ServiceMonitor": "prometheus"}


def different(helm: Helm) -> dict[str, dict[str, Any]]:
    """The objects of all cases, those that are the same once."""
    return {
        json.dumps(one, sort_keys=True): one
        for (chart, _), values in CASES.items()
        for one in helm.objects(chart, values)
        if one["kind"] not in CUSTOM
    }


@pytest.mark.parametrize("version", schemas.VERSIONS)
def test_every_object_is_as_kubernetes_wants_it(helm: Helm, version):
    objects = different(helm)
    assert len(objects) > 60
    wrong = {text: said for text, one in objects.items() if (said := schemas.mistakes(one, version))}
    assert wrong == {}


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"replicas": "two"}, "$.spec.replicas"),
        ({"replica": 2}, "'replica' was unexpected"),
        ({"strategy": {"type": "Recreate", "rolling": {}}}, "$.spec.strategy"),
    ],
    ids=str,
)
def test_a_mistake_would_be_found(helm: Helm, change, place):
    deployment = of_kind(helm.objects("kafka-connect", {}), "Deployment")
    wrong = {**deployment, "spec": {**deployment["spec"], **change}}
    for version in schemas.VERSIONS:
        assert any(place in said for said in schemas.mistakes(wrong, version))


@cache
def definition(kind: str) -> Any:
    try:
        return schemas.of_definition(definitions.of_kind(kind))
    except CannotBeHadError as missing:
        skip_or_fail(str(missing))


@pytest.mark.services
@pytest.mark.parametrize("kind", CUSTOM)
def test_what_others_define_is_as_they_want_it(helm: Helm, kind):
    looked = 0
    for (chart, _), values in CASES.items():
        for one in helm.objects(chart, values):
            if one["kind"] == kind:
                assert schemas.said_by(definition(kind), one) == []
                wrong = {**one, "spec": {**one["spec"], "unheard-of": 1}}
                assert schemas.said_by(definition(kind), wrong) != []
                looked += 1
    assert looked >= (1 if kind == "ServiceMonitor" else 6)
