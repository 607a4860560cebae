"""The bundle holds together: what a chart names is in its dataset, what a dataset names is in the database."""

from __future__ import annotations

import io
import json
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from streamgauge.config import load
from streamgauge.forecasting.stored import Stored
from tests.docs.pages import ROOT

FOLDER = ROOT / "integrations" / "superset"
SQL = (FOLDER / "charts.sql").read_text("utf-8")
bundle: dict[str, Any] = runpy.run_path(str(FOLDER / "bundle.py"))
FILES: dict[str, dict[str, Any]] = dict(bundle["files"]())
TYPES = {
    "text": "TEXT",
    "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
    "double precision": "DOUBLE PRECISION",
}


def kind(name: str) -> dict[str, dict[str, Any]]:
    return {path: content for path, content in FILES.items() if path.startswith(f"{name}/")}


DATASETS = {content["uuid"]: content for content in kind("datasets").values()}
CHARTS = {content["uuid"]: content for content in kind("charts").values()}
(DASHBOARD,) = kind("dashboards").values()


def columns_of(dataset: str) -> list[str]:
    return [column["column_name"] for column in DATASETS[dataset]["columns"]]


def in_database() -> dict[str, list[str]]:
    """The columns of the tables and views that charts.sql makes."""
    found = {
        name: re.findall(r"^    ([a-z_]+) (?:text|timestamp|double)", body, flags=re.MULTILINE)
        for name, body in re.findall(
            r"TABLE IF NOT EXISTS charts\.(\w+) \((.*?)^\);", SQL, flags=re.DOTALL | re.MULTILINE
        )
    }
    for name, listed in re.findall(r"VIEW charts\.(\w+) \((.*?)\)", SQL):
        columns = listed.split(", ")
        assert (
            found.setdefault(name, columns) == columns
        )  # a view is written twice: with and without its table
    return found


def named_by(chart: dict[str, Any]) -> Iterator[str]:
    """Every column that a chart asks for."""
    params = chart["params"]
    yield from params.get("groupby", ())
    yield from params.get("all_columns", ())
    yield from (json.loads(one)[0] for one in params.get("order_by_cols", ()))
    yield from (one["column"]["column_name"] for one in params.get("metrics", ()))
    yield from (one["subject"] for one in params["adhoc_filters"])
    if "x_axis" in params:
        yield params["x_axis"]


def test_every_chart_that_was_asked_for_is_there():
    assert len(FILES) == 1 + 1 + 7 + 8 + 1
    assert FILES["metadata.yaml"]["type"] == "assets"
    used = {one["dataset_uuid"] for one in CHARTS.values()}
    assert used == set(DATASETS)


@pytest.mark.parametrize("chart", CHARTS.values(), ids=lambda chart: chart["slice_name"])
def test_a_chart_names_columns_of_its_dataset(chart):
    named = set(named_by(chart))
    assert named
    assert named <= set(columns_of(chart["dataset_uuid"]))
    assert chart["viz_type"] == chart["params"]["viz_type"]


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset["table_name"])
def test_a_dataset_has_the_columns_that_the_database_has(dataset):
    there = in_database()
    assert dataset["schema"] == "charts"
    assert columns_of(dataset["uuid"]) == there[dataset["table_name"]]
    (database,) = kind("databases").values()
    assert dataset["database_uuid"] == database["uuid"]
    moments = [column["column_name"] for column in dataset["columns"] if column["is_dttm"]]
    assert dataset["main_dttm_col"] in moments


def test_types_are_those_of_the_tables():
    for dataset in DATASETS.values():
        body = re.search(
            rf"NOT EXISTS charts\.{dataset['table_name']} \((.*?)^\);", SQL, flags=re.DOTALL | re.MULTILINE
        )
        for column in dataset["columns"] if body else ():
            assert body is not None
            made = re.search(
                rf"^    {column['column_name']} ({'|'.join(TYPES)})", body[1], flags=re.MULTILINE
            )
            assert made is not None
            assert column["type"] == TYPES[made[1]], column


def test_views_read_what_forecast_writes():
    stored = Stored("postgresql://u@h/d", "forecasts", "ip")
    rows, scores = stored._table._columns, stored._scores._columns
    assert {"yhat", "yhat_lower", "yhat_upper", "model", "ds"} <= set(rows)
    read = set(re.findall(r"one\.([a-z]\w+)", SQL.split("IF forecasts_table IS NOT NULL")[1]))
    assert len(read) > 8
    assert read <= {*rows, *scores}


def test_no_uuid_stands_for_two_things():
    named = [content["uuid"] for path, content in FILES.items() if path != "metadata.yaml"]
    assert len(set(named)) == len(named) == len(FILES) - 1


def test_the_dashboard_shows_each_chart_once():
    shown = [
        one["meta"]
        for one in DASHBOARD["position"].values()
        if isinstance(one, dict) and one["type"] == "CHART"
    ]
    assert sorted(one["uuid"] for one in shown) == sorted(CHARTS)
    assert all(CHARTS[one["uuid"]]["slice_name"] == one["sliceName"] for one in shown)
    assert len({one["chartId"] for one in shown}) == len(shown)
    for one in DASHBOARD["position"].values():
        if isinstance(one, dict):
            assert all(child in DASHBOARD["position"] for child in one.get("children", ()))


def test_filters_act_on_columns_and_charts_that_there_are():
    shown = {
        one["meta"]["chartId"]: one["meta"]["uuid"]
        for one in DASHBOARD["position"].values()
        if isinstance(one, dict) and one["type"] == "CHART"
    }
    for one in DASHBOARD["metadata"]["native_filter_configuration"]:
        assert set(one["scope"]["excluded"]) < set(shown)
        for target in one["targets"]:
            if target:
                assert target["column"]["name"] in columns_of(target["datasetUuid"])
                among = [uuid for number, uuid in shown.items() if number not in one["scope"]["excluded"]]
                for (
                    uuid
                ) in among:  # a filter by a column that a chart's dataset lacks would do nothing, silently
                    assert target["column"]["name"] in columns_of(CHARTS[uuid]["dataset_uuid"])


def test_the_zip_is_the_same_each_time_whenever_the_files_were_written(tmp_path):
    copy = tmp_path / "elsewhere"
    shutil.copytree(FOLDER / "bundle", copy, copy_function=shutil.copyfile)
    once = bundle["build"]("postgresql+psycopg2://u@h/d")
    assert bundle["build"]("postgresql+psycopg2://u@h/d", copy) == once
    with ZipFile(io.BytesIO(once)) as archive:
        assert archive.testzip() is None
        assert [name.removeprefix("streamgauge/") for name in archive.namelist()] == list(FILES)
        database = yaml.safe_load(archive.read("streamgauge/databases/streamgauge.yaml"))
        charts = [yaml.safe_load(archive.read(name)) for name in archive.namelist() if "/charts/" in name]
    assert database["sqlalchemy_uri"] == "postgresql+psycopg2://u@h/d"
    for chart in charts:
        (query,) = json.loads(chart["query_context"])["queries"]
        assert query["columns"]
        assert query["row_limit"] > 0


@pytest.mark.parametrize(
    ("url", "given", "address", "password"),
    [
        ("postgresql://u@h/d", None, "u@h/d", None),
        ("postgresql://u@h/d", "s", "u:XXXXXXXXXX@h/d", "s"),
        ("postgres://u:s%2Ft@h:5433/d", "other", "u:XXXXXXXXXX@h:5433/d", "s/t"),
        ("postgresql://h/d?sslmode=require", None, "h/d?sslmode=require", None),
    ],
)
def test_a_password_goes_beside_the_address(url, given, address, password):
    assert bundle["place_of"](url, given) == (f"postgresql+psycopg2://{address}", password)


@pytest.mark.parametrize("url", ["sqlite:///x.db", "postgresql://h", "postgresql:///d", "d"])
def test_what_is_no_address_is_refused_without_showing_it(url):
    with pytest.raises(ValueError, match=r"postgresql://USER@HOST/DATABASE$"):
        bundle["place_of"](url)


def test_a_superset_that_is_not_there_is_told_and_no_password_shown():
    environ = {
        "SUPERSET_PASSWORD": "hidden-one",
        "PGPASSWORD": "hidden-two",
        "STREAMGAUGE_DATABASE": "postgresql://u@h/d",
    }
    script = [sys.executable, str(FOLDER / "import_bundle.py"), "--url", "http://127.0.0.1:9", "--wait", "0"]
    done = subprocess.run(script, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert "http://127.0.0.1:9 did not answer within 0 s" in done.stderr
    assert "is Superset running there?" in done.stderr
    assert "hidden" not in done.stderr + done.stdout
    less = subprocess.run(script, env={"SUPERSET_PASSWORD": "x"}, capture_output=True, text=True, check=False)
    assert (less.returncode, "set STREAMGAUGE_DATABASE" in less.stderr) == (2, True)


def test_the_example_has_no_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """But for the reference, which its first commands make."""
    text = (
        (FOLDER / "example.yaml")
        .read_text("utf-8")
        .replace("first-day.reference", "{amount: [1, 2], minutes: [1, 2], score: [1, 2]}")
    )
    (tmp_path / "example.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert load(tmp_path / "example.yaml", environ={"DATABASE_URL": "postgresql://u@h/d"}).warnings == ()


def test_the_image_is_made_of_what_is_there_and_pinned():
    text = (FOLDER / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    copied = [
        one for line in re.findall(r"^COPY (.+)$", text, flags=re.MULTILINE) for one in line.split()[:-1]
    ]
    assert len(copied) == 5
    assert all((ROOT / one).exists() for one in copied)
    assert "FROM apache/superset:6.1.0\n" in text
    assert re.search(r"psycopg2-binary==\d+\.\d+\.\d+", text)
    assert re.search(r"^USER 1000:1000$", text, flags=re.MULTILINE)
