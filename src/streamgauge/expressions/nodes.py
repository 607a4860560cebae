"""A checked expression as a tree of plain values: every node knows its kind, nothing is open any more.

Built by :mod:`streamgauge.expressions.build`, given a meaning twice: by ``polars_form`` for everything and
by ``numpy_form`` for what is only numbers. The two agree; tests hold them to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamgauge.batch import ColumnKind

Kind: TypeAlias = ColumnKind | Literal["null"]
"""A column's kind, or ``null``: the word itself, which takes the kind of what stands beside it."""

Scalar: TypeAlias = str | int | float | bool | None

NUMBERS: frozenset[Kind] = frozenset({"int", "float"})


@dataclass(frozen=True, slots=True)
class Node:
    """One step of an expression.

    Attributes:
        kind: the kind of its result.
        at: the character of the text where it begins, for messages.
    """

    kind: Kind
    at: int | None

    @property
    def parts(self) -> tuple[Node, ...]:
        """The nodes it reads."""
        return ()


@dataclass(frozen=True, slots=True)
class Const(Node):
    """A value written in the text; timestamps are int microseconds, None is missing."""

    value: Scalar


@dataclass(frozen=True, slots=True)
class Field(Node):
    """A column."""

    name: str


@dataclass(frozen=True, slots=True)
class Arithmetic(Node):
    """Double precision ``+ - * / %``; what is not finite is missing."""

    operator: Literal["+", "-", "*", "/", "%"]
    left: Node
    right: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        """Both sides."""
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class NumberCall(Node):
    """A function from one number to one number, in double precision."""

    function: Literal["negate", "abs", "floor", "ceil", "round"]
    item: Node
    digits: int = 0

    @property
    def parts(self) -> tuple[Node, ...]:
        """The number."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class TextCall(Node):
    """A function of one string."""

    function: Literal["lower", "upper", "length", "trim"]
    item: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        """The string."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class Part(Node):
    """Some characters of a string: from ``first`` (from 1; below zero from the end), at most ``length``."""

    item: Node
    first: int
    length: int | None = None

    @property
    def parts(self) -> tuple[Node, ...]:
        """The string."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class Joined(Node):
    """Strings one behind the other; what is missing adds nothing."""

    items: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        """The strings."""
        return self.items


@dataclass(frozen=True, slots=True)
class Cast(Node):
    """The value as another kind (``kind``); missing where it has none."""

    item: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        """The value."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class MomentText(Node):
    """A timestamp written in (``kind`` string) or read from (``kind`` timestamp) a text.

    ``pattern`` is the user's, ``form`` the same for Polars; ``zone`` None is UTC.
    """

    item: Node
    pattern: str
    form: str
    zone: str | None = None

    @property
    def parts(self) -> tuple[Node, ...]:
        """The moment or the text."""
        return (self.item,)


Order: TypeAlias = Literal["=", "!=", "<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """Two values of comparable kinds; missing where either is."""

    operator: Order
    left: Node
    right: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        """Both sides."""
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Membership(Node):
    """Whether ``item`` is one of some constants (all of the kind ``choice_kind``)."""

    item: Node
    choices: tuple[Scalar, ...]
    choice_kind: Kind

    @property
    def parts(self) -> tuple[Node, ...]:
        """What is looked for."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class Junction(Node):
    """``and`` or ``or`` of two or more conditions, in Kleene's logic."""

    operator: Literal["and", "or"]
    items: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        """The conditions."""
        return self.items


@dataclass(frozen=True, slots=True)
class Not(Node):
    """The opposite; missing stays missing."""

    item: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        """The condition."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class Match(Node):
    """Whether a regular expression is found in ``item``."""

    item: Node
    pattern: str

    @property
    def parts(self) -> tuple[Node, ...]:
        """The string."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class Missing(Node):
    """``is null``: never missing itself."""

    item: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        """The value."""
        return (self.item,)


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """``case``: the value of the first branch whose condition surely holds, else ``otherwise``."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node

    @property
    def parts(self) -> tuple[Node, ...]:
        """Conditions, values, and the last resort."""
        return (*(node for branch in self.branches for node in branch), self.otherwise)


@dataclass(frozen=True, slots=True)
class Fallback(Node):
    """``coalesce``: the first that is not missing."""

    items: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        """The values, in the order in which they are tried."""
        return self.items


def walk(root: Node) -> Iterator[Node]:
    """Every node once, also where two steps share one."""
    seen: set[int] = set()
    open_nodes = [root]
    while open_nodes:
        node = open_nodes.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            open_nodes.extend(node.parts)


def weight(root: Node) -> int:
    """How many steps the tree has when shared nodes are counted each time they are read."""
    known: dict[int, int] = {}

    def of(node: Node) -> int:
        if id(node) not in known:
            known[id(node)] = 1 + sum(of(part) for part in node.parts)
        return known[id(node)]

    return of(root)


def reads(root: Node) -> frozenset[str]:
    """The names of the columns that are read."""
    return frozenset(node.name for node in walk(root) if isinstance(node, Field))
