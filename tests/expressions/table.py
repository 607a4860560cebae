"""A small table with everything awkward in it, and the ways to ask it."""

from typing import Any

from streamgauge.batch import Column, FieldKind
from streamgauge.expressions import parse_condition, parse_value

KINDS: dict[str, FieldKind] = {
    "amount": "float",
    "fee": "float",
    "n": "int",
    "id": "int",
    "account": "string",
    "country": "string",
    "refused": "bool",
    "at": "timestamp",
    "user.id": "string",
}
VALUES: dict[str, list[Any]] = {
    "amount": [10.0, None, -2.5, 0.0],
    "fee": [0.0, 1.0, None, 2.0],
    "n": [1, 2, None, -7],
    "id": [2**53 + 1, 2**53, None, -(2**63)],
    "account": ["alice", "Bob", None, "50%_a.b"],
    "country": ["CH", None, "", "de"],
    "refused": [True, False, None, True],
    "at": [1_767_225_600_000_000, 1_767_225_600_000_001, None, 0],
    "user.id": ["u1", "u2", "u3", None],
}
ROWS = 4


def table() -> dict[str, Column]:
    return {name: Column(KINDS[name], values=list(values)) for name, values in VALUES.items()}


def truth(text: str) -> list[bool | None]:
    """True, False or None (missing) per row."""
    found = parse_condition(text, KINDS).truth(table(), ROWS).tolist()
    return [{1: True, 0: False, -1: None}[answer] for answer in found]


def values(text: str) -> list[Any]:
    return parse_value(text, KINDS).evaluate(table(), ROWS).values()
