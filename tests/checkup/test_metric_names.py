"""``doctor --dashboards``: which metrics of dashboards and rules nobody tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from streamgauge.checkup.metric_names.questions import asked_in
from tests.cli.in_process import Verb
from tests.services.process import free_ports

KNOWN = ["up", "http_requests_total", "metrics_a_driver_q_latency_Value", "kafka_consumergroup_lag"]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb("doctor", capsys)


@pytest.fixture
def prometheus(httpserver: HTTPServer) -> str:
    httpserver.expect_request("/api/v1/label/__name__/values").respond_with_json(
        {"status": "success", "data": KNOWN}
    )
    return httpserver.url_for("/")


def board(folder: Path, *queries: str, variable: object = None) -> Path:
    panels = [
        {"title": f"Panel {number}", "targets": [{"expr": query}]} for number, query in enumerate(queries)
    ]
    chosen = [] if variable is None else [{"type": "query", "name": "group", "query": variable}]
    file = folder / "board.json"
    inner = {"type": "row", "title": "Row", "panels": panels}
    file.write_text(json.dumps({"title": "Board", "panels": [inner], "templating": {"list": chosen}}))
    return file


def names(folder: Path, query: str) -> set[str]:
    return {name.text for name in asked_in(board(folder, query)).names}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("up", {"up"}),
        ('sum by (le) (rate(a_bucket{job="up"}[$__rate_interval])) / scalar(b)', {"a_bucket", "b"}),
        ("topk($n, c)", {"c"}),
        ('max_over_time(d{x=~"${y:regex}"}[$__range:1m] offset 5m)', {"d"}),
        ('histogram_quantile(0.9, e) > bool [[limit]] or -f{g="h"} unless on (i) j', {"e", "f", "j"}),
        ('label_replace(k, "a", "$1", "b", "(.*)")', {"k"}),
        ('{__name__="l"}', {"l"}),
        ("$metric", set()),
        ("sum(${metric}_total)", set()),
    ],
)
def test_names_are_told_from_functions_labels_and_variables(tmp_path, query, expected):
    assert names(tmp_path, query) == expected


def test_a_name_that_is_there_is_fine(doctor, tmp_path, prometheus):
    file = board(tmp_path, "sum(up)", variable="label_values(up, job)")
    ended = doctor("--dashboards", file, "--prometheus", prometheus)
    assert (ended.code, ended.lines) == (
        0,
        [f"ok      dashboard, {file}: 2 queries ask for 1 metrics, and all are there", "1 check, no faults"],
    )


def test_a_name_that_is_not_there_is_named_with_its_panels_and_what_comes_near(doctor, tmp_path, prometheus):
    board(tmp_path, "http_request_total", "rate(http_request_total[1m])", "up")
    ended = doctor("--dashboards", tmp_path, "--prometheus", prometheus)
    assert ended.code == 1
    assert ended.lines[0].endswith("there is no metric http_request_total; asked for by Panel 0, Panel 1")
    assert ended.lines[1].endswith("did you mean `http_requests_total`?")


def test_a_pattern_of_names_needs_one_that_fits(doctor, tmp_path, prometheus):
    board(tmp_path, '{__name__=~"metrics_.+_latency_Value"}', '{__name__=~"metrics_.+_delay"}')
    ended = doctor("--dashboards", tmp_path, "--prometheus", prometheus)
    assert [line for line in ended.lines if "there is no" in line] == [
        f"WRONG   dashboard, {tmp_path}/board.json: there is no metric metrics_.+_delay; asked for by Panel 1"
    ]


def test_variables_and_rules_are_looked_at_too(doctor, tmp_path, prometheus):
    board(tmp_path, "up", variable={"query": "label_values(kafka_groups, group)", "refId": "A"})
    rules = {"groups": [{"name": "g", "rules": [{"alert": "Away", "expr": "down == 1"}]}]}
    (tmp_path / "rules.yml").write_text(json.dumps(rules))
    found = doctor("--dashboards", tmp_path, "--prometheus", prometheus, "--json").objects
    assert [(Path(one["about"]).name, one["found"]) for one in found] == [
        ("board.json", "there is no metric kafka_groups; asked for by $group"),
        ("rules.yml", "there is no metric down; asked for by Away"),
    ]


def test_what_is_no_promql_is_said(doctor, tmp_path, prometheus):
    board(tmp_path, "sum(up")
    ended = doctor("--dashboards", tmp_path, "--prometheus", prometheus)
    assert ended.code == 1
    assert "Panel 0: this is no PromQL" in ended.lines[0]


@pytest.mark.parametrize("text", ["{", "[1, 2"])
def test_a_file_that_cannot_be_read_ends_with_2(doctor, tmp_path, prometheus, text):
    (tmp_path / "board.json").write_text(text)
    ended = doctor("--dashboards", tmp_path, "--prometheus", prometheus)
    assert (ended.code, "board.json cannot be read" in ended.err) == (2, True)


def test_a_prometheus_that_is_away_ends_with_3(doctor, tmp_path):
    ended = doctor(
        "--dashboards", board(tmp_path, "up"), "--prometheus", f"http://127.0.0.1:{free_ports(1)[0]}"
    )
    assert (ended.code, "--prometheus URL" in ended.err) == (3, True)


def test_something_is_to_be_looked_at(doctor, tmp_path):
    assert doctor().code == 2
    assert "holds no .json" in doctor("--dashboards", tmp_path).err
