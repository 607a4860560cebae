"""Paths in a file count from the folder of that file: one rule, applied here, to every key that is declared a :class:`FileName`.

It is done on the plain data of each file before files are put together, so that a path in an included file counts from
that file's folder. What a command line names (and so the parameters of packs) counts from the working folder; that data
never comes here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from streamgauge.config.document import Document, Path
from streamgauge.config.mistakes import Mistake, mistake
from streamgauge.config.models import Config
from streamgauge.config.plugins import ByType, config_class
from streamgauge.errors import ConfigError
from streamgauge.settings import FileName, Settings, Shorthand

Folders: TypeAlias = Mapping[str, str]
"""By a path as it is written, the folder from which it counts."""


ELSEWHERE = "paths count from this file's folder: "
"""How the warning begins of a file that lies in the working folder instead."""


def place(document: Document, folder: FilePath) -> list[Mistake]:
    """Let the paths in ``document`` count from ``folder``.

    Returns:
        Warnings: nothing lies there, and something lies where the path leads from the working folder.
    """
    if folder == FilePath():
        return []
    placing = _Placing(lambda _written: str(folder))
    document.data = placing.of_model(Config, document.data, ())
    return [
        mistake(document, path, _elsewhere(name))
        for path, name in placing.found
        if name.lies_in_working_folder
    ]


def place_again(document: Document, folders: Folders) -> None:
    """The same for data that came out of a configuration, whose paths stand in it as they were written."""
    document.data = _Placing(lambda written: folders.get(written, "")).of_model(Config, document.data, ())


def folders_of(settings: Any) -> Folders:
    """What :func:`place_again` needs to know of a configuration."""
    return {name.written: name.folder for name in _names(settings)}


def _names(value: Any) -> Iterator[FileName]:
    if isinstance(value, FileName):
        yield value
    elif isinstance(value, Settings):
        for _, inner in value:
            yield from _names(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _names(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _names(inner)


def _elsewhere(name: FileName) -> str:
    return (
        f"{ELSEWHERE}nothing lies at {name.path}, and `{name.written}` lies in the working folder; "
        "move it there, or write its whole path"
    )


class _Placing:
    """Walks data beside the models that will read it; what does not fit them stays as it is, for them to complain of."""

    def __init__(self, folder: Any) -> None:
        self._folder = folder
        self.found: list[tuple[Path, FileName]] = []

    def of_model(self, model: type[Settings], data: Any, path: Path) -> Any:
        if not isinstance(data, dict):
            return data
        read = {key: field for name, field in model.model_fields.items() for key in (name, field.alias)}
        return {
            key: self._value(read[key].annotation, read[key].metadata, value, (*path, key))
            if key in read
            else value
            for key, value in data.items()
        }

    def _value(self, kind: Any, marks: Any, value: Any, path: Path) -> Any:
        for mark in marks:
            if isinstance(mark, ByType):
                return self._by_type(mark, value, path)
        if get_origin(kind) is Annotated:
            return self._value(*_unwrapped(kind), value, path)
        if get_origin(kind) in (Union, UnionType):
            for one in get_args(kind):
                value = self._value(one, (), value, path)
            return value
        if not isinstance(kind, type) or get_origin(kind) is not None:
            return self._inside(get_args(kind), value, path)
        if issubclass(kind, FileName):
            return self._named(kind, value, path)
        return self._of_settings(kind, marks, value, path) if issubclass(kind, Settings) else value

    def _inside(self, kinds: tuple[Any, ...], value: Any, path: Path) -> Any:
        """Of a mapping or a list of something; a list may be written as its only item."""
        if not kinds:
            return value
        if isinstance(value, dict):
            return {key: self._value(kinds[-1], (), item, (*path, key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._value(kinds[0], (), item, (*path, i)) for i, item in enumerate(value)]
        return self._value(kinds[0], (), value, path)

    def _of_settings(self, model: type[Settings], marks: Any, value: Any, path: Path) -> Any:
        short = next((mark.key for mark in marks if isinstance(mark, Shorthand)), None)
        if short is not None and isinstance(value, str):
            return self._value(model.model_fields[short].annotation, (), value, path)
        return self.of_model(model, value, path)

    def _by_type(self, mark: ByType, value: Any, path: Path) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("type"), str):
            return value
        try:
            return self.of_model(config_class(mark.kind, value["type"]), value, path)
        except ConfigError:
            return value

    def _named(self, kind: type[FileName], value: Any, path: Path) -> Any:
        if not isinstance(value, str) or isinstance(value, FileName):
            return value
        name = kind(value, self._folder(value))
        self.found.append((path, name))
        return name


def _unwrapped(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    inner, *marks = get_args(kind)
    return inner, tuple(marks)
