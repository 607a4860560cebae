"""From ksqlDB's spelling of a value or condition to the language of ``streamgauge.expressions``.

Names become columns, parameters become their values, aggregates become the names under which a window
computes them. Every character of the result knows where it came from, so mistakes are told in the .sql file.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from streamgauge.batch import FieldKind
from streamgauge.errors import ExpressionError
from streamgauge.expressions.names import nearest, resolve
from streamgauge.expressions.vocabulary import AGGREGATES, FUNCTIONS
from streamgauge.sql import refusals
from streamgauge.sql.cursor import Piece
from streamgauge.sql.tokens import Token

SPELLED: dict[str, str] = {
    "ucase": "upper",
    "lcase": "lower",
    "len": "length",
    "ifnull": "coalesce",
    "nvl": "coalesce",
    "regexp_matches": "matches",
    "format_timestamp": "timestamptostring",
    "parse_timestamp": "stringtotimestamp",
    "earliest_by_offset": "first",
    "latest_by_offset": "last",
    "topkdistinct": "topk_distinct",
    "percentile": "quantile",
}
"""ksqlDB's names of what the expression language calls otherwise."""

WORDS = frozenset(
    {
        "AND", "OR", "NOT", "IN", "LIKE", "IS", "NULL", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "END", "TRUE",
        "FALSE", "DISTINCT",
    }
)  # fmt: skip
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A text of the expression language and where its parts stand in the script.

    Attributes:
        starts, places: the character ``starts[i]`` of the text comes from ``places[i]`` of the script.
    """

    text: str
    piece: Piece
    starts: tuple[int, ...]
    places: tuple[int, ...]

    def fail(self, error: ExpressionError) -> NoReturn:
        """Tell a mistake in the text at its place in the script.

        Raises:
            SqlError: always.
        """
        at = self.piece.at
        if error.position is not None and self.starts:
            at = self.places[max(0, bisect_right(self.starts, error.position) - 1)]
        raise self.piece.error(error.message, at) from None


@dataclass(slots=True)
class Scope:
    """What names mean where an expression stands.

    Attributes:
        columns: what may be read; kind None is declared but cannot be read, its type stands in ``unread``.
        parameters: values by name, from ``--set`` and DEFINE.
        qualifiers: names that may stand before a dot: the stream's name and alias.
        replaced: names (any case) that stand for a text, such as the alias of ``SUM(a) / COUNT(*)``.
        unread: type of each column that cannot be read.
        aggregate: called with an aggregate call, gives the name under which it is computed; None where no
            aggregate may stand.
        instead: sentences for names that mean something elsewhere only, in upper case.
        what: how messages call the columns.
        phrases: values that are computed already, as they were written, each with the text it stands for.
    """

    columns: Mapping[str, FieldKind]
    parameters: Mapping[str, str]
    qualifiers: Sequence[str] = ()
    replaced: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    aggregate: Callable[[Piece], str] | None = None
    instead: Mapping[str, str] = field(default_factory=dict)
    what: str = "columns"
    phrases: Sequence[tuple[tuple[Token, ...], str]] = ()


def rewrite(piece: Piece, scope: Scope) -> Rewritten:
    """The same in the expression language.

    Raises:
        SqlError: a name is unknown, or a function cannot be computed.
    """
    return _Rewriter(piece, scope).all()


def column_text(name: str) -> str:
    """A column as the expression language writes it.

    >>> column_text("amount"), column_text("user->id"), column_text("end")
    ('amount', '"user->id"', '"end"')
    """
    if _PLAIN.fullmatch(name) and name.upper() not in WORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def is_aggregate(word: str) -> bool:
    """Whether a function (in any case) is an aggregate, one that cannot be computed too."""
    name = SPELLED.get(word.lower(), word.lower())
    return name in AGGREGATES or word.upper() in refusals.AGGREGATES


def refuse_function(piece: Piece, token: Token) -> None:
    """Say no to a function of ksqlDB that cannot be computed here, naming the nearest thing.

    Raises:
        SqlError: it is one of those.
    """
    instead = refusals.AGGREGATES.get(token.word) or refusals.FUNCTIONS.get(token.word)
    if instead is not None:
        raise piece.error(f"{token.word} is not supported; {instead}", token.start)


def closing(tokens: Sequence[Token], opening: int) -> int:
    """The index of the parenthesis that closes the one at ``opening``; pieces are balanced."""
    depth = 0
    for index in range(opening, len(tokens)):
        depth += {"(": 1, ")": -1}.get(tokens[index].word, 0)
        if depth == 0:
            return index
    raise AssertionError("a piece is balanced")


_APART = frozenset(
    {
        "(", ")", ",", "=", "<", ">", "<=", ">=", "<>", "!=", "==", "AND", "OR", "NOT", "WHEN", "THEN", "ELSE", "CASE",
        "IS", "IN", "LIKE", "BETWEEN", "END",
    }
)  # fmt: skip
"""Words that bind no closer than any value beside them."""


def stands_at(phrase: Sequence[Token], tokens: Sequence[Token], index: int) -> bool:
    """Whether ``phrase`` stands at ``index``, and no operator beside it takes a part of it away."""
    end = index + len(phrase)
    if end > len(tokens) or not all(map(_alike, phrase, tokens[index:end])):
        return False
    whole = len(phrase) > 2 and phrase[1].word == "(" and closing(phrase, 1) == len(phrase) - 1
    before = tokens[index - 1].word if index else "("
    behind = tokens[end].word if end < len(tokens) else ")"
    return whole or (before in _APART and behind in _APART)


def _alike(left: Token, right: Token) -> bool:
    if left.is_name and right.is_name:
        return left.text.casefold() == right.text.casefold()
    return (left.kind, left.text) == (right.kind, right.text)


class _Rewriter:
    def __init__(self, piece: Piece, scope: Scope) -> None:
        self.piece = piece
        self.tokens = piece.tokens
        self.scope = scope
        self.parts: list[str] = []
        self.starts: list[int] = []
        self.places: list[int] = []
        self.length = 0

    def all(self) -> Rewritten:
        index = 0
        while index < len(self.tokens):
            index = self._one(index)
        return Rewritten("".join(self.parts), self.piece, tuple(self.starts), tuple(self.places))

    def _put(self, text: str, at: int, *, call: bool = False) -> None:
        """Write on, with spaces as people set them; ``call``: it is a function's name."""
        joined = not self.parts or self.parts[-1] in ("(", "") or text in (")", ",")
        space = "" if joined else " "
        self.starts.append(self.length)
        self.places.append(at)
        self.parts += [space + text] if text != "(" else [space, text]
        self.length += len(space) + len(text)
        if call:
            self.parts.append("")

    def _one(self, index: int) -> int:
        """Take the word at ``index`` and what belongs to it; where to go on."""
        for phrase, text in self.scope.phrases:
            if stands_at(phrase, self.tokens, index):
                self._put(text, self.tokens[index].start)
                return index + len(phrase)
        token = self.tokens[index]
        match token.kind:
            case "text":
                self._put("'" + token.text.replace("'", "''") + "'", token.start)
            case "number":
                self._put("0" + token.text if token.text.startswith(".") else token.text, token.start)
            case "symbol":
                self._symbol(token)
            case "variable":
                self._put(self._parameter(token), token.start)
            case _:
                return self._named(index)
        return index + 1

    def _symbol(self, token: Token) -> None:
        if token.text in ("[", "]", ":", "->", ":="):
            hint = "; arrays and maps are not columns here" if token.text in "[]" else ""
            raise self.piece.error(f"{token.text!r} has no meaning here{hint}", token.start)
        self._put(token.text, token.start)

    def _named(self, index: int) -> int:
        token = self.tokens[index]
        following = self.tokens[index + 1].word if index + 1 < len(self.tokens) else ""
        if token.word in WORDS:
            self._put(token.text.lower(), token.start)
            return index + 1
        if token.word == "AS":
            return self._type(index)
        if following == "(" and token.kind == "name":
            return self._call(index)
        if following == "." and token.text.casefold() in {name.casefold() for name in self.scope.qualifiers}:
            return index + 2
        if following == ".":
            known = ", ".join(dict.fromkeys(self.scope.qualifiers)) or "no stream"
            raise self.piece.error(f"{token.text!r} is not in FROM; it has {known}", token.start)
        path, end = token.text, index + 1
        while end + 1 < len(self.tokens) and self.tokens[end].word == "->" and self.tokens[end + 1].is_name:
            path += f"->{self.tokens[end + 1].text}"
            end += 2
        self._put(self._name(path, token), token.start)
        return end

    def _call(self, index: int) -> int:
        token = self.tokens[index]
        end = closing(self.tokens, index + 1)
        refuse_function(self.piece, token)
        if is_aggregate(token.word):
            if self.scope.aggregate is None:
                raise self.piece.error(
                    f"{token.word} counts over a window; it stands in SELECT or HAVING, and not inside another",
                    token.start,
                )
            self._put(column_text(self.scope.aggregate(self.piece.part(index, end + 1))), token.start)
            return end + 1
        name = SPELLED.get(token.text.lower(), token.text.lower())
        if name not in FUNCTIONS:
            raise self.piece.error(_no_function(token.text), token.start)
        self._put(name, token.start, call=True)
        return index + 1

    def _type(self, index: int) -> int:
        """``AS BIGINT`` within a CAST, its digits too."""
        words = self.tokens[index + 1 : index + 2]
        if not words or not words[0].is_name:
            raise self.piece.error(
                "AS names a type within CAST: write CAST(x AS DOUBLE)", self.tokens[index].start
            )
        self._put("as", self.tokens[index].start)
        self._put(words[0].text, words[0].start)
        end = index + 2
        if end < len(self.tokens) and self.tokens[end].word == "(":
            return closing(self.tokens, end) + 1
        return end

    def _name(self, name: str, token: Token) -> str:
        scope = self.scope
        replaced = resolve(name, scope.replaced)
        if replaced is not None:
            return scope.replaced[replaced]
        column = resolve(name, scope.columns)
        if column is not None:
            return column_text(column)
        unread = resolve(name, scope.unread)
        if unread is not None:
            kind = scope.unread[unread]
            raise self.piece.error(f"column {unread} is a {kind}, which cannot be read here", token.start)
        if "->" not in name and token.kind == "name" and resolve(name, scope.parameters) is not None:
            return self._parameter(token)
        if name.upper() in scope.instead:
            raise self.piece.error(scope.instead[name.upper()], token.start)
        raise self.piece.error(self._unknown(name), token.start)

    def _parameter(self, token: Token) -> str:
        name = resolve(token.text, self.scope.parameters)
        if name is None:
            raise self.piece.error(self._unknown(token.text), token.start)
        return parameter_text(self.scope.parameters[name])

    def _unknown(self, name: str) -> str:
        columns = [*self.scope.replaced, *self.scope.columns]
        known = [*columns, *self.scope.parameters]
        close = nearest(name, known)
        hint = f"; did you mean {close}?" if close else ""
        has = ", ".join(columns) or "none"
        parameters = ", ".join(self.scope.parameters) or f"none; a value is given by --set {name}=…"
        return f"there is no {name!r}{hint} ({self.scope.what}: {has}; parameters: {parameters})"


def parameter_text(value: str) -> str:
    """The value of a parameter as the language writes it: a number, true or false, else a text.

    >>> parameter_text("20"), parameter_text("-0.5"), parameter_text("CH")
    ('20', '(-0.5)', "'CH'")
    """
    if re.fullmatch(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", value):
        return value
    if re.fullmatch(r"-[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?", value):
        return f"({value})"
    if value.lower() in ("true", "false"):
        return value.lower()
    return "'" + value.replace("'", "''") + "'"


def _no_function(word: str) -> str:
    known = sorted({*FUNCTIONS, *SPELLED, *AGGREGATES})
    close = nearest(word, known)
    hint = f"; did you mean {close.upper()}?" if close else ""
    listed = ", ".join(sorted({name.upper() for name in FUNCTIONS.values()}))
    return f"there is no function {word}{hint} (functions: {listed})"
