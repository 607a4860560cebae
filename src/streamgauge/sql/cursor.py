"""Walking through the words of one statement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from streamgauge.sql.script import Script, SqlError
from streamgauge.sql.tokens import Token


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words in a row, such as one condition."""

    script: Script
    tokens: tuple[Token, ...]
    at: int

    @property
    def text(self) -> str:
        """As written, comments and all."""
        return self.script.text[self.at : self.tokens[-1].end] if self.tokens else ""

    def part(self, start: int, end: int | None = None) -> Piece:
        """Some of its words."""
        tokens = self.tokens[start:end]
        return Piece(self.script, tokens, tokens[0].start if tokens else self.at)

    def error(self, message: str, at: int | None = None) -> SqlError:
        """The error for this place, to be raised."""
        return SqlError(message, self.script, self.at if at is None else at)


class Cursor:
    """Where a parser stands in a statement."""

    def __init__(self, script: Script, tokens: Sequence[Token]) -> None:
        self.script = script
        self.tokens = tokens
        self.index = 0

    @property
    def token(self) -> Token | None:
        """The next word; None at the end."""
        return self.tokens[self.index] if self.index < len(self.tokens) else None

    @property
    def at(self) -> int:
        """Its first character; at the end the last one of the statement."""
        token = self.token
        return self.tokens[-1].end - 1 if token is None else token.start

    def sees(self, *words: str) -> bool:
        """Whether these words come next."""
        ahead = self.tokens[self.index : self.index + len(words)]
        return len(ahead) == len(words) and all(
            token.word == word for token, word in zip(ahead, words, strict=True)
        )

    def takes(self, *words: str) -> bool:
        """The same; and then they are read."""
        if not self.sees(*words):
            return False
        self.index += len(words)
        return True

    def expects(self, *words: str) -> None:
        """Read these words.

        Raises:
            SqlError: something else comes.
        """
        for word in words:
            if not self.takes(word):
                raise self.error(f"expected {word}, {self.found()}")

    def next(self) -> Token:
        """Read any word.

        Raises:
            SqlError: the statement has ended.
        """
        token = self.token
        if token is None:
            raise self.error("the statement ends too early")
        self.index += 1
        return token

    def name(self, what: str) -> Token:
        """Read a name.

        Raises:
            SqlError: something else comes.
        """
        token = self.token
        if token is None or not token.is_name:
            raise self.error(f"expected {what}, {self.found()}")
        self.index += 1
        return token

    def piece(self, stops: Collection[str]) -> Piece:
        """Read up to one of the words ``stops`` outside of parentheses, which is left unread."""
        start, depth = self.index, 0
        while (token := self.token) is not None:
            if depth == 0 and token.word in stops:
                break
            depth += {"(": 1, ")": -1}.get(token.word, 0)
            if depth < 0:
                raise self.error("a parenthesis is closed that was not opened")
            self.index += 1
        if depth:
            raise self.error("a parenthesis is opened and not closed")
        found = tuple(self.tokens[start : self.index])
        return Piece(self.script, found, found[0].start if found else self.at)

    def found(self) -> str:
        """What comes next, for messages."""
        token = self.token
        return "but the statement ends" if token is None else f"found {token.text[:40]!r}"

    def error(self, message: str, at: int | None = None) -> SqlError:
        """The error for this statement, to be raised; without ``at`` at the next word."""
        return SqlError(message, self.script, self.at if at is None else at)
