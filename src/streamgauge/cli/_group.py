"""The folder of verbs as one command: names and help from the files' text, a verb's module when it is run."""

from __future__ import annotations

import ast
import difflib
import importlib
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from streamgauge import __version__

FOLDER = Path(__file__).parent
_HELP = """Watch event streams and tell people once, within a second, what went wrong.

Start with `streamgauge check FILE`, then `streamgauge run FILE`."""


class Verbs(TyperGroup):
    """Lists the folder; imports one verb at a time."""

    def list_commands(self, ctx: Any) -> list[str]:  # typer's interface
        """The verbs, by name."""
        return sorted(_verb_name(path) for path in _files())

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The verb to run; ends with 2 where there is none, naming the nearest."""
        known = {_verb_name(path): path for path in _files()}
        if cmd_name not in known:
            close = difflib.get_close_matches(cmd_name, known, n=1)
            hint = f"did you mean `{close[0]}`?" if close else "`streamgauge --help` lists the verbs"
            ctx.fail(f"there is no verb `{cmd_name}`; {hint}")
        return _loaded(known[cmd_name], cmd_name)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # typer's interface
        """One line for each verb, read without importing it."""
        with formatter.section("Verbs"):
            formatter.write_dl([(_verb_name(path), first_line(path)) for path in _files()])


def verbs() -> Verbs:
    """The whole command line."""
    app = typer.Typer(cls=Verbs, add_completion=False, no_args_is_help=True, rich_markup_mode=None)
    app.callback(help=_HELP)(_top)
    group = typer.main.get_group(app)
    assert isinstance(group, Verbs)
    return group


def first_line(path: Path) -> str:
    """The first line of a module's docstring, without importing the module."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".")


def _print_version(asked: bool) -> None:
    if asked:
        print(f"streamgauge {__version__}")
        raise typer.Exit


def _top(
    version: bool = typer.Option(  # its callback acts on it
        False, "--version", is_eager=True, callback=_print_version, help="Print the version and end."
    ),
) -> None:
    """Options before the verb."""


def _files() -> list[Path]:
    return sorted(path for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def _verb_name(path: Path) -> str:
    return path.stem.replace("_", "-")


def _loaded(path: Path, name: str) -> TyperCommand | TyperGroup:
    verb = importlib.import_module(f"streamgauge.cli.{path.stem}")
    app = getattr(verb, "app", None)
    if app is not None:
        return typer.main.get_group(app)
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(name)(verb.command)
    command = typer.main.get_command(app)
    assert isinstance(command, (TyperCommand, TyperGroup))
    return command
