"""What the house rules want to know of a file of Python, read once for all of them."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Function:
    """``lines`` are without the docstring, ``by_place`` what a caller may give by place, beside ``self``."""

    name: str
    lines: int
    by_place: int
    decorators: frozenset[str]


@dataclass(frozen=True, slots=True)
class Source:
    """Of one file, wherever in it: what it imports, the names that it calls, its functions."""

    imports: list[str] = field(default_factory=list)
    """Of ``import a.b``: ``a.b``."""
    imports_from: list[tuple[str, list[str]]] = field(default_factory=list)
    """Of ``from a import b, c``: ``a`` and ``b``, ``c``; a relative one has no name before them."""
    called: set[str] = field(default_factory=set)
    functions: list[Function] = field(default_factory=list)


@cache
def source(path: Path) -> Source:
    """A file of Python, parsed."""
    found = Source()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        match node:
            case ast.Import():
                found.imports.extend(alias.name for alias in node.names)
            case ast.ImportFrom():
                found.imports_from.append((node.module or "", [alias.name for alias in node.names]))
            case ast.Call(func=ast.Name(id=name)):
                found.called.add(name)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                found.functions.append(_function(node))
    return found


def _function(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    text = ast.get_docstring(node, clean=False)
    return Function(
        name=node.name,
        lines=(node.end_lineno or 0) - node.lineno + 1 - (text.count("\n") + 1 if text else 0),
        by_place=sum(
            argument.arg not in ("self", "cls") for argument in node.args.posonlyargs + node.args.args
        ),
        decorators=frozenset(one.id for one in node.decorator_list if isinstance(one, ast.Name)),
    )
