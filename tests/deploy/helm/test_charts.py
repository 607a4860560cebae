"""What Helm makes of the charts: nothing to complain of, each switch does what it says, each value is explained."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from tests.deploy.helm.charts import CASES, CHARTS, NAMES, NAMESPACE, Helm, of_kind

ALL = [pytest.param(chart, values, id=f"{chart}: {case}") for (chart, case), values in CASES.items()]


@pytest.mark.parametrize(("chart", "values"), ALL)
def test_helm_has_nothing_to_complain_of(helm: Helm, chart, values):
    assert helm.lint(chart, values) == []


@pytest.mark.parametrize(("chart", "values"), ALL)
def test_every_object_carries_the_names_by_which_it_is_found(helm: Helm, chart, values):
    objects = helm.objects(chart, values)
    keys = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(keys) == len(set(keys))
    for one in objects:
        labels = one["metadata"]["labels"]
        assert one["metadata"]["namespace"] == NAMESPACE
        assert (labels["app.kubernetes.io/name"], labels["app.kubernetes.io/instance"]) == (chart, "demo")
        assert labels["app.kubernetes.io/managed-by"] == "Helm"


@pytest.mark.parametrize(("chart", "values"), ALL)
def test_what_refers_to_something_finds_it(helm: Helm, chart, values):
    objects = helm.objects(chart, values)
    pods = [
        one["spec"]["template"]["metadata"]["labels"] for one in objects if "template" in one.get("spec", {})
    ]
    deployments = {one["metadata"]["name"] for one in objects if one["kind"] == "Deployment"}
    services = {
        one["metadata"]["name"]: {port["port"] for port in one["spec"]["ports"]}
        for one in objects
        if one["kind"] == "Service"
    }
    for one in objects:
        spec = one.get("spec", {})
        if one["kind"] in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
            selector = spec.get("podSelector", spec.get("selector", {}))
            wanted = selector.get("matchLabels", selector)
            assert sum(wanted.items() <= labels.items() for labels in pods) == 1
        if "scaleTargetRef" in spec:
            assert spec["scaleTargetRef"]["name"] in deployments
        for rule in spec.get("rules", []):
            for path in rule["http"]["paths"]:
                backend = path["backend"]["service"]
                assert backend["port"]["number"] in services[backend["name"]]


@pytest.mark.parametrize("chart", NAMES)
def test_the_autoscaler_alone_says_how_many(helm: Helm, chart):
    fixed = of_kind(helm.objects(chart, CASES[chart, "as it comes"]), "Deployment")
    assert fixed["spec"]["replicas"] == (1 if chart == "streamgauge" else 2)
    for case, kind in (("by processor time", "HorizontalPodAutoscaler"), ("by lag", "ScaledObject")):
        objects = helm.objects(chart, CASES[chart, f"scaled {case}"])
        assert "replicas" not in of_kind(objects, "Deployment")["spec"]
        assert of_kind(objects, kind)["spec"]["scaleTargetRef"]["kind"] == "Deployment"
        other = {"HorizontalPodAutoscaler", "ScaledObject"} - {kind}
        assert not [one for one in objects if one["kind"] in other]


@pytest.mark.parametrize("chart", NAMES)
def test_keda_scales_by_lag_by_a_metric_or_both(helm: Helm, chart):
    def triggers(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
        base = CASES[chart, "scaled by lag"] | {"keda": {"enabled": True, **values}}
        found = of_kind(helm.objects(chart, base), "ScaledObject")["spec"]["triggers"]
        assert all(isinstance(text, str) for one in found for text in one["metadata"].values())
        return {one["type"]: one for one in found}

    lag = {
        "enabled": True,
        "threshold": "1000000",
        "consumerGroup": "connect-slack",
        "authentication": "sasl",
    }
    assert triggers({"lag": lag})["kafka"]["metadata"]["lagThreshold"] == "1000000"
    assert triggers({"lag": lag})["kafka"]["authenticationRef"] == {"name": "sasl"}
    both = triggers({"lag": lag, "prometheus": {"enabled": True, "query": 'sum(up{job="a"})'}})
    assert both["prometheus"]["metadata"]["query"] == 'sum(up{job="a"})'
    assert both["prometheus"]["metadata"]["ignoreNullValues"] == "false"
    assert set(both) == {"kafka", "prometheus"}


@pytest.mark.parametrize(("chart", "prefix"), [("kafka-connect", "CONNECT_"), ("ksqldb", "KSQL_")])
def test_settings_become_variables_as_the_images_read_them(helm: Helm, chart, prefix):
    config = {"ssl.key-store_file": "/a", "consumer.max.poll.records": "1000000"}
    deployment = of_kind(helm.objects(chart, {"config": config}), "Deployment")
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    values = {one["name"]: one.get("value") for one in container["env"]}
    assert values[f"{prefix}SSL_KEY___STORE__FILE"] == "/a"
    assert values[f"{prefix}CONSUMER_MAX_POLL_RECORDS"] == "1000000"
    assert values[f"{prefix}BOOTSTRAP_SERVERS"] == "kafka:9092"


def test_another_file_means_other_pods(helm: Helm):
    def checksum(values: dict[str, Any]) -> str:
        pod = of_kind(helm.objects("streamgauge", values), "Deployment")["spec"]["template"]["metadata"]
        found: str = pod["annotations"]["checksum/config"]
        return found

    assert checksum({}) == checksum({"replicaCount": 0})
    assert len({checksum(one) for one in ({}, {"config": "monitors: {}"}, {"files": {"a": "b"}})}) == 3


def test_a_token_of_ones_own_is_taken_and_none_is_made(helm: Helm):
    made = of_kind(helm.objects("streamgauge", {}), "Secret")
    assert made["metadata"]["name"] == "demo-streamgauge-token"
    own = helm.objects("streamgauge", {"token": {"existingSecret": "mine", "key": "gauge"}})
    assert not [one for one in own if one["kind"] == "Secret"]
    volumes = of_kind(own, "Deployment")["spec"]["template"]["spec"]["volumes"]
    (token,) = [one for one in volumes if one["name"] == "token"]
    assert token["secret"]["secretName"] == "mine"
    assert token["secret"]["items"] == [{"key": "gauge", "path": "token"}]


def test_the_volume_belongs_to_a_file_alone(helm: Helm):
    kinds = {
        one["kind"] for one in helm.objects("streamgauge", CASES["streamgauge", "several on one database"])
    }
    assert "PersistentVolumeClaim" not in kinds
    kept = of_kind(
        helm.objects("streamgauge", CASES["streamgauge", "a volume that stays"]), "PersistentVolumeClaim"
    )
    assert kept["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep"}


def test_the_migration_runs_before_anything_of_the_release(helm: Helm):
    objects = helm.objects("streamgauge", CASES["streamgauge", "with a migration"])
    hooks = [one for one in objects if "helm.sh/hook" in one["metadata"].get("annotations", {})]
    assert {one["kind"] for one in hooks} == {"Job", "NetworkPolicy"}
    pod = of_kind(hooks, "Job")["spec"]["template"]["spec"]
    names = {one["metadata"]["name"] for one in objects if one not in hooks}
    mentioned = set(re.findall(r"[\w-]+", json.dumps(pod["volumes"]))) | {pod["serviceAccountName"]}
    assert not names & mentioned
    assert "--store=postgresql://gauge@db/streamgauge" in pod["containers"][0]["args"]


@pytest.mark.parametrize(("chart", "values"), ALL)
def test_the_notes_name_what_is_there(helm: Helm, chart, values):
    notes = helm.files(chart, values)[f"{chart}/templates/NOTES.txt"]
    names = {f"{one['kind'].lower()}/{one['metadata']['name']}" for one in helm.objects(chart, values)}
    told = set(re.findall(r"(?:deployment|service)/[\w-]+", notes))
    assert told
    assert told <= names
    assert not [line for line in notes.splitlines() if "<no value>" in line or line != line.rstrip()]


@pytest.mark.parametrize("chart", NAMES)
def test_every_value_is_explained_and_known_to_the_schema(chart):
    text = (CHARTS / chart / "values.yaml").read_text("utf-8")
    paragraphs = [part.strip("\n") for part in text.split("\n\n")]
    assert [part for part in paragraphs if not re.search(r"^ *#", part, re.MULTILINE)] == []
    schema = json.loads((CHARTS / chart / "values.schema.json").read_text("utf-8"))
    assert set(yaml.safe_load(text)) == set(schema["properties"]) - {"global", "parts"}
    assert set(schema["properties"]["keda"]["properties"]) >= {"enabled", "lag", "prometheus"}


@pytest.mark.parametrize("chart", NAMES[1:])
def test_what_the_schemas_share_is_the_same_text(chart):
    """A schema cannot lie in a library chart."""
    assert (CHARTS / chart / ".helmignore").read_text("utf-8") == (
        CHARTS / NAMES[0] / ".helmignore"
    ).read_text("utf-8")
    shared = [
        json.loads((CHARTS / name / "values.schema.json").read_text("utf-8")) for name in (NAMES[0], chart)
    ]
    assert shared[0]["$defs"] == shared[1]["$defs"]
    common = set(shared[0]["properties"]) & set(shared[1]["properties"])
    assert {name for name in common if shared[0]["properties"][name] != shared[1]["properties"][name]} <= {
        "config"
    }
