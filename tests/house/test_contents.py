"""What the product's own text never holds."""

import re
from pathlib import Path

import pytest

from tests.house.reading import source

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TEXTS = [
    path
    for folder in ("src", "docs", "examples", "benchmarks", "scripts", "deploy", "changes")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and path.suffix in {".py", ".md", ".yaml", ".yml", ".toml", ".sql", ".sh"}
]
EVALUATED = {"eval", "exec", "compile", "__import__"}
UNSAFE = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}


def test_there_is_something_to_look_at():
    assert len(SOURCES) > 100
    assert len(TEXTS) > len(SOURCES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_no_text_is_ever_run_and_no_object_unpickled(path: Path):
    found = source(path)
    assert not found.called & EVALUATED
    imported = [*found.imports, *(module for module, _ in found.imports_from)]
    assert not {name.split(".")[0] for name in imported} & UNSAFE


def test_nothing_refers_to_what_lies_beside_the_repository():
    beside = "../" + "shared"
    assert [str(path) for path in TEXTS if beside in path.read_text("utf-8")] == []


def test_no_work_is_left_as_a_note():
    left = re.compile(r"\b(TODO|FIXME|XXX|NotImplementedError)\b")
    assert [str(path) for path in SOURCES if left.search(path.read_text("utf-8"))] == []
