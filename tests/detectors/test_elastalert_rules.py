"""Each rule type of ElastAlert 2 has its counterpart on the page, and that counterpart speaks when it should."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.replaying import S, config, run, told

PAGE = (Path(__file__).parents[2] / "docs/coming-from-elastalert.md").read_text("utf-8")
TYPES = [
    "any", "blacklist", "whitelist", "change", "frequency", "spike", "flatline", "new_term", "cardinality",
    "metric_aggregation", "spike_aggregation", "percentage_match",
]  # fmt: skip
MINUTE, DAY = 60, 86_400


def rule(kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The first example under a type's heading: the stream's fields, and the monitor."""
    section = PAGE.split(f"\n### {kind}\n", 1)[1].split("\n### ")[0].split("\n## ")[0]
    assert re.search(rf"^type: {kind}$", section, re.MULTILINE), "the page shows theirs beside ours"
    block = re.search(r"```yaml piece\n(.*?)```", section, re.DOTALL)
    assert block is not None
    (monitor,) = (piece := yaml.safe_load(block[1]))["monitors"].values()
    fields = {**piece["streams"]["logs"]["fields"], "at": {"type": "timestamp", "unit": "us"}}
    return fields, {key: value for key, value in monitor.items() if key != "stream"}


def rows(*given: tuple[float, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"at": round(at * S), **fields} for at, fields in given]


def several(count: int, start: float, step: float, **fields: Any) -> list[tuple[float, dict[str, Any]]]:
    return [(start + i * step, fields) for i in range(count)]


H = {"host": "h1"}
SPEAKS: dict[str, tuple[list[dict[str, Any]], float]] = {
    "any": (rows((0, {**H, "message": "fine"}), (5, {**H, "message": "job failed"})), 5),
    "blacklist": (rows((0, {**H, "user": "anna"}), (5, {**H, "user": "root"})), 5),
    "whitelist": (rows((0, {"country": "CH"}), (5, {"country": None}), (6, {"country": "XX"})), 6),
    "change": (
        rows((0, {"user": "u", "country": "CH"}), (9, {"user": "u", "country": None}), (60, {"user": "u", "country": "FR"})),
        60,
    ),
    "frequency": (rows(*several(50, 0, 1, **H, level="ERROR")), 49),
    "spike": (rows(*several(20, 0, 1, **H), *several(60, 600, 1, **H), (1_300, H)), 1_200),
    "flatline": (rows((0, H), (100, H), (300, {"host": "h2"})), 220),
    "new_term": (rows((0, {**H, "user": "u"}), (8 * DAY, {**H, "user": "u"}), (8 * DAY + 1, {**H, "user": "v"})), 8 * DAY + 1),
    "cardinality": (rows(*[(i, {**H, "user": f"u{i}"}) for i in range(11)]), 10),
    "metric_aggregation": (rows(*several(21, 0, 1, **H, took=900.0), (400, {**H, "took": 1.0})), 300),
    "spike_aggregation": (rows((0, {**H, "took": 10.0}), (300, {**H, "took": 20.0}), (700, {**H, "took": 1.0})), 600),
    "percentage_match": (rows(*several(94, 0, 1, status=200), *several(6, 100, 1, status=500), (400, {"status": 200})), 300),
}  # fmt: skip


def test_each_type_is_in_the_table_and_has_a_row_here():
    assert re.findall(r"^\| \[`(\w+)`\]", PAGE, re.MULTILINE) == TYPES
    assert list(SPEAKS) == TYPES


@pytest.mark.parametrize("kind", TYPES)
def test_it_speaks_when_it_should(kind: str):
    fields, monitor = rule(kind)
    given, at = SPEAKS[kind]
    limits = {"forget": "60d"}
    found = told(
        run(config({"m": monitor}, fields=fields, limits=limits), given, flush=kind == "change")
    ).incidents()
    assert [line[:2] for line in found][:1] == [(at, "firing")]


@pytest.mark.parametrize("kind", TYPES)
def test_and_not_before(kind: str):
    """Without the last record that counts, or with what is usual, it says nothing."""
    fields, monitor = rule(kind)
    given, at = SPEAKS[kind]
    before = [row for row in given if row["at"] < min(at, given[-1]["at"] / S) * S]
    found = told(run(config({"m": monitor}, fields=fields, limits={"forget": "60d"}), before, flush=False))
    assert found.incidents() == []
