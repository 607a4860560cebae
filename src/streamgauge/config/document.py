"""The file as plain data, with the place of every value kept beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias, cast

Path: TypeAlias = tuple[str | int, ...]
"""How to get to a value from the top: keys and list positions."""


class Place(NamedTuple):
    """Line and column, both from 1; ``text_column`` is where a text's first character stands.

    ``text_column`` is None where the text is not written on one line as it is (escapes, blocks, secrets).
    """

    line: int
    column: int
    text_column: int | None = None


@dataclass(slots=True)
class Document:
    """Plain data (dict, list, str, int, float, bool, None) and where it was written.

    Attributes:
        data: the content.
        file: the file's name for messages; None where the data came from Python.
        values: place of each value.
        keys: place of each key.
        secrets: what ``${…}`` brought in, with the reference that did.
        unread: values that a mistake was already found in; the models' opinion on them is noise.
        origins: of what an included file brought, that file.
        blocks: of each text that is written as a block (``|``), its first line and how far it is indented.
    """

    data: Any
    file: str | None = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    unread: set[Path] = field(default_factory=set)
    origins: dict[Path, str | None] = field(default_factory=dict)
    blocks: dict[Path, tuple[int, int]] = field(default_factory=dict)

    def file_of(self, path: Path) -> str | None:
        """The file in which ``path`` was written: this one, unless something around it was included."""
        for depth in range(len(path), 0, -1):
            if path[:depth] in self.origins:
                return self.origins[path[:depth]]
        return self.file

    def written(self, path: Path) -> Path:
        """The part of ``path`` that the data really has: shorthands and defaults have no value of their own."""
        here: Any = self.data
        for depth, step in enumerate(path):
            if isinstance(here, list):
                known = isinstance(step, int) and step < len(here)
            else:
                known = isinstance(here, Mapping) and step in here
            if not known:
                return path[:depth]
            here = cast("Any", here)[step]
        return path

    def at(self, path: Path) -> Any:
        """The value at ``path``; None where the data has none."""
        here: Any = self.data
        for step in path:
            if not isinstance(here, Mapping) or step not in here:
                return None
            here = here[step]
        return here

    def place(
        self, path: Path, *, at_key: bool = False, position: int | None = None
    ) -> tuple[int | None, int | None]:
        """Line and column of a value (or its key), else of the nearest thing around it.

        ``position`` is a character within the text; it is left aside where the text is not written on one
        line as it is.
        """
        if at_key and path in self.keys:
            return self.keys[path][:2]
        while path and path not in self.values:
            path = path[:-1]
        place = self.values.get(path)
        if place is None:
            return None, None
        if position is None or place.text_column is None:
            return place.line, place.column
        return place.line, place.text_column + position
