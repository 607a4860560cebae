"""Monitors that are written in SQL: ``sql:`` becomes the keys that it stands for before anything is checked."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from streamgauge.config.document import Document, Path
from streamgauge.config.mistakes import Mistake, mistake, path_text

SAID = ("stream", "where", "window", "detect")
"""Keys of a monitor that its SQL says."""


def translate(document: Document) -> tuple[list[Mistake], set[Path]]:
    """Write out each ``sql:`` within ``document``; what is wrong, and the monitors that were left out for it."""
    data = document.data
    monitors = data.get("monitors") if isinstance(data, dict) else None
    mistakes: list[Mistake] = []
    gone: set[Path] = set()
    if not isinstance(monitors, dict):
        return mistakes, gone
    for name, monitor in list(monitors.items()):
        if not isinstance(monitor, dict) or "sql" not in monitor:
            continue
        path: Path = ("monitors", name)
        found = _beside(document, path, monitor) or _translated(document, path, monitor)
        if found is not None:
            mistakes += found
            gone.add(path)
            del monitors[name]
    return mistakes, gone


def _beside(document: Document, path: Path, monitor: dict[str, Any]) -> list[Mistake]:
    message = "does not stand beside `sql`, which says it; leave one of them out"
    return [mistake(document, (*path, key), message, at_key=True) for key in SAID if key in monitor]


def _translated(document: Document, path: Path, monitor: dict[str, Any]) -> list[Mistake] | None:
    """Add what the statement says to ``monitor`` and its stream; None where all went well."""
    text, streams = monitor["sql"], document.data.get("streams")
    if not isinstance(text, str) or not text.strip():
        return [mistake(document, (*path, "sql"), "expected a SELECT, as text")]
    language = import_module("streamgauge.sql.inline")  # by name: it stands behind this part and builds on it
    try:
        made = language.monitor_of(
            text, streams if isinstance(streams, dict) else {}, writes="write" in monitor
        )
    except LookupError:
        return []  # its stream is wrong, and that is told there
    except language.SqlErrors as errors:
        return [_placed(document, (*path, "sql"), error) for error in errors.errors]
    monitor.update(made.monitor)
    document.data["streams"][monitor["stream"]]["fields"].update(made.fields)
    return None


def _placed(document: Document, path: Path, error: Any) -> Mistake:
    """A mistake of the statement at its place in the file."""
    if path in document.blocks:
        line, indent = document.blocks[path]
        file = document.file_of(path)
        return Mistake(path_text(path), error.message, file, line + error.line - 1, indent + error.column)
    return mistake(document, path, error.message, position=error.column - 1 if error.line == 1 else None)
