"""Whatever text arrives, the answer is an expression or an ExpressionError."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from streamgauge.errors import ExpressionError
from streamgauge.expressions import (
    Aggregate,
    Expression,
    parse_aggregate,
    parse_condition,
    parse_value,
    watches,
)
from streamgauge.expressions.vocabulary import AGGREGATES, FUNCTIONS, INSTEAD, SYMBOLS_INSTEAD

from .table import KINDS, ROWS, table

KEYWORDS = "and or not in like is null between case when then else end true false distinct"
SIGNS = "( ) ( ) , + - * / % = == != <> < <= > >= ~ . \" ' ` 1 0.5 1e9 'a' 'a%' '2026-01-01'"
FOREIGN = "while lambda interval -> => := :: -- /* */ {{ {% $1 E'x' X'1F' \\ && || @@ ?| #> ->>"
LANGUAGE = f"{KEYWORDS} {SIGNS} {FOREIGN}".split()
WORDS = [*KINDS, *FUNCTIONS, *AGGREGATES, *INSTEAD, *SYMBOLS_INSTEAD, *LANGUAGE]
soup = st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join)
noise = st.text(max_size=40) | st.text(st.characters(max_codepoint=127), max_size=40)


def _try(text: str) -> None:
    parsers: list[Callable[..., Expression | Aggregate]] = [parse_condition, parse_value, parse_aggregate]
    for parse in parsers:
        try:
            found = parse(text, KINDS)
        except ExpressionError:
            continue
        expression = found if isinstance(found, Expression) else found.argument
        if expression is not None:
            assert len(expression.evaluate(table(), ROWS)) == ROWS
            watches(expression, frozenset(KINDS))


@given(noise | st.binary(max_size=30).map(lambda raw: raw.decode("utf-8", "surrogateescape")))
@settings(max_examples=600, deadline=None)
def test_any_text_is_answered(text):
    _try(text)


@given(soup)
@settings(max_examples=1_500, deadline=None)
def test_any_heap_of_words_is_answered(text):
    _try(text)


@given(st.text(st.sampled_from("ab()[]{}*+?|^$.\\-,0123456789wd<>=!:iPp&~ "), max_size=30))
@settings(max_examples=400, deadline=None)
def test_any_pattern_is_answered(pattern):
    _try("account ~ '" + pattern + "'")
