"""Imports go one way: a part imports only parts that stand before it in this list, lazily too."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.house.reading import source

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
    {"api", "client", "scoring", "scoring_inputs", "lessons", "testing", "metrics", "conformance", "sql"},
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
    found = source(path)
    inside = [
        (module, f"{module}.{name}") for module, names in found.imports_from if module for name in names
    ]
    for name in [*found.imports, *(full if exists(full) else module for module, full in inside)]:
        first, *rest = name.split(".")
        if first == "streamgauge":
            yield tuple(rest) or ("__init__",)


@cache
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
    assert not set(source(path).imports) & outside
