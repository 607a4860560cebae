"""Reading a configuration: all of its mistakes at once, or a checked :class:`~.models.Config`."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path as FilePath
from typing import Any, TypeAlias

from pydantic import ValidationError

from streamgauge.config.checks import check
from streamgauge.config.document import Document, Path
from streamgauge.config.folders import place
from streamgauge.config.including import Including
from streamgauge.config.mistakes import ConfigErrors, Mistake, shape_mistakes
from streamgauge.config.models import Config
from streamgauge.config.pruning import Pruned, prune
from streamgauge.config.reading import read, substituted
from streamgauge.config.statements import translate
from streamgauge.config.substitution import Substitution

_ROUNDS = 20
_TEXT = "<text>"

_Put: TypeAlias = Callable[[FilePath], Substitution]
"""What replaces references, by the folder in which secret files are looked for."""


def load(
    source: FilePath | str | Mapping[str, Any],
    *,
    environ: Mapping[str, str] | None = None,
    also: Sequence[FilePath] = (),
    plain: Collection[str] = (),
) -> Config:
    """Read and check a configuration.

    Args:
        source: a file (a ``Path``, or a one-line text that ends with ``.yaml`` or ``.yml``), YAML text, or
            the same content as Python data.
        environ: where ``${NAME}`` is looked up; default: the process's environment.
        also: files that count as if ``source`` included them: :mod:`streamgauge.packs`.
        plain: names that are no secrets, so what they stand for is shown.

    Returns:
        The configuration; ``warnings`` on it tells what is allowed but probably not meant.

    Raises:
        ConfigErrors: everything that is wrong, each with its place.
    """
    put = partial(Substitution, os.environ if environ is None else environ, plain=frozenset(plain))
    document, mistakes, elsewhere = _document(source, put, also)
    if mistakes and not document.data:
        raise ConfigErrors(mistakes)
    wrong, gone = translate(document)
    config, shape, pruned = shaped(document)
    pruned.paths |= gone
    mistakes += wrong + shape
    warnings: list[Mistake] = []
    if config is not None:
        found = check(config, document, pruned)
        mistakes += found.mistakes
        warnings = elsewhere + found.warnings
    if mistakes or config is None:
        raise ConfigErrors(mistakes)
    config._warnings = tuple(warnings)
    return config


def _document(
    source: FilePath | str | Mapping[str, Any], put: _Put, also: Sequence[FilePath]
) -> tuple[Document, list[Mistake], list[Mistake]]:
    """The content with everything it includes, its mistakes, and warnings of files that lie elsewhere."""
    document, mistakes = _own(source, put)
    file = FilePath(document.file) if document.file and document.file != _TEXT else None
    elsewhere = place(document, file.parent) if file else []

    def included(other: FilePath) -> tuple[Document, list[Mistake]]:
        part, wrong = _file(other, put)
        if other not in also:  # what packs name came from the command line
            elsewhere.extend(place(part, other.parent))
        return part, wrong

    including = Including(included)
    if isinstance(document.data, dict):
        including.add(document, file.parent if file else FilePath(), (file.resolve(),) if file else ())
        for other in also:
            including.take(document, other)
    return document, mistakes + including.mistakes, elsewhere


def _own(source: FilePath | str | Mapping[str, Any], put: _Put) -> tuple[Document, list[Mistake]]:
    if isinstance(source, Mapping):
        return substituted(dict(source), put(FilePath()))
    if isinstance(source, str) and not _names_a_file(source):
        return read(source, _TEXT, put(FilePath()))
    return _file(FilePath(source), put)


def _file(file: FilePath, put: _Put) -> tuple[Document, list[Mistake]]:
    return read(_text(file), str(file), put(file.parent))


def _names_a_file(text: str) -> bool:
    return "\n" not in text and text.endswith((".yaml", ".yml"))


def _text(file: FilePath) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"it is not UTF-8 text (byte {error.start + 1}); save it as UTF-8"
    except OSError as error:
        reason = f"it cannot be read: {(error.strerror or type(error).__name__).lower()}"
    raise ConfigErrors([Mistake("$", reason, str(file))])


def shaped(document: Document) -> tuple[Config | None, list[Mistake], Pruned]:
    """What the models make of the data; around what they refuse, as much as can still be checked."""
    data, pruned, mistakes = document.data, Pruned(), None
    for _ in range(_ROUNDS):
        try:
            config = Config.model_validate(data, context={"secrets": document.secrets})
        except ValidationError as error:
            if mistakes is None:
                mistakes = _wanted(document, error)
            data = prune(data, _paths(error), pruned)
        else:
            return config, mistakes or [], pruned
    return None, mistakes or [], pruned


def _wanted(document: Document, error: ValidationError) -> list[Mistake]:
    return [found for path, found in shape_mistakes(document, error) if path not in document.unread]


def _paths(error: ValidationError) -> list[Path]:
    return [
        tuple(step for step in part["loc"] if step != "[key]") for part in error.errors(include_url=False)
    ]
