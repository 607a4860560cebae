"""From text to words: names, texts, numbers and symbols with their places; comments are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from streamgauge.sql.script import Script, SqlError

TokenKind: TypeAlias = Literal["name", "quoted", "text", "number", "variable", "symbol"]

LONGEST_NUMBER = 40

_SCAN = re.compile(
    r"""
      (?P<space>\s+|--[^\n]*|/\*.*?\*/)
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>`(?:[^`]|``)*`|"(?:[^"]|"")*")
    | (?P<open>/\*|['"`])
    | (?P<variable>\$\{\s*[^\W\d]\w*\s*\})
    | (?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?(?!\w)|\.[0-9]+(?:[eE][+-]?[0-9]+)?(?!\w))
    | (?P<name>[^\W\d]\w*)
    | (?P<symbol>->|:=|<=|>=|<>|!=|==|\|\||[-+*/%=<>(),.;~:\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word.

    Attributes:
        kind: names may be ``quoted``; a ``text`` stands in single quotes; a ``variable`` is ``${name}``.
        text: without quotes.
        start, end: characters of the script.
    """

    kind: TokenKind
    text: str
    start: int
    end: int

    @property
    def word(self) -> str:
        """A bare name or symbol in upper case, for comparing; empty for anything in quotes."""
        return self.text.upper() if self.kind in ("name", "symbol") else ""

    @property
    def is_name(self) -> bool:
        """Whether it can name something."""
        return self.kind in ("name", "quoted")


def split(script: Script) -> Iterator[list[Token]]:
    """The words of each statement, without the semicolon; what is empty is left out.

    Raises:
        SqlError: a quote or comment is never closed, or a character has no meaning here.
    """
    statement: list[Token] = []
    for token in _tokens(script):
        if token.word == ";":
            if statement:
                yield statement
            statement = []
        else:
            statement.append(token)
    if statement:
        yield statement


def _tokens(script: Script) -> Iterator[Token]:
    at = 0
    while at < len(script.text):
        found = _SCAN.match(script.text, at)
        if found is None:
            message = (
                f"{script.text[at]!r} has no meaning here; names with other characters stand in `back quotes`"
            )
            raise SqlError(message, script, at)
        if found.lastgroup == "open":
            what = "a comment" if found[0] == "/*" else "a quote"
            raise SqlError(f"{what} is opened here and never closed", script, at)
        if found.lastgroup == "number" and len(found[0]) > LONGEST_NUMBER:
            raise SqlError(f"a number has at most {LONGEST_NUMBER} characters", script, at)
        if found.lastgroup != "space":
            yield _token(found)
        at = found.end()


def _token(found: re.Match[str]) -> Token:
    text = found[0]
    match found.lastgroup:
        case "text":
            return Token("text", text[1:-1].replace("''", "'"), found.start(), found.end())
        case "quoted":
            return Token("quoted", text[1:-1].replace(text[0] * 2, text[0]), found.start(), found.end())
        case "variable":
            return Token("variable", text[2:-1].strip(), found.start(), found.end())
        case "number":
            return Token("number", text, found.start(), found.end())
        case "name":
            return Token("name", text, found.start(), found.end())
        case _:
            return Token("symbol", text, found.start(), found.end())
