"""From text to a sqlglot tree, with everything outside the language refused before sqlglot sees it.

Three steps. sqlglot's tokenizer runs with only the keywords of this language. Each token is then checked:
symbols, names of columns and functions, nesting. Last, sqlglot's parser gets tokens in which every name is
replaced by a neutral one (``c0``, ``f0``), so that no name can wake any SQL it also knows.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import pairwise
from typing import ClassVar

from sqlglot import Token, Tokenizer, TokenType, exp
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.parser import Parser

from streamgauge.errors import ExpressionError
from streamgauge.expressions.casting import plain_calls
from streamgauge.expressions.names import nearest, resolve, unknown
from streamgauge.expressions.vocabulary import AGGREGATES, FUNCTIONS, INSTEAD, SYMBOLS_INSTEAD

LONGEST = 10_000
"""Characters of one expression."""

MOST_TOKENS = 2_000
"""Words, numbers and symbols of one expression."""

DEEPEST = 24
"""Parentheses, functions, cases, nots and signs within each other."""

_KEYWORDS = {
    word.name: word
    for word in (
        TokenType.AND,
        TokenType.OR,
        TokenType.NOT,
        TokenType.IN,
        TokenType.LIKE,
        TokenType.IS,
        TokenType.NULL,
        TokenType.BETWEEN,
        TokenType.CASE,
        TokenType.WHEN,
        TokenType.THEN,
        TokenType.ELSE,
        TokenType.END,
        TokenType.TRUE,
        TokenType.FALSE,
        TokenType.DISTINCT,
    )
}
_OPERATORS = {
    "==": TokenType.EQ,
    "!=": TokenType.NEQ,
    "<>": TokenType.NEQ,
    "<=": TokenType.LTE,
    ">=": TokenType.GTE,
    "||": TokenType.DPIPE,
}
_SYMBOLS = frozenset("(),+-*/%=<>~") | _OPERATORS.keys()
_VALUES = {TokenType.VAR, TokenType.IDENTIFIER, TokenType.NUMBER, TokenType.STRING}
_PREFIXES = {TokenType.NOT, TokenType.DASH, TokenType.PLUS}
_QUOTED = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`(?:[^`]|``)*`")


class Words(Tokenizer):
    """sqlglot's tokenizer with this language's words only; no comments, so ``--`` is two minus signs."""

    KEYWORDS: ClassVar[dict[str, TokenType]] = {**_KEYWORDS, **_OPERATORS}
    SINGLE_TOKENS: ClassVar[dict[str, TokenType]] = {**Tokenizer.SINGLE_TOKENS, "~": TokenType.RLIKE}
    IDENTIFIERS: ClassVar[list[str | tuple[str, str]]] = ['"', "`"]
    COMMENTS: ClassVar[list[str | tuple[str, str]]] = []


@dataclass(slots=True)
class Reading:
    """A text on its way through the steps: what the neutral names stand for."""

    text: str
    columns: Collection[str]
    tokens: list[Token] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    functions: dict[str, str] = field(default_factory=dict)

    def error(self, message: str, at: int | None = None) -> ExpressionError:
        """The error for this text, to be raised."""
        return ExpressionError(message, expression=self.text, position=at)

    def misplaced_word(self, word: str, at: int | None) -> ExpressionError:
        """The error for a word of the language where a value was expected."""
        name = resolve(word, self.columns)
        hint = f'; if the column is meant, write "{name}"' if name else "; something is missing near it"
        return self.error(f"{word} is a word of the language{hint}", at)


def read(text: str, columns: Collection[str]) -> tuple[Reading, exp.Expr]:
    """Parse ``text``; names in the tree are neutral, ``Reading`` says what they stand for.

    Raises:
        ExpressionError: whatever is wrong with the text.
    """
    reading = Reading(text, columns)
    try:
        _tokenize(reading)
        reading.tokens = plain_calls(text, reading.tokens)
        _check_nesting(reading)
        neutral = [_neutral(reading, index) for index in range(len(reading.tokens))]
        _check_neighbours(reading)
        return reading, _parse(reading, neutral)
    except RecursionError:
        raise reading.error(f"the expression is nested too deeply; {DEEPEST} levels are allowed") from None


def _tokenize(reading: Reading) -> None:
    text = reading.text
    if len(text) > LONGEST:
        raise _at_length(text, f"an expression has at most {LONGEST:,} characters, not {len(text):,}")
    if not text.isprintable() and (odd := re.search(r"[\ud800-\udfff\x00]", text)):
        raise _at_length(text, f"character {odd.start() + 1} cannot be used in an expression")
    try:
        reading.tokens = Words().tokenize(text)
    except SqlglotError:
        quote = re.search(r"['\"`]", _QUOTED.sub(lambda found: " " * len(found[0]), text))
        at = quote.start() if quote else None
        raise reading.error("a quote is opened and never closed", at) from None
    if not reading.tokens:
        raise reading.error("the expression is empty; write for example amount > 100")
    if len(reading.tokens) > MOST_TOKENS:
        count = len(reading.tokens)
        raise _at_length(text, f"an expression has at most {MOST_TOKENS:,} words, not {count:,}")


def _at_length(text: str, message: str) -> ExpressionError:
    """An error that shows only the beginning of a text that is too long or odd to repeat."""
    shown = text[:60].encode("utf-8", "backslashreplace").decode()
    return ExpressionError(f"{message} (it begins {shown!r})")


def _check_nesting(reading: Reading) -> None:
    depth = signs = 0
    for token in reading.tokens:
        kind = token.token_type
        signs = signs + 1 if kind in _PREFIXES else 0
        if kind in (TokenType.L_PAREN, TokenType.CASE):
            depth += 1
        elif kind in (TokenType.R_PAREN, TokenType.END):
            depth -= 1
        if depth + signs > DEEPEST:
            message = (
                f"parentheses, cases and signs are nested more than {DEEPEST} deep; split the expression"
            )
            raise _at_length(reading.text, f"{message} at character {token.start + 1}")


def _neutral(reading: Reading, index: int) -> Token:
    """The token as the parser gets it; whatever is no part of the language is refused here."""
    token = reading.tokens[index]
    kind = token.token_type
    if kind == TokenType.VAR or _is_function_distinct(reading, index):
        called = _type_at(reading, index + 1) == TokenType.L_PAREN
        return _function(reading, token) if called else _column(reading, index)
    if kind == TokenType.IDENTIFIER:
        if _type_at(reading, index + 1) == TokenType.L_PAREN:
            raise reading.error(f"an operator is missing after {token.text!r}", token.start)
        return _column(reading, index)
    if kind in (TokenType.NUMBER, TokenType.STRING) or token.text.upper() in _KEYWORDS:
        return token
    if token.text in _SYMBOLS:
        return token
    raise _refused_symbol(reading, index)


def _check_neighbours(reading: Reading) -> None:
    """Two values with nothing between them; sqlglot would take the second for a name of the first."""
    for before, token in pairwise(reading.tokens):
        if before.token_type in _VALUES and token.token_type in _VALUES:
            between = f"{before.text[:30]} and {token.text[:30]}"
            hint = "; a quote within a text is written twice" if token.token_type == TokenType.STRING else ""
            raise reading.error(f"an operator is missing between {between}{hint}", token.start)


def _type_at(reading: Reading, index: int) -> TokenType | None:
    return reading.tokens[index].token_type if 0 <= index < len(reading.tokens) else None


def _is_function_distinct(reading: Reading, index: int) -> bool:
    """``distinct(x)`` is a call; in ``count(distinct (x))`` the word is a keyword."""
    if reading.tokens[index].token_type != TokenType.DISTINCT:
        return False
    after_call = _type_at(reading, index - 1) == TokenType.L_PAREN and index >= 2
    inside = after_call and reading.tokens[index - 2].text.lower() in AGGREGATES
    return not inside and _type_at(reading, index + 1) == TokenType.L_PAREN


def _column(reading: Reading, index: int) -> Token:
    token = reading.tokens[index]
    quoted = token.token_type == TokenType.IDENTIFIER
    if _type_at(reading, index + 1) == TokenType.DOT and not quoted:
        raise _dotted(reading, index)
    name = resolve(token.text, reading.columns)
    if name is None:
        raise reading.error(_unknown_word(reading, index), token.start)
    neutral = f"c{len(reading.names)}"
    reading.names[neutral] = name
    return Token(TokenType.IDENTIFIER, neutral, token.line, token.col, token.start, token.end)


def _function(reading: Reading, token: Token) -> Token:
    word = token.text.lower()
    if word not in FUNCTIONS and word not in AGGREGATES:
        raise reading.error(_unknown_function(token.text, reading.columns), token.start)
    neutral = f"f{len(reading.functions)}"
    reading.functions[neutral] = word
    return Token(TokenType.VAR, neutral, token.line, token.col, token.start, token.end)


def _unknown_function(word: str, columns: Collection[str]) -> str:
    instead = INSTEAD.get(word.lower())
    if instead:
        return f"{word} is not supported; {instead}"
    if resolve(word, columns):
        return f"{word} is a column, not a function; an operator is missing before the parenthesis"
    close = nearest(word, [*FUNCTIONS, *AGGREGATES])
    hint = f"; did you mean {close}?" if close else ""
    return f"there is no function {word!r}{hint} (functions: {', '.join(sorted(set(FUNCTIONS.values())))})"


def _unknown_word(reading: Reading, index: int) -> str:
    token = reading.tokens[index]
    before = reading.tokens[index - 1] if index else None
    touching = before is not None and before.token_type == TokenType.NUMBER and before.end + 1 == token.start
    if before is not None and touching:
        return f"{before.text}{token.text} is not a number; write digits only, such as 5 or 0.5"
    quoted = token.token_type == TokenType.IDENTIFIER
    instead = INSTEAD.get(token.text.lower())
    if instead and not quoted:
        return f"{token.text} is not supported; {instead}"
    return unknown(token.text, reading.columns, quoted=quoted)


def _dotted(reading: Reading, index: int) -> ExpressionError:
    """A name such as user.id, whose dot needs quotes."""
    words = []
    for token in reading.tokens[index:]:
        if token.token_type not in (TokenType.VAR, TokenType.DOT):
            break
        words.append(token.text)
    name = "".join(words)
    found = resolve(name, reading.columns)
    message = f'write "{found}": a name with a dot needs double quotes' if found else None
    at = reading.tokens[index].start
    return reading.error(message or unknown(name, reading.columns), at)


def _refused_symbol(reading: Reading, index: int) -> ExpressionError:
    token = reading.tokens[index]
    text = reading.text[token.start : token.end + 1]
    if text == "." and _type_at(reading, index + 1) == TokenType.NUMBER:
        return reading.error("a number begins with a digit: write 0.5, not .5", token.start)
    if token.token_type == TokenType.NATIONAL_STRING:
        return reading.error(f"{text} is not supported; write {text[1:]}", token.start)
    instead = SYMBOLS_INSTEAD.get(text)
    hint = f"; {instead}" if instead else "; operators: + - * / % || = != < <= > >= ~"
    return reading.error(f"{text!r} is not supported{hint}", token.start)


def _parse(reading: Reading, neutral: list[Token]) -> exp.Expr:
    try:
        trees = Parser().parse(neutral, reading.text)
    except ParseError as error:
        raise _syntax(reading, error) from None
    if len(trees) != 1 or trees[0] is None:
        raise reading.error("the expression cannot be read; write for example amount > 100")
    return trees[0]


_TURNED = {"=>": ">=", "=<": "<=", "><": "<>"}
"""Signs that people write the other way round."""


def _syntax(reading: Reading, error: ParseError) -> ExpressionError:
    found = error.errors[0] if error.errors else {}
    place = (found.get("line"), found.get("col"))
    token = next((t for t in reading.tokens if (t.line, t.col) == place), None)
    description = str(found.get("description", ""))
    keyword = next((t for t in reading.tokens if _is_column_keyword(reading, t)), None)
    if keyword is not None:
        return reading.misplaced_word(keyword.text, keyword.start)
    for one, next_one in pairwise(reading.tokens):
        meant = _TURNED.get(one.text + next_one.text)
        if meant is not None and one.end + 1 == next_one.start:
            return reading.error(f"{one.text}{next_one.text} is written {meant}", one.start)
    return reading.error(_syntax_sentence(description, token), token.start if token else None)


def _is_column_keyword(reading: Reading, token: Token) -> bool:
    return token.text.upper() in _KEYWORDS and resolve(token.text, reading.columns) is not None


def _syntax_sentence(description: str, token: Token | None) -> str:
    near = f" near {token.text!r}" if token else ""
    if "Expecting )" in description:
        return f"a closing parenthesis or an operator is missing{near}"
    if "END" in description:
        return f"a case ends with end: case when … then … else … end{near}"
    if "missing for" in description:
        return f"something is missing{near}: an operator has a value on each side"
    return f"the expression cannot be read{near}; an operator may be missing before it"
