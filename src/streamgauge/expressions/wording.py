"""A checked expression as text again, and a condition taken apart: for "why did this not fire?"."""

from __future__ import annotations

from streamgauge.clock import to_datetime
from streamgauge.expressions.expression import Expression, finished
from streamgauge.expressions.nodes import (
    Arithmetic,
    Cast,
    Choice,
    Comparison,
    Const,
    Fallback,
    Field,
    Joined,
    Junction,
    Kind,
    Match,
    Membership,
    Missing,
    MomentText,
    Node,
    Not,
    NumberCall,
    Part,
    Scalar,
    TextCall,
)


def parts(condition: Expression) -> list[Expression]:
    """The conditions that ``and`` and ``or`` join, each as an expression of its own; one if nothing is joined.

    >>> from streamgauge.expressions import parse_condition
    >>> whole = parse_condition("n > 3 and (lower(c) = 'ch' or n > 9)", {"n": "int", "c": "string"})
    >>> [part.text for part in parts(whole)]
    ['n > 3', "lower(c) = 'ch'", 'n > 9']
    """
    found: dict[str, Expression] = {}
    waiting = [condition.root]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, Junction):
            waiting = [*node.items, *waiting]
        else:
            text = condition.text if node is condition.root else text_of(node)
            found.setdefault(text, finished(text, node))
    return list(found.values())


def text_of(node: Node) -> str:
    """``node`` as a user could have written it."""
    match node:
        case Field(name=name):
            return name if name.isidentifier() else f'"{name}"'
        case Const(kind=kind, value=value):
            return _const(value, kind)
        case Arithmetic(operator=operator) | Comparison(operator=operator):
            return f"{_inner(node.left)} {operator} {_inner(node.right)}"
        case Junction(operator=operator, items=items):
            return f" {operator} ".join(_inner(item) for item in items)
        case Not(item=item):
            return f"not {_inner(item)}"
        case Missing(item=item):
            return f"{_inner(item)} is null"
        case Membership(item=item, choices=choices, choice_kind=kind):
            return f"{_inner(item)} in ({', '.join(_const(choice, kind) for choice in choices)})"
        case _:
            return _call(node)


def _call(node: Node) -> str:
    match node:
        case NumberCall(function="negate", item=item):
            return f"-{_inner(item)}"
        case NumberCall(function="round", item=item, digits=digits):
            return f"round({text_of(item)}, {digits})"
        case NumberCall(function=function, item=item) | TextCall(function=function, item=item):
            return f"{function}({text_of(item)})"
        case Part(item=item, first=first, length=length):
            return f"substring({text_of(item)}, {first}{'' if length is None else f', {length}'})"
        case Joined(items=items):
            return f"concat({', '.join(map(text_of, items))})"
        case Match(item=item, pattern=pattern):
            return f"matches({text_of(item)}, {_const(pattern, 'string')})"
        case Cast(item=item, kind=kind):
            return f"cast({text_of(item)} as {_TYPES[kind]})"
        case MomentText():
            return _moment_text(node)
        case Fallback(items=items):
            return f"coalesce({', '.join(map(text_of, items))})"
        case Choice(branches=branches, otherwise=otherwise):
            when = " ".join(f"when {text_of(test)} then {text_of(value)}" for test, value in branches)
            return f"case {when} else {text_of(otherwise)} end"
        case other:
            raise AssertionError(f"no text for {other!r}")


_TYPES = {"int": "bigint", "float": "double", "string": "string", "bool": "boolean", "timestamp": "timestamp"}


def _moment_text(node: MomentText) -> str:
    function = "timestamptostring" if node.kind == "string" else "stringtotimestamp"
    more = [_const(text, "string") for text in (node.pattern, node.zone) if text is not None]
    return f"{function}({', '.join([text_of(node.item), *more])})"


def _inner(node: Node) -> str:
    """In brackets where it is more than one word."""
    text = text_of(node)
    return (
        f"({text})"
        if isinstance(node, Arithmetic | Comparison | Junction | Not | Membership | Missing)
        else text
    )


def _const(value: Scalar, kind: Kind) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if kind == "timestamp":
        return f"'{to_datetime(int(value)).isoformat()}'"
    if isinstance(value, str):
        doubled = value.replace("'", "''")
        return f"'{doubled}'"
    return (
        f"{value:g}" if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else str(value)
    )
