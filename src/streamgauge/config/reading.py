"""YAML text to plain data with places, substitution included; every mistake found on the way is kept.

YAML 1.2's plain words are used: only ``true`` and ``false`` are booleans (so the country ``NO`` stays text),
``1:30`` and ``2026-01-01`` are texts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from streamgauge.config.document import Document, Path, Place
from streamgauge.config.mistakes import Mistake, path_text
from streamgauge.config.substitution import Substitution, SubstitutionError

MOST_VALUES = 100_000
"""Bound on what a file may unfold to: aliases of aliases grow without one."""

_TAG = "tag:yaml.org,2002:"
_PLAIN_WORDS = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
}


class _Loader(yaml.SafeLoader):
    """PyYAML's parser with the plain words of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # the class attribute is PyYAML's interface


for _word, (_pattern, _first) in _PLAIN_WORDS.items():
    _Loader.add_implicit_resolver(
        _TAG + _word, re.compile(f"(?:{_pattern})$"), ["" if c == "\0" else c for c in _first]
    )
_Loader.add_implicit_resolver(_TAG + "merge", re.compile(r"<<$"), ["<"])


def read(text: str, file: str | None, substitution: Substitution) -> tuple[Document, list[Mistake]]:
    """Read YAML; the document holds what could be read, also where there are mistakes."""
    reader = _Reader(Document({}, file, secrets=substitution.secrets), text, substitution)
    loader = _Loader(text) if _printable(reader, text) else None
    if loader is None:
        return reader.document, reader.mistakes
    try:
        node = loader.get_single_node()
    except yaml.MarkedYAMLError as error:
        reader.syntax(error)
        return reader.document, reader.mistakes
    finally:
        loader.dispose()
    if node is None:
        reader.wrong((), "the file is empty; it needs at least `streams:` and `monitors:`", Place(1, 1))
        return reader.document, reader.mistakes
    reader.document.data = reader.plain(node, ())
    return reader.document, reader.mistakes


def substituted(data: Any, substitution: Substitution) -> tuple[Document, list[Mistake]]:
    """The same for Python data: no places, but references are replaced."""
    reader = _Reader(Document({}, None, secrets=substitution.secrets), "", substitution)
    reader.document.data = reader.from_python(data, ())
    return reader.document, reader.mistakes


def _printable(reader: _Reader, text: str) -> bool:
    """YAML refuses control characters; PyYAML says so without a line."""
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if found is None:
        return True
    line = text.count("\n", 0, found.start()) + 1
    column = found.start() - text.rfind("\n", 0, found.start())
    reader.wrong((), f"character U+{ord(found[0]):04X} may not stand in YAML; remove it", Place(line, column))
    return False


_HINTS: tuple[tuple[str, str], ...] = (
    (r"'\t'", "indent with spaces"),
    ("cannot start any token", "put such a text in quotes"),
    ("mapping values", "is a space missing behind a colon (`key: value`), here or in the line above?"),
    ("<block end>", "is this line indented like those that it belongs to?"),
    ("<document start>", "is this line indented like those that it belongs to?"),
)


def _syntax_hint(error: yaml.MarkedYAMLError) -> str:
    """What to look at, where the parser's words do not tell: it notices a mistake later than it was made."""
    problem, context, begun = error.problem or "", error.context or "", error.context_mark
    if begun is not None and ("flow" in context or "quoted" in context):
        sign = "quote" if "quoted" in context else "`{`" if "mapping" in context else "`[`"
        return f"; the {sign} that is open stands in line {begun.line + 1}, column {begun.column + 1}"
    return next((f"; {hint}" for words, hint in _HINTS if words in problem), "")


@dataclass(slots=True)
class _Reader:
    """Walks the nodes once."""

    document: Document
    text: str
    substitution: Substitution
    mistakes: list[Mistake] = field(default_factory=list)
    _above: list[int] = field(default_factory=list)
    _count: int = 0

    def wrong(self, path: Path, message: str, place: Place | None = None) -> None:
        """Keep a mistake."""
        if place is None:
            self.document.unread.add(path)
        line, column = self.document.place(path) if place is None else place[:2]
        self.mistakes.append(Mistake(path_text(path), message, self.document.file, line, column))

    def syntax(self, error: yaml.MarkedYAMLError) -> None:
        """What the parser could not understand."""
        mark = error.problem_mark or error.context_mark
        parts = [part for part in (error.context, error.problem) if part]
        message = f"this is not YAML: {', '.join(parts)}{_syntax_hint(error)}"
        self.wrong((), message, Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1))

    def plain(self, node: Node, path: Path) -> Any:
        """The plain data of a node; its place is kept under ``path``."""
        self.document.values[path] = self._place(node)
        if isinstance(node, ScalarNode) and node.style == "|":
            self.document.blocks[path] = (node.start_mark.line + 2, self._indent(node))
        self._count += 1
        if id(node) in self._above:
            self.wrong(path, "an alias cannot stand within what it names")
            return None
        if self._count > MOST_VALUES:
            if self._count == MOST_VALUES + 1:
                self.wrong(path, f"the file unfolds to more than {MOST_VALUES} values; use fewer aliases")
            return None
        self._above.append(id(node))
        try:
            return self._content(node, path)
        finally:
            self._above.pop()

    def _content(self, node: Node, path: Path) -> Any:
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.plain(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in self._pairs(node, path):
            name = key.value
            here = (*path, name)
            place = _start(key)
            if here in self.document.keys and name in found:
                first = self.document.keys[here].line
                self.wrong(here, f"`{name}` is written twice; the first is on line {first}", place)
                continue
            self.document.keys[here] = place
            found[name] = self.plain(value, here)
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                self._merge(found, value, path)
        return found

    def _pairs(self, node: MappingNode, path: Path) -> Iterator[tuple[ScalarNode, Node]]:
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self.wrong(path, "a key must be a single word", _start(key))
            elif key.tag != _TAG + "merge":
                yield key, value

    def _merge(self, found: dict[str, Any], node: Node, path: Path) -> None:
        """``<<: *other``: the keys of another mapping that are not written here."""
        for source in node.value if isinstance(node, SequenceNode) else [node]:
            if not isinstance(source, MappingNode):
                self.wrong(path, "`<<` takes a mapping, or a list of mappings", _start(source))
                continue
            for key, value in self._pairs(source, path):
                if key.value not in found:
                    here = (*path, key.value)
                    self.document.keys[here] = _start(key)
                    found[key.value] = self.plain(value, here)

    def _scalar(self, node: Node, path: Path) -> Any:
        kind = node.tag.removeprefix(_TAG)
        if kind in ("str", "merge"):
            return self._substitute(node.value, path)
        if kind not in _PLAIN_WORDS:
            self.wrong(
                path, f"`{node.tag.replace(_TAG, '!!')}` is not understood; write the value without a tag"
            )
            return None
        try:
            return _word_value(kind, node.value)
        except ValueError:
            self.wrong(path, f"`{node.value}` is not what its tag says")
            return None

    def _substitute(self, text: str, path: Path) -> str:
        try:
            replaced = self.substitution.apply(text)
        except SubstitutionError as error:
            self.wrong(path, str(error))
            return text
        if replaced != text and path in self.document.values:
            self.document.values[path] = self.document.values[path]._replace(text_column=None)
        return replaced

    def from_python(self, value: Any, path: Path) -> Any:
        """Python data, references replaced; models that were made already stay as they are."""
        if isinstance(value, str):
            return self._substitute(value, path)
        if isinstance(value, dict):
            return {key: self.from_python(item, (*path, key)) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.from_python(item, (*path, i)) for i, item in enumerate(value)]
        return value

    def _indent(self, node: ScalarNode) -> int:
        """By how many spaces the lines of a block are moved."""
        lines = self.text[node.start_mark.index : node.end_mark.index].split("\n")[1:]
        return min((len(line) - len(line.lstrip(" ")) for line in lines if line.strip()), default=0)

    def _place(self, node: Node) -> Place:
        line, column, _ = _start(node)
        if not isinstance(node, ScalarNode):
            return Place(line, column)
        written = self.text[node.start_mark.index : node.end_mark.index]
        if written == node.value:
            return Place(line, column, column)
        return Place(line, column, column + 1 if written[1:-1] == node.value else None)


def _start(node: Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _word_value(kind: str, text: str) -> Any:
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
