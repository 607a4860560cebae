"""Which kinds go together, and the sentences for those that do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from streamgauge.clock import to_micros
from streamgauge.expressions.nodes import NUMBERS, Const, Field, Kind, Node

KIND_NAMES: dict[Kind, str] = {
    "string": "a string",
    "int": "a number",
    "float": "a number",
    "bool": "true or false",
    "timestamp": "a timestamp",
    "list": "a list",
    "map": "a map",
    "null": "null",
}
COLLECTED: frozenset[Kind] = frozenset({"list", "map"})


class KindMismatchError(Exception):
    """Two kinds do not go together; the builder turns it into an ExpressionError with a position."""

    def __init__(self, message: str, node: Node) -> None:
        super().__init__(message)
        self.message = message
        self.at = node.at


def describe(node: Node) -> str:
    """A node in a sentence: its name or value, and its kind.

    >>> describe(Field("string", 0, "account"))
    'account (a string)'
    """
    if isinstance(node, Field):
        return f"{node.name} ({KIND_NAMES[node.kind]})"
    if isinstance(node, Const) and node.kind == "string":
        return f"the string {_shown(str(node.value))}"
    if isinstance(node, Const) and node.kind in NUMBERS:
        return f"the number {node.value}"
    return KIND_NAMES[node.kind]


def need(node: Node, wanted: Kind, role: str) -> Node:
    """``node`` where its kind fits ``wanted`` (``float`` takes any number), else a sentence."""
    fits = node.kind in NUMBERS if wanted == "float" else node.kind == wanted
    if fits:
        return node
    if node.kind == "null":
        return replace(node, kind=wanted)
    hint = ""
    if wanted == "bool":
        hint = "; compare it with something"
    elif wanted == "float" and node.kind == "bool":
        hint = "; write case when … then 1 else 0 end"
    elif node.kind in COLLECTED:
        hint = _measured(node)
    raise KindMismatchError(f"{role} needs {KIND_NAMES[wanted]}, not {describe(node)}{hint}", node)


def comparable(left: Node, right: Node, *, ordered: bool) -> tuple[Node, Node]:
    """Both sides made comparable: texts beside timestamps become moments."""
    if "null" in (left.kind, right.kind):
        other = left if right.kind == "null" else right
        shown = other.name if isinstance(other, Field) else "x"
        message = f"a comparison with null is never true; write {shown} is null or {shown} is not null"
        raise KindMismatchError(message, other)
    _refuse_collected((left, right), "compared")
    if left.kind == "timestamp":
        right = as_moment(right)
    elif right.kind == "timestamp":
        left = as_moment(left)
    if left.kind != right.kind and not (left.kind in NUMBERS and right.kind in NUMBERS):
        message = f"{describe(left)} cannot be compared with {describe(right)}{_hint(left, right)}"
        raise KindMismatchError(message, left)
    if ordered and left.kind == "bool":
        raise KindMismatchError("true and false have no order; use = or !=, or and / or", left)
    return left, right


def unite(nodes: Sequence[Node], role: str) -> tuple[list[Node], Kind]:
    """Give the values that may stand for each other one kind: int beside float is float."""
    _refuse_collected(nodes, f"chosen by {role}")
    united = list(nodes)
    kinds = {node.kind for node in united} - {"null"}
    if "timestamp" in kinds:
        united = [as_moment(node) for node in united]
        kinds = {node.kind for node in united} - {"null"}
    if not kinds:
        raise KindMismatchError(f"{role} gives nothing but null", united[0])
    if len(kinds) > 1 and not kinds <= NUMBERS:
        odd = next(node for node in united if node.kind not in ("null", united[0].kind))
        message = f"{role} gives either {describe(united[0])} or {describe(odd)}; all must be of one kind"
        raise KindMismatchError(message, odd)
    kind: Kind = "float" if len(kinds) > 1 else kinds.pop()
    return [replace(node, kind=kind) if node.kind == "null" else node for node in united], kind


def _refuse_collected(nodes: Sequence[Node], what: str) -> None:
    for node in nodes:
        if node.kind in COLLECTED:
            raise KindMismatchError(f"{describe(node)} cannot be {what}{_measured(node)}", node)


def _measured(node: Node) -> str:
    shown = node.name if isinstance(node, Field) else "x"
    return f"; of lists and maps there is length({shown}), {shown} is null and {shown} is not null"


def as_moment(node: Node) -> Node:
    """A text constant as the moment it says in ISO 8601; anything else as it is.

    Raises:
        KindMismatchError: it is no moment.
    """
    if not isinstance(node, Const) or not isinstance(node.value, str):
        return node
    try:
        moment = datetime.fromisoformat(node.value.strip())
        micros = to_micros(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        message = f"{_shown(node.value)} is not a moment; write for example '2026-01-01T00:00:00Z'"
        raise KindMismatchError(message, node) from None
    return Const("timestamp", node.at, micros)


def _hint(left: Node, right: Node) -> str:
    for const, other in ((left, right), (right, left)):
        if not isinstance(const, Const):
            continue
        if const.kind == "string" and other.kind in NUMBERS:
            return "; write the number without quotes"
        if const.kind in NUMBERS and other.kind == "string":
            return f"; write it in single quotes: '{const.value}'"
        if const.kind in NUMBERS and other.kind == "timestamp":
            return "; write the moment as '2026-01-01T00:00:00Z'"
    if "bool" in (left.kind, right.kind):
        return "; join comparisons with and / or"
    return ""


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:39] + "…")
