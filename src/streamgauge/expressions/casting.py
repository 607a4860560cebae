"""``cast(x as type)``: its words, which no call of a function has, and the types by name."""

from __future__ import annotations

from sqlglot import Token, TokenType

from streamgauge.errors import ExpressionError
from streamgauge.expressions.nodes import Kind

CASTS = frozenset({"cast", "try_cast"})

TYPES: dict[str, Kind] = {
    "INT": "int", "INTEGER": "int", "BIGINT": "int", "SMALLINT": "int", "DOUBLE": "float", "FLOAT": "float",
    "DECIMAL": "float", "VARCHAR": "string", "STRING": "string", "BOOLEAN": "bool", "BOOL": "bool",
    "TIMESTAMP": "timestamp",
}  # fmt: skip
"""What may stand behind ``as``, with the kind it is here."""


def plain_calls(text: str, tokens: list[Token]) -> list[Token]:
    """The words with each ``cast(x as type)`` as the call ``cast(x, 'TYPE')``.

    Raises:
        ExpressionError: a cast says no type, or one that there is not.
    """
    made = list(tokens)
    for index in range(len(made) - 2, -1, -1):  # from behind, so that earlier places stay
        if made[index].text.lower() in CASTS and made[index + 1].token_type == TokenType.L_PAREN:
            _plain(text, made, index)
    return made


def _plain(text: str, tokens: list[Token], call: int) -> None:
    depth, marks = 0, []
    for index in range(call + 1, len(tokens)):
        token = tokens[index]
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth == 1 and token.token_type == TokenType.VAR and token.text.upper() == "AS":
            marks.append(index)
        if depth == 0:
            break
    else:
        return  # a parenthesis is open: the parser tells
    if not marks or marks[-1] + 1 == index:
        message = f"{tokens[call].text.lower()} names a type: write cast(x as double)"
        raise ExpressionError(message, expression=text, position=tokens[call].start)
    mark = marks[-1]
    word = tokens[mark + 1]
    name = word.text.upper()
    if name not in TYPES:
        message = f"{word.text} is not a type that values can be cast to; types: {', '.join(TYPES)}"
        raise ExpressionError(message, expression=text, position=word.start)
    at = tokens[mark]
    comma = Token(TokenType.COMMA, ",", at.line, at.col, at.start, at.end)
    kind = Token(TokenType.STRING, name, word.line, word.col, word.start, word.end)
    tokens[mark:index] = [comma, kind]
