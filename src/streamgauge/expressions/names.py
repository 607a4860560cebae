"""Finding the column that a written name means."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

SHOWN = 12
"""How many existing names a message lists."""


def resolve(name: str, columns: Iterable[str]) -> str | None:
    """The column itself, else the only one that differs in case alone, else None.

    >>> resolve("Amount", ["amount", "account"])
    'amount'
    """
    known = list(columns)
    if name in known:
        return name
    alike = _alike(name, known)
    return alike[0] if len(alike) == 1 else None


def unknown(name: str, columns: Iterable[str], *, quoted: bool = False) -> str:
    """The sentence for a name that :func:`resolve` could not find: what exists and what is nearest."""
    known = sorted(columns)
    alike = _alike(name, known)
    if len(alike) > 1:
        return f"{name!r} could be {' or '.join(alike)}: write it with the same capitals"
    sentence = f"there is no column {name!r}"
    close = nearest(name, known)
    if close:
        sentence += f"; did you mean {close}?"
    elif quoted:
        text = name.replace("'", "''")
        sentence += f"; if a text is meant, use single quotes: '{text}'"
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return f"{sentence} (columns: {', '.join(known[:SHOWN]) or 'none'}{more})"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known word most like ``word``, or None where none is near."""
    by_lower = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower()[:100], list(by_lower), n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def _alike(name: str, known: Iterable[str]) -> list[str]:
    wanted = name.casefold()
    return [column for column in known if column.casefold() == wanted]
