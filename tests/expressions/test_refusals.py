"""What is refused, with the sentence and the character."""

import pytest

from streamgauge.errors import ExpressionError
from streamgauge.expressions import parse_aggregate, parse_condition, parse_value

from .table import KINDS

REFUSED = [
    ("__import__('os').system('id') = 1", "no function '__import__'", 1),
    ("open('/etc/passwd') = 'x'", "no function 'open'", 1),
    ("amount.__class__ = 1", "no column 'amount.__class__'", 1),
    ("select 1", "write only the condition or value itself", 1),
    ("exists(select 1)", "there are no subqueries", 1),
    ("cast(n as thing) = '1'", "thing is not a type", 11),
    ("cast(n) = '1'", "cast names a type: write cast(x as double)", 1),
    ("cast(refused as int) = 1", "cannot be cast to a whole number; write case when", 6),
    ("timestamptostring(at, 'YYYY') = 'x'", "write yyyy", 23),
    ("timestamptostring(at, 'yyyy', 'Mars') = 'x'", "is no time zone", 31),
    ("stringtotimestamp(account, 'HH:mm') > at", "says no year", 28),
    ("stringtotimestamp(account, 'yyyy HH') > at", "an hour needs its minute", 28),
    ("timestamptostring(account, 'yyyy') = 'x'", "needs a timestamp", 19),
    ("account || n = 'x'", "|| needs a string", 12),
    ("n::string = '1'", "':' is not supported", 2),
    ("account ilike 'a%'", "lower(x) like", 9),
    ("account like 'a!%' escape '!'", "matches(x, 'pattern')", 20),
    ("refused | 1 = 1", "'|' is not supported", 9),
    ("n[0] > 1", "'[' is not supported", 2),
    ("n ^ 2 > 1", "write x * x", 3),
    ("n ! 2", "write not", 3),
    ("n > 1; n > 2", "write one expression", 6),
    ("N'x' = account", "write 'x'", 1),
    ("n > .5", "write 0.5", 5),
    ("n > 5s", "5s is not a number", 6),
    ("n > 0x1F", "0x1F is not a number", 6),
    ("n > 1e", "'1e' is not a number", 5),
    ("n > 1e400", "too large", 5),
    ("n > 9223372036854775808", "beyond 64-bit integers", 5),
    ("n > " + "9" * 5000, "beyond 64-bit integers", 5),
    ("amonut > 1", "did you mean amount?", 1),
    ('account = "alice"', "single quotes: 'alice'", 11),
    ("user.id = 'a'", 'write "user.id"', 1),
    ("lenght(account) > 1", "did you mean length?", 1),
    ("amount(1) > 1", "amount is a column, not a function", 1),
    ('"amount" (1) > 1', "an operator is missing", 1),
    ("abs() > 1", "abs(number)", 1),
    ("abs(*) > 1", "abs needs a value, not *", 1),
    ("abs(distinct n) > 1", "only possible in count(distinct x)", 14),
    ("round(n, 16) > 1", "from 0 to 15", 10),
    ("round(n, n) > 1", "from 0 to 15", 10),
    ("count(*) > 1", "stands alone under `compute`", 1),
    ("amount > '5'", "write the number without quotes", 1),
    ("account = 5", "single quotes: '5'", 1),
    ("at > 5", "write the moment as", 1),
    ("at > 'yesterday'", "'yesterday' is not a moment", 6),
    ("at > account", "at (a timestamp) cannot be compared with account (a string)", 1),
    ("at + 1 > 2", "+ needs a number, not at (a timestamp)", 1),
    ("refused > false", "have no order", 1),
    ("refused = 1", "cannot be compared with the number 1", 1),
    ("amount > 1 > 2", "join comparisons with and / or", 1),
    ("amount + refused > 1", "case when … then 1 else 0 end", 10),
    ("lower(n) = 'x'", "lower needs a string", 7),
    ("-account = 'x'", "a minus sign needs a number", 2),
    ("not n", "compare it with something", 5),
    ("n and refused", "and needs true or false", 1),
    ("n", "a condition is true or false, but this gives a number", 1),
    ("n = null", "write n is null", 1),
    ("n in (1, null)", "null in a list is never found", 1),
    ("n in ()", "after `in` comes a list", 1),
    ("n in id", "after `in` comes a list", 1),
    ("n in ('a')", "cannot be compared", 1),
    ("n is id", "after `is` comes null", 1),
    ("account ~ country", "comes a pattern in single quotes", 11),
    ("matches(account, country)", "pattern in single quotes", 1),
    ("matches(account)", "pattern in single quotes", 1),
    ("account like country", "comes a text in single quotes", 14),
    ("account ~ '(?=a)'", "look-around", 11),
    (r"account ~ '(a)\1'", "backreferences are not supported", 11),
    ("account ~ '('", "unclosed group", 11),
    (r"account ~ '\w{1000}'", "compiled form is too large", 11),
    ("account ~ '((a{30}){30}){30}'", "repeat less often", 11),
    ("account ~ '" + "a" * 501 + "'", "500 are allowed", 11),
    ("case when refused then 1 else 'x' end = 1", "either the number 1 or the string 'x'", 31),
    ("case when refused then null end is null", "nothing but null", None),
    ("case n when 'x' then true end", "cannot be compared", 6),
    ("coalesce() > 1", "coalesce(first, second, …)", 1),
    ("null", "null alone is no value", None),
    ("n id > 1", "an operator is missing between n and id", 3),
    ("(n) id", "stand side by side", 2),
    ("abs(n) (n)", "operator is missing", 1),
    ("account = 'a' 'b'", "a quote within a text is written twice", 15),
    ("(n, id) = (1, 2)", "only possible after `in`", 2),
    ("* > 1", "* is only possible in count(*)", 1),
    ("n >", "something is missing near '>'", 3),
    ("n => 5", "=> is written >=", 3),
    ("n =< 5", "=< is written <=", 3),
    ("(n > 1", "closing parenthesis", 6),
    ("n > 1)", "cannot be read near ')'", 6),
    ("case when refused then 1 = 1", "a case ends with end", 28),
    ("end > 1", "end is a word of the language", 1),
    ("", "the expression is empty", None),
    (" \n ", "the expression is empty", None),
    ("account = 'alice", "a quote is opened and never closed", 11),
    ("n > 1 and \ud800", "cannot be used", None),
    ("n > 1 -- the limit", "there is no column 'the'", 10),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "sentence", "character"), REFUSED, ids=[repr(row[0][:40]) for row in REFUSED]
)
def test_refused_with_a_sentence_and_the_character(text, sentence, character):
    with pytest.raises(ExpressionError) as caught:
        parse_condition(text, KINDS)
    assert sentence in str(caught.value)
    assert caught.value.position == (None if character is None else character - 1)


def test_an_unknown_name_lists_what_exists():
    with pytest.raises(ExpressionError, match="columns: a, b") as caught:
        parse_condition("zzz > 1", {"b": "int", "a": "int"})
    assert "did you mean" not in str(caught.value)


def test_many_columns_are_not_all_listed():
    with pytest.raises(ExpressionError, match="and 88 more"):
        parse_condition("zzz > 1", {f"column_{i:03}": "int" for i in range(100)})


def test_a_name_that_two_columns_could_mean_is_refused():
    columns = {"Foo": "int", "foo": "int"}
    assert parse_condition("Foo > 1", columns).columns == {"Foo"}  # type: ignore[arg-type]
    with pytest.raises(ExpressionError, match="could be Foo or foo"):
        parse_condition("FOO > 1", columns)  # type: ignore[arg-type]


def test_a_column_named_like_a_word_of_the_language_is_quoted():
    assert parse_condition('"end" > 1', {"end": "int"}).columns == {"end"}
    with pytest.raises(ExpressionError, match='if the column is meant, write "end"'):
        parse_condition("end > 1", {"end": "int"})
    with pytest.raises(ExpressionError, match='if the column is meant, write "case"'):
        parse_condition("case > 1", {"case": "int"})


@pytest.mark.parametrize(
    "name", ["while", "interval", "date", "order", "count", "from", "cast", "c0", "f0", "värde"]
)
def test_a_column_named_like_other_sql_needs_no_quotes(name):
    assert parse_condition(f"{name} > 1", {name: "int"}).columns == {name}


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "n" + ")" * 10_000,
        "(" * 4_000 + "n" + ")" * 4_000,
        "not " * 1_500 + "refused",
        "- " * 1_500 + "n > 1",
        "abs(" * 500 + "n" + ")" * 500 + " > 1",
        "case when " * 400 + "refused" + " then true end" * 400,
        "n + " * 900 + "n > 1",
        "n > 1 and " * 1_000 + "refused",
        "a" * 20_000,
    ],
    ids=lambda text: f"{text[:12]}… ({len(text):,})",
)
def test_what_is_too_large_is_a_clear_error(text):
    with pytest.raises(ExpressionError, match=r"nested|at most|more than|split"):
        parse_condition(text, KINDS)
    with pytest.raises(ExpressionError):
        parse_aggregate(f"count({text})", KINDS)


def test_a_long_list_of_conditions_is_no_trouble():
    text = " or ".join(f"n = {i}" for i in range(400))
    assert parse_condition(text, KINDS).columns == {"n"}


def test_steps_that_multiply_when_written_out_are_counted():
    text = "n"
    for _ in range(10):
        text = f"case {text} when 1 then n when 2 then id when 3 then n else 4 end"
    with pytest.raises(ExpressionError, match="steps when written out"):
        parse_value(text, KINDS)


def test_deep_in_the_stack_it_is_still_a_clear_error():
    def deeper(levels: int) -> None:
        if levels:
            deeper(levels - 1)
        else:
            parse_condition("(" * 20 + "n" + ")" * 20 + " > 1", KINDS)

    with pytest.raises(ExpressionError, match="nested too deeply"):
        deeper(700)
