"""Regular expressions that cannot run away.

Polars matches with an automaton whose time grows only linearly with the text, so there is no catastrophic
backtracking; what it cannot compile (look-around, back-references) is refused when the file is read. The
size of the automaton is held too, since it is the other factor of the time.
"""

from __future__ import annotations

import re

LONGEST = 500
"""Characters of a pattern."""

WIDEST = 2_000
"""Characters of a pattern with its counted repetitions written out."""

_SPECIAL = re.compile(r"[\\.+*?()|\[\]{}^$]")
_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}|.", re.DOTALL)


def trouble_with(pattern: str) -> str | None:
    """Why ``pattern`` cannot be used, as the end of a sentence; None where it can."""
    if len(pattern) > LONGEST:
        return f"it has {len(pattern):,} characters; {LONGEST} are allowed"
    if width(pattern) > WIDEST:
        return f"its repetitions written out are longer than {WIDEST:,} characters; repeat less often"
    import polars as pl

    try:
        pl.Series([""], dtype=pl.String).str.contains(pattern)
    except pl.exceptions.PolarsError as error:
        return _reason(str(error))
    return None


def from_like(pattern: str) -> str:
    """The regular expression of a LIKE pattern: ``%`` is any text, ``_`` any one character.

    >>> from_like("a_c%")
    '(?s)^a.c.*$'
    """
    parts = [{"%": ".*", "_": "."}.get(char) or _SPECIAL.sub(r"\\\g<0>", char) for char in pattern]
    return f"(?s)^{''.join(parts)}$"


def width(pattern: str) -> int:
    """The length of ``pattern`` with counted repetitions written out.

    >>> width("(ab{3}){10}")
    40
    """
    open_groups = [0]
    last = 0
    for piece in _PIECE.findall(pattern):
        if piece == "(":
            open_groups.append(0)
            last = 0
        elif piece == ")" and len(open_groups) > 1:
            last = open_groups.pop()
            open_groups[-1] += last
        elif piece.startswith("{") and len(piece) > 1:
            times = max((int(digits[:6]) for digits in re.findall(r"\d+", piece)), default=1)
            added = last * (max(times, 1) - 1)
            open_groups[-1] += added
            last += added
        elif piece not in "*+?|":
            last = 1
            open_groups[-1] += 1
    return sum(open_groups)


def _reason(error: str) -> str:
    for line in error.splitlines():
        if line.startswith("error: "):
            return line.removeprefix("error: ")
    if "size limit" in error:
        return "its compiled form is too large; repeat less often"
    return error.splitlines()[0] if error else "it cannot be compiled"
