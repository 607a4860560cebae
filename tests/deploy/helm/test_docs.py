"""The pages about Kubernetes: values on them render, checks that they name exist, commands name what there is."""

from __future__ import annotations

import inspect
import re

import pytest
import yaml

from streamgauge.checkup.examination import ORDER
from tests.deploy.helm.charts import CHARTS, NAMES, Helm
from tests.docs.pages import ROOT, Block, all_blocks, blocks

PAGES = sorted((ROOT / "docs" / "deploy").glob("*.md"))
VALUES = [block for block in all_blocks("yaml") if "values" in block.words]


@pytest.mark.parametrize("block", VALUES, ids=str)
def test_values_render_and_leave_nothing_to_complain_of(helm: Helm, block: Block):
    _, chart = block.words
    assert helm.objects(chart, yaml.safe_load(block.text))
    assert helm.lint(chart, yaml.safe_load(block.text)) == []


def test_every_chart_has_values_shown():
    assert {block.words[1] for block in VALUES} == set(NAMES)


def test_the_troubles_are_found_by_checks_that_exist():
    page = (ROOT / "docs/deploy/troubleshooting.md").read_text("utf-8")
    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \| [^|]+ \|$", page.split("## Before")[0], flags=re.MULTILINE)
    named = {name for row in rows[1:] for name in re.findall(r"(?<!\[)`([a-z ]+)`", row)}
    source = "\n".join(
        inspect.getsource(module)  # type: ignore[arg-type]  # a check is a module
        for module in ORDER
    )
    known = set(re.findall(r'^(?:NAME|METRICS|READABLE|SANE) = "([a-z ]+)"', source, flags=re.MULTILINE))
    assert len(rows) > 10
    assert named <= known
    assert known - named == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_charts_and_values_that_a_page_names_are_there(page):
    for block in (one for one in blocks(page) if one.language == "bash"):
        for path in re.findall(r"deploy/helm/[\w-]+", block.text):
            assert (ROOT / path / "Chart.yaml").exists()
    values = {chart: yaml.safe_load((CHARTS / chart / "values.yaml").read_text("utf-8")) for chart in NAMES}
    tops = set().union(*values.values())
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for dotted in re.findall(r"`([a-z]+[A-Za-z]*(?:\.[a-z][A-Za-z]+)+)[:`]", prose):
        first, *rest = dotted.split(".")
        if first in tops and first != "config":
            assert any(reaches(values[chart], [first, *rest]) for chart in NAMES), dotted


def reaches(value, path):
    return not path or (isinstance(value, dict) and path[0] in value and reaches(value[path[0]], path[1:]))
