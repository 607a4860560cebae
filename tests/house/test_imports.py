"""Imports go one way: a part imports only parts that stand before it in this list, lazily too."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "streamgauge"

ORDER = [
    {"errors", "clock", "durations", "rates", "batch", "failpoints", "arrow", "standard_output", "__init__"},
    {"settings", "keys", "state", "statistics"},
    {"verdict", "incident", "kernels", "contracts"},  # contracts: the file contract.py of each folder
    {"expressions", "incidents", "samples", "sources", "formats", "channels", "sinks", "stores", "logs"},
    {"windows"},
    {"detectors", "forecasting", "evaluation", "handover"},
    {"monitor", "config"},
    {"plan", "packs"},
    {"pipeline"},
    {"engines", "schedule"},
    {"api", "client", "scoring", "lessons", "testing", "metrics", "conformance", "sql"},
    {"server", "why", "demo", "profiling", "checkup", "health", "drift_stream", "dashboard"},
    {"cli", "__main__"},
]
PLACE = {part: number for number, parts in enumerate(ORDER) for part in parts}
MODULES = sorted(PACKAGE.rglob("*.py"))


def part_of(module: tuple[str, ...]) -> str:
    """The part that a module (without ``streamgauge``) belongs to."""
    return "contracts" if module[-1:] == ("contract",) else module[0]


def path_parts(path: Path) -> tuple[str, ...]:
    return path.relative_to(PACKAGE).with_suffix("").parts


def imported(path: Path) -> Iterator[tuple[str, ...]]:
    """Our own modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if exists(name) else node.module for name in inside]
        else:
            continue
        for name in names:
            first, *rest = name.split(".")
            if first == "streamgauge":
                yield tuple(rest) or ("__init__",)


def exists(name: str) -> bool:
    place = PACKAGE.parent.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").exists()


def test_every_part_has_its_place():
    parts = {part_of(path_parts(path)) for path in MODULES}
    assert parts <= set(PLACE), f"put into ORDER: {parts - set(PLACE)}"


def test_imports_go_one_way():
    wrong = [
        f"{'.'.join(path_parts(path))} imports {'.'.join(module)}"
        for path in MODULES
        if path.parent != PACKAGE or path.stem != "__init__"  # which offers the API, loaded when asked for
        for module in imported(path)
        if module[0] != path_parts(path)[0] and PLACE[part_of(module)] > PLACE[part_of(path_parts(path))]
    ]
    assert not wrong


@pytest.mark.parametrize("path", sorted((PACKAGE / "detectors").glob("*.py")), ids=lambda path: path.stem)
def test_a_detector_knows_no_clock(path):
    text = path.read_text("utf-8")
    assert "SystemClock" not in text
    outside = {"time", "threading", "asyncio", "socket", "random", "confluent_kafka"}
    names = {
        alias.name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert not names & outside
