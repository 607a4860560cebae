"""docs/dependencies.md names what pyproject.toml asks for, and the package imports nothing else."""

import ast
import re
import sys
import tomllib
from importlib.metadata import metadata, packages_distributions
from pathlib import Path
from typing import Any

import pytest

from tests.docs.pages import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
COMES_WITH = {
    "annotated_types": "pydantic",
    "anyio": "httpx",
    "click": "typer",
    "httpcore": "httpx",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "pandas": "prophet",
    "starlette": "fastapi",
    "threadpoolctl": "scikit-learn",
}
"""Parts of a library that we asked for, which are packages of their own."""

PAGE = (ROOT / "docs/dependencies.md").read_text("utf-8")
RUN_TIME = PROJECT["project"]["dependencies"]
EXTRAS = sorted({name for extra in PROJECT["project"]["optional-dependencies"].values() for name in extra})
DEVELOPMENT = PROJECT["dependency-groups"]["dev"]


def names(requirements: list[str]) -> list[str]:
    return sorted((re.match(r"[\w-]+", text) or [""])[0] for text in requirements)


def rows(title: str) -> dict[str, str]:
    """Licence by library, from the table under a heading."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| ([^|]+) \|", section, flags=re.MULTILINE))


@pytest.mark.parametrize(
    ("title", "wanted"),
    [("At run time", RUN_TIME), ("Extras", EXTRAS), ("For development", DEVELOPMENT)],
)
def test_the_page_names_each_and_no_other(title, wanted):
    assert sorted(rows(title)) == names(wanted)


@pytest.mark.parametrize("library", names(RUN_TIME))
def test_the_licence_is_the_one_it_says_itself(library):
    told: Any = metadata(library)
    says = " ".join(
        [
            told.get("License-Expression") or "",
            (told.get("License") or "").partition("\n")[0],
            *[text for text in told.get_all("Classifier") or [] if text.startswith("License")],
        ]
    )
    family = rows("At run time")[library].split("-")[0].split(" ")[0].strip()
    assert family in says, says


def test_nothing_else_is_imported():
    declared = {name.lower().replace("_", "-") for name in names([*RUN_TIME, *EXTRAS])} | {"streamgauge"}
    whose = packages_distributions()
    strangers = set()
    for path in (ROOT / "src").rglob("*.py"):
        for top in imported(path):
            owners = {owner.lower().replace("_", "-") for owner in whose.get(top, [top])}
            for_authors = top == "hypothesis" and path.parent.name == "conformance"
            if not owners & declared and COMES_WITH.get(top) not in declared and not for_authors:
                strangers.add((str(path.relative_to(ROOT)), top))
    assert not strangers, "imported without being asked for in pyproject.toml"


def imported(path: Path) -> set[str]:
    """The packages outside Python's own that a file imports."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules.add(node.module)
    return {module.partition(".")[0] for module in modules} - set(sys.stdlib_module_names)
