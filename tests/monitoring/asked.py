"""What dashboards and rules ask of Prometheus, as it can be asked outside Grafana."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser as promql
import yaml

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
DASHBOARDS = MONITORING / "grafana" / "dashboards"
RULES = MONITORING / "prometheus" / "alerts.yml"
CHOICE = re.compile(r"label_values\((.+), \w+\)")
VARIABLE = re.compile(r"\$([a-z_]+)")


class Asked(NamedTuple):
    """One question and where it stands."""

    where: str
    expr: str


def boards() -> dict[str, dict[str, Any]]:
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(DASHBOARDS.glob("*.json"))}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def outside(expr: str, rate: str = "30s") -> str:
    """With Grafana's variables filled in: all of each, and a stated interval."""
    return VARIABLE.sub(".*", expr.replace("$__rate_interval", rate))


def of_board(name: str) -> list[Asked]:
    return [
        Asked(f"{name}: {panel['title']}", outside(target["expr"]))
        for panel in panels(boards()[name])
        for target in panel["targets"]
    ]


def of_variables(name: str) -> list[Asked]:
    """What fills the choices at its top."""
    found = []
    for one in boards()[name].get("templating", {}).get("list", []):
        chosen = CHOICE.fullmatch(one["query"])
        assert chosen is not None, one["query"]
        found.append(Asked(f"{name}: ${one['name']}", outside(chosen[1])))
    return found


def rules(group: str | None = None) -> list[dict[str, Any]]:
    found = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for one in found if group in (None, one["name"]) for rule in one["rules"]]


def metrics(expr: str) -> set[str]:
    """The names that an expression reads."""
    found: set[str] = set()

    def down(node: Any) -> None:
        name = getattr(node, "name", None)
        if isinstance(node, promql.VectorSelector):
            found.add(name or next(m.value for m in node.matchers.matchers if m.name == "__name__"))
        for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
            inner = getattr(node, part, None)
            if inner is not None:
                down(inner)
        for inner in getattr(node, "args", None) or []:
            down(inner)

    down(promql.parse(expr))
    return found
