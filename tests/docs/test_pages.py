"""Whatever a user can name has its page, and no page is left over; tables are as made; links lead somewhere."""

import inspect
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from streamgauge.cli._group import verbs
from streamgauge.config import plugins
from streamgauge.engines.reporting.status import StatusBoard
from streamgauge.metrics import METRICS
from streamgauge.server.app import make_app
from streamgauge.testing import PushedClock
from tests.docs import tables
from tests.docs.pages import ROOT, pages

DOCS = ROOT / "docs"
COMMANDS = verbs()
VERBS = COMMANDS.list_commands(None)
KINDS = ["channels", "detectors", "formats", "sinks", "sources"]
TABLES = [page for page in pages() if tables.names(page)]
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")


def relative(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("kind", KINDS)
def test_each_plug_in_has_its_page(kind):
    ours = [
        name for name in plugins.names(kind) if plugins.module(kind, name).__name__.startswith("streamgauge.")
    ]
    assert sorted(page.stem for page in (DOCS / kind).glob("*.md")) == ours


def test_each_verb_has_its_page():
    assert sorted(page.stem for page in (DOCS / "verbs").glob("*.md")) == VERBS


@pytest.mark.parametrize("verb", VERBS)
def test_the_page_of_a_verb_tells_every_option(verb):
    command = COMMANDS.get_command(typer.Context(COMMANDS), verb)
    page = (DOCS / f"verbs/{verb}.md").read_text("utf-8")
    parts = [command, *getattr(command, "commands", {}).values()]
    options = {
        name for part in parts for option in part.params for name in option.opts if name.startswith("--")
    }
    missing = sorted(name for name in options - {"--help"} if name not in page)
    assert not missing


@pytest.mark.parametrize("verb", VERBS)
def test_the_help_of_a_verb_has_an_example(verb):
    command = COMMANDS.get_command(typer.Context(COMMANDS), verb)
    assert f"streamgauge {verb}" in inspect.cleandoc(command.help or "")


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_each_metric_has_its_row(metric):
    assert f"| `{metric.name}` |" in (DOCS / "metrics.md").read_text("utf-8")


def test_each_address_of_the_server_is_told():
    status = SimpleNamespace(status=StatusBoard(0))
    desk: Any = SimpleNamespace(
        running=status, clock=PushedClock(), outbox=dict, pushed=lambda: SimpleNamespace(all=dict)
    )
    page = (DOCS / "server.md").read_text("utf-8")
    paths = make_app(desk).openapi()["paths"]
    assert len(paths) > 8
    assert not [path for path in paths if path.partition("{")[0] not in page]


@pytest.mark.parametrize("page", TABLES, ids=relative)
def test_tables_are_as_made(page):
    assert page.read_text("utf-8") == tables.filled(page), "run `make docs`"


def test_the_tables_are_found():
    assert len(TABLES) >= 5


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_links_lead_somewhere(page):
    for link in _LINK.finditer(page.read_text("utf-8")):
        target, _, anchor = link["target"].partition("#")
        if target.startswith(("http://", "https://")):
            continue
        leads_to = (page.parent / target).resolve() if target else page
        assert leads_to.exists(), f"{link['target']} leads nowhere"
        if anchor:
            assert anchor in anchors(leads_to.read_text("utf-8")), (
                f"{link['target']}: there is no such heading"
            )


def anchors(text: str) -> set[str]:
    """The headings as GitHub names them."""
    plain = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", plain, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_each_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in _LINK.finditer(page.read_text("utf-8")):
            target = (page.parent / link["target"].partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists():
                waiting.append(target)
    lost = [relative(page) for page in pages() if page not in reached and page.parent.name != "changes"]
    assert not lost


@pytest.mark.parametrize("page", pages(), ids=relative)
def test_a_page_begins_with_its_title_and_keeps_its_lines_short(page):
    lines = page.read_text("utf-8").splitlines()
    assert lines[0].startswith("# ")
    prose = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL).splitlines()
    long = [line for line in prose if len(line) > 130 and not line.startswith("|") and "](" not in line]
    assert not long
