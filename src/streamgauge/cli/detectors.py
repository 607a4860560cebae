"""List the detectors, or print one's lesson: its rule, its keys, and when it speaks."""

from __future__ import annotations

import inspect
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from pydantic import BaseModel


def command(
    name: Annotated[
        str | None,
        typer.Argument(help="The word after `type:`; without it, all are listed.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per detector.")] = False,
) -> None:
    """List the detectors, or print one's lesson: its rule, its keys, and when it speaks.

    Plug-ins that are installed are among them. Ends with 2 where there is no detector of that name.

    Example: streamgauge detectors auto
    """
    from streamgauge.cli._table import print_lines, print_table
    from streamgauge.config import plugins
    from streamgauge.errors import ConfigError

    try:
        told = [_told(one) for one in ([name] if name else plugins.names("detectors"))]
    except ConfigError as error:
        typer.echo(f"detectors: {error}", err=True)
        raise typer.Exit(2) from None
    if as_json:
        print_lines(told)
    elif name:
        print(told[0]["lesson"])
        print()
        rows = [
            (key, _default(field), _plain(field.get("description", "")))
            for key, field in told[0]["keys"].items()
        ]
        print_table(("key", "default", "meaning"), rows, "It has no keys beside `type:`.")
    else:
        print_table(("type", "what it does"), [(one["type"], one["does"]) for one in told], "There is none.")


def _told(name: str) -> dict[str, Any]:
    """A detector as plain data."""
    from streamgauge.config import plugins

    module = plugins.module("detectors", name)
    lesson = _plain(inspect.getdoc(module) or "It has no lesson.")
    shape = module.Config.model_json_schema()
    keys = {key: value for key, value in shape["properties"].items() if key != "type"}
    required = [key for key in shape.get("required", ()) if key != "type"]
    return {
        "type": name,
        "does": lesson.partition("\n")[0].rstrip("."),
        "lesson": lesson,
        "keys": {
            key: {**value, **_written(module.Config, key), "required": key in required}
            for key, value in keys.items()
        },
    }


def _written(config: type[BaseModel], key: str) -> dict[str, str]:
    """A default that is a duration, as the file writes it."""
    from streamgauge.clock import format_duration

    field = config.model_fields.get(key)
    default = None if field is None else field.default
    return {"default": format_duration(default)} if isinstance(default, timedelta) else {}


def _default(field: dict[str, Any]) -> str:
    if field["required"]:
        return "required"
    default = field.get("default")
    return (
        ""
        if default in (None, "", [], {})
        else str(default).lower()
        if isinstance(default, bool)
        else str(default)
    )


def _plain(text: str) -> str:
    return text.replace("``", "`")
