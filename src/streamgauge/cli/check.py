"""Find every mistake of a configuration file, without starting anything."""

from __future__ import annotations

import json as _json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from streamgauge.config import Mistake


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration.", show_default=False)],
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each mistake and warning.")
    ] = False,
) -> None:
    """Find every mistake of a configuration file, without starting anything.

    Prints `file:line:column: $.path: what was expected` for each mistake and ends with 2; `ok` and 0 if there
    is none. Warnings do not change the exit code.

    Example: streamgauge check payments.yaml
    """
    from streamgauge.config import ConfigErrors, load

    try:
        config = load(file)
    except ConfigErrors as errors:
        _tell("mistake", errors.mistakes, json=json)
        raise typer.Exit(errors.exit_code) from None
    if not json:
        print(f"ok: {file}")
    _tell("warning", config.warnings, json=json)


def _tell(kind: str, found: tuple[Mistake, ...], *, json: bool) -> None:
    for one in found:
        if json:
            print(_json.dumps({"kind": kind} | one.as_json(), ensure_ascii=False))
        else:
            print(one if kind == "mistake" else f"warning: {one}")
