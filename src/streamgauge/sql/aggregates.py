"""The aggregates of one query: each is computed once by the window, under one name."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from streamgauge.batch import ColumnKind, FieldKind
from streamgauge.errors import ExpressionError
from streamgauge.expressions import Aggregate, parse_aggregate
from streamgauge.sql.cursor import Piece
from streamgauge.sql.rewriting import (
    SPELLED,
    Rewritten,
    Scope,
    closing,
    is_aggregate,
    refuse_function,
    rewrite,
)


class Aggregates:
    """Collects the aggregate calls of SELECT and HAVING.

    Attributes:
        compute: what the window computes, as in YAML.
        kinds: of the results.
    """

    def __init__(self, records: Scope, taken: Iterable[str] = ()) -> None:
        self.records = records
        self.compute: dict[str, str] = {}
        self.kinds: dict[str, ColumnKind] = {}
        self._taken = {name.casefold() for name in taken}
        self._names: dict[str, str] = {}

    def named(self, piece: Piece, name: str) -> str:
        """Compute the call ``piece`` under ``name``.

        Raises:
            SqlError: it cannot be computed.
        """
        parsed = self._parsed(piece)
        self.compute[name] = parsed.text
        self.kinds[name] = parsed.kind
        self._names.setdefault(parsed.text, name)
        return name

    def __call__(self, piece: Piece) -> str:
        """The name of the call ``piece``, a new one where it is not computed yet.

        Raises:
            SqlError: it cannot be computed.
        """
        parsed = self._parsed(piece)
        if parsed.text not in self._names:
            self.named(piece, self._free(parsed.text))
        return self._names[parsed.text]

    def constant(self, column: str, text: str, kind: FieldKind) -> None:
        """Carry a grouping column through the window, for HAVING to read."""
        self.compute[column] = text
        self.kinds[column] = kind

    def _free(self, text: str) -> str:
        stem = re.sub(r"\W+", "_", text).strip("_") or "value"
        name, number = stem, 2
        while name.casefold() in self._taken | {known.casefold() for known in self.compute}:
            name, number = f"{stem}_{number}", number + 1
        return name

    def _parsed(self, piece: Piece) -> Aggregate:
        word = piece.tokens[0]
        refuse_function(piece, word)
        name = SPELLED.get(word.text.lower(), word.text.lower())
        inner = rewrite(_without_nulls(piece), self.records)
        ahead = len(name) + 1
        written = Rewritten(
            f"{name}({inner.text})",
            piece,
            (0, *(start + ahead for start in inner.starts)),
            (word.start, *inner.places),
        )
        try:
            return parse_aggregate(written.text, self.records.columns)
        except ExpressionError as error:
            written.fail(error)


def _without_nulls(piece: Piece) -> Piece:
    """The arguments; ``LATEST_BY_OFFSET(x, TRUE)`` says that nulls are passed over, which they are.

    Raises:
        SqlError: they shall not be.
    """
    tokens = piece.tokens
    by_offset = tokens[0].word in ("EARLIEST_BY_OFFSET", "LATEST_BY_OFFSET")
    if not by_offset or len(tokens) < 6 or tokens[-3].word != ",":
        return piece.part(2, -1)
    if tokens[-2].word == "FALSE":
        message = f"{tokens[0].word} passes over nulls here; leave FALSE out, or aggregate IFNULL(x, …)"
        raise piece.error(message, tokens[-2].start)
    return piece.part(2, -3 if tokens[-2].word == "TRUE" else -1)


def holds_aggregate(piece: Piece) -> bool:
    """Whether an aggregate is called anywhere in it."""
    tokens = piece.tokens
    return any(
        token.kind == "name" and is_aggregate(token.text) and following.word == "("
        for token, following in pairwise(tokens)
    )


def is_lone_aggregate(piece: Piece) -> bool:
    """Whether it is one aggregate call and nothing else."""
    tokens = piece.tokens
    called = (
        len(tokens) > 2
        and tokens[0].kind == "name"
        and is_aggregate(tokens[0].text)
        and tokens[1].word == "("
    )
    return called and closing(tokens, 1) == len(tokens) - 1
