"""The dashboards are what their code says, and ask only what can be asked."""

from pathlib import Path

import pytest
import yaml
from deploy.monitoring.dashboards import NAMES, all_boards
from deploy.monitoring.dashboards.__main__ import FOLDER, path_of, write
from deploy.monitoring.dashboards.panels import as_json

from streamgauge.metrics import METRICS
from tests.monitoring import asked

OURS = ("streamgauge_", "fraud_", "http_")
SUFFIXES = ("_bucket", "_sum", "_count")


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_its_code_makes(name):
    assert path_of(name).read_text("utf-8") == as_json(all_boards()[name]), "make docs writes it anew"


def test_there_are_no_others():
    assert {path.stem for path in FOLDER.glob("*.json")} == set(NAMES)


def test_only_what_changed_is_written(tmp_path):
    assert len(write(all_boards(), tmp_path)) == len(NAMES)
    path_of_one = tmp_path / "fraud.json"
    path_of_one.write_text("{}")
    assert write(all_boards(), tmp_path) == [path_of_one]


@pytest.mark.parametrize("name", NAMES)
def test_each_panel_says_what_is_healthy_and_has_a_unit(name):
    for panel in asked.panels(asked.boards()[name]):
        assert len(panel["description"]) >= 10, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@pytest.mark.parametrize("name", NAMES)
def test_grafana_can_tell_panels_and_queries_apart(name):
    board = asked.boards()[name]
    shown = asked.panels(board)
    assert len({panel["id"] for panel in shown}) == len(shown)
    for panel in shown:
        letters = [target["refId"] for target in panel["targets"]]
        assert letters == sorted(set(letters))
        assert letters
        assert panel["datasource"] == {"type": "prometheus", "uid": "prometheus"}
    assert board["uid"] == name
    assert board["schemaVersion"] >= 41


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_lies_on_another_or_beyond_the_edge(name):
    taken: set[tuple[int, int]] = set()
    for panel in asked.boards()[name]["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("name", NAMES)
def test_each_query_is_promql_with_every_variable_declared(name):
    declared = {one["name"] for one in asked.boards()[name].get("templating", {}).get("list", [])}
    for panel in asked.panels(asked.boards()[name]):
        for target in panel["targets"]:
            used = set(asked.VARIABLE.findall(target["expr"])) - {"__rate_interval"}
            assert used <= declared, panel["title"]
            assert asked.metrics(asked.outside(target["expr"])), panel["title"]
    for each in asked.of_variables(name):
        assert asked.metrics(each.expr)


def test_every_name_of_ours_is_one_that_we_export():
    known = {metric.name for metric in METRICS}
    every = [each for name in NAMES for each in asked.of_board(name)]
    every += [asked.Asked(rule["alert"], rule["expr"]) for rule in asked.rules()]
    for each in every:
        for name in asked.metrics(each.expr):
            if name.startswith(OURS):
                plain = next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)
                assert {name, plain} & known, f"{each.where}: nobody exports {name}"


def test_model_quality_stands_on_a_fixed_axis():
    (panel,) = [one for one in asked.panels(asked.boards()["fraud"]) if one["title"] == "Model quality"]
    assert {key: panel["fieldConfig"]["defaults"][key] for key in ("min", "max")} == {"min": 0, "max": 1}
    shown = {name for target in panel["targets"] for name in asked.metrics(target["expr"])}
    assert shown == {"fraud_model_precision", "fraud_model_recall", "fraud_model_accuracy"}


def test_detections_are_bars_of_the_running_total():
    (panel,) = [one for one in asked.panels(asked.boards()["fraud"]) if one["title"] == "Detections"]
    assert panel["fieldConfig"]["defaults"]["custom"]["drawStyle"] == "bars"
    assert [target["expr"] for target in panel["targets"]] == ["sum by (result) (fraud_transactions_total)"]


def test_what_is_provisioned_is_what_the_dashboards_ask_for():
    provisioning = asked.MONITORING / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources.yaml").read_text())["datasources"]
    assert (source["uid"], source["type"]) == ("prometheus", "prometheus")
    (provider,) = yaml.safe_load((provisioning / "dashboards.yaml").read_text())["providers"]
    mounted = yaml.safe_load((asked.MONITORING / "docker-compose.monitoring.yml").read_text())
    volumes = [volume.split(":") for volume in mounted["services"]["grafana"]["volumes"]]
    at = {inside: outside for outside, inside, *_ in volumes}
    assert at[provider["options"]["path"]] == "./grafana/dashboards"
    for outside, *_ in volumes:
        assert not outside.startswith(".") or (asked.MONITORING / outside).exists()


def test_each_alert_has_a_runbook_that_is_there():
    page = (Path(__file__).parents[2] / "docs" / "monitoring.md").read_text("utf-8")
    headings = {line.lstrip("# ").lower() for line in page.splitlines() if line.startswith("#")}
    for rule in asked.rules():
        assert (
            "runbook_url" not in rule["annotations"]
        )  # Grafana and Slack would make a link of it, and it has no host
        file, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert file == "docs/monitoring.md"
        assert anchor == rule["alert"].lower()
        assert anchor in headings
