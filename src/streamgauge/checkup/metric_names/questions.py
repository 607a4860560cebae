"""What files of dashboards and rules ask: their queries, and the names in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from streamgauge.errors import ConfigError, OutsideError

_IN_BRACKETS = re.compile(r"\[[^\]:]*\$[^\]:]*(:?)[^\]]*\]")
"""A range that Grafana fills in, such as ``[$__rate_interval]``."""
_VARIABLE = re.compile(r"\$\{\w+(?::\w+)?\}|\$\w+|\[\[\w+(?::\w+)?\]\]")
_PLACE = "__of_grafana__"
"""Stands where a variable stood."""
_CHOICE = re.compile(r"label_values\((.+),\s*\w+\s*\)", re.DOTALL)
_PARTS = ("expr", "lhs", "rhs", "vector_selector", "param")
"""Where promql-parser's nodes hold other nodes."""


@dataclass(frozen=True, slots=True)
class Name:
    """A metric that is asked for.

    Attributes:
        text: its name, or a regular expression of names.
        pattern: which of the two.
        where: the panel, variable or rule.
    """

    text: str
    pattern: bool
    where: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What one file asks.

    Attributes:
        queries: how many.
        names: the metrics in them; one for each place that asks for it.
        unread: queries that are no PromQL, each with its place and why.
    """

    queries: int
    names: tuple[Name, ...]
    unread: tuple[tuple[str, str], ...]


def files_of(folder: Path) -> list[Path]:
    """Dashboards and rules in a folder and below it, or the one file that is named.

    Raises:
        ConfigError: there is none.
    """
    if folder.is_file():
        return [folder]
    found = sorted(path for path in folder.rglob("*") if path.suffix in (".json", ".yml", ".yaml"))
    if not found:
        raise ConfigError(f"{folder} holds no .json, .yml or .yaml file")
    return found


def asked_in(path: Path) -> Asked:
    """The queries of a dashboard (JSON) or of rules (YAML); of any other file none.

    Raises:
        ConfigError: it is neither JSON nor YAML.
    """
    try:
        text = path.read_text("utf-8")
        plain = json.loads(text) if path.suffix == ".json" else yaml.load(text, yaml.CSafeLoader)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    names: list[Name] = []
    unread: list[tuple[str, str]] = []
    queries = list(_queries(plain, ""))
    for where, query in queries:
        try:
            names += _names(query, where)
        except ValueError as error:
            unread.append((where, " ".join(str(error).split())))
    return Asked(len(queries), tuple(names), tuple(unread))


def _queries(node: Any, where: str) -> Iterator[tuple[str, str]]:
    """Each query with the nearest title or name around it, whatever the dashboard's version."""
    if isinstance(node, list):
        for one in node:
            yield from _queries(one, where)
    if not isinstance(node, dict):
        return
    named = next((node[key] for key in ("title", "alert", "record") if isinstance(node.get(key), str)), "")
    here = named or where
    query = node.get("expr")
    if isinstance(query, str) and query.strip():
        yield here, query
    if node.get("type") == "query" and isinstance(node.get("name"), str):
        yield from _choice(node)
    for key, one in node.items():
        if key != "expr":
            yield from _queries(one, here)


def _choice(variable: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What fills a variable, where it is a label's values."""
    asked = variable.get("query")
    text = asked.get("query") if isinstance(asked, dict) else asked
    found = _CHOICE.fullmatch(text.strip()) if isinstance(text, str) else None
    if found is not None:
        yield f"${variable['name']}", found[1]


def _names(query: str, where: str) -> list[Name]:
    promql = _parser()
    found: list[Name] = []

    def down(node: Any) -> None:
        if isinstance(node, promql.VectorSelector):
            found.extend(_of_selector(node, where))
        for part in _PARTS:
            if getattr(node, part, None) is not None:
                down(getattr(node, part))
        for one in getattr(node, "args", None) or []:
            down(one)

    down(_parsed(query))
    return [name for name in found if _PLACE not in name.text]


def _parsed(query: str) -> Any:
    """With variables as names, or, where these cannot stand there, as numbers (``topk($n, …)``)."""
    promql = _parser()
    plain = _IN_BRACKETS.sub(lambda found: f"[5m{':' if found[1] else ''}]", query)
    try:
        return promql.parse(_VARIABLE.sub(_PLACE, plain))
    except ValueError:
        return promql.parse(_VARIABLE.sub("1", plain))


def _of_selector(node: Any, where: str) -> Iterator[Name]:
    if node.name:
        yield Name(node.name, False, where)
        return
    for matcher in node.matchers.matchers:
        if matcher.name == "__name__":
            yield Name(matcher.value, "Re" in str(matcher.op), where)


def _parser() -> Any:
    if find_spec("promql_parser") is None:
        raise OutsideError(
            "reading queries needs promql-parser, which is not installed: pip install 'streamgauge[dashboards]'"
        )
    import promql_parser

    return promql_parser
