"""What earlier statements made, in the words of what lies below: so `run` reads it without a topic between.

A stream that a statement makes is its source's records with other columns; a table's rows are the rows of its monitor with
other columns. Whoever reads them reads what is below, with each column replaced by the expression that makes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from streamgauge.expressions import Expression
from streamgauge.sql.queries import BOUNDS, Query
from streamgauge.sql.rewriting import WORDS, column_text
from streamgauge.sql.streams import ROWTIME, Readable

_PARTS = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|[A-Za-z_]\w*|\d[\w.]*|\s+|.""", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Relation:
    """Something that a statement can read.

    Attributes:
        stream: the stream or monitor of the configuration whose records or rows it has.
        texts: of its columns, the expression over those.
        conditions: which of them belong to it.
        root: the stream as it was declared; None where they are a monitor's rows.
    """

    stream: str
    texts: Mapping[str, str] = field(default_factory=dict)
    conditions: Sequence[str] = ()
    root: Readable | None = None

    def text(self, text: str) -> str:
        """An expression over its columns as one over what is below."""
        return replaced(text, self.texts)

    def where(self, more: Expression | None) -> str | None:
        """Which records or rows below: those that belong to it, and for which ``more`` holds."""
        every = [*self.conditions, *([] if more is None else [self.text(more.text)])]
        return " and ".join(f"({one})" for one in every) if len(every) > 1 else every[0] if every else None

    def below(self, column: str) -> str | None:
        """The column below that ``column`` shows as it is; None where it is computed."""
        text = self.texts.get(column, column_text(column))
        return _name(text)

    def chosen(self, query: Query) -> Relation:
        """What a SELECT of columns makes of it; its records are as old as they were."""
        texts = {output.name: self.text(output.expression.text) for output in query.outputs}
        time = self.root.time if self.root is not None else None
        if time is not None:
            texts.setdefault(ROWTIME, column_text(time))
        condition = self.where(query.where)
        return Relation(self.stream, texts, () if condition is None else (condition,), self.root)


def rows_of(name: str, query: Query, columns: Mapping[str, str]) -> Relation:
    """The rows of the monitor that a table is; ``columns`` are the expressions of its columns over them."""
    texts = {**{bound: bound for bound in BOUNDS}, **columns}
    return Relation(name, texts, () if query.having is None else (query.having.text,))


def replaced(text: str, texts: Mapping[str, str]) -> str:
    r"""``text`` with columns replaced by the expressions that ``texts`` says.

    >>> replaced("sum(a) + length('a') + \"b->c\"", {"a": "x * 2", "b->c": "y"})
    "sum((x * 2)) + length('a') + y"
    """
    parts = _PARTS.findall(text)
    made: list[str] = []
    for number, part in enumerate(parts):
        name = _name(part)
        following = next((one for one in parts[number + 1 :] if not one.isspace()), "")
        before = next((one for one in reversed(parts[:number]) if not one.isspace()), "")
        if name is None or following == "(" or before.lower() == "as" or name not in texts:
            made.append(part)
            continue
        stands_for = texts[name]
        made.append(stands_for if _name(stands_for) is not None else f"({stands_for})")
    return "".join(made)


def _name(text: str) -> str | None:
    """The column that an expression is, if it is one and nothing else."""
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1].replace('""', ""):
        return text[1:-1].replace('""', '"')
    plain = re.fullmatch(r"[A-Za-z_]\w*", text, re.ASCII)
    return text if plain and text.upper() not in WORDS else None
