"""A condition as text again means what it meant; its parts are what ``and`` and ``or`` join."""

import pytest

from streamgauge.batch import Column, FieldKind
from streamgauge.expressions import parse_condition, parse_value
from streamgauge.expressions.wording import parts, text_of

KINDS: dict[str, FieldKind] = {"n": "int", "x": "float", "s": "string", "b": "bool", "at": "timestamp"}
COLUMNS = {
    "n": Column("int", values=[0, 7, -3, None]),
    "x": Column("float", values=[0.5, 2.0, None, 1e9]),
    "s": Column("string", values=["Zug", "it's", None, "a%b"]),
    "b": Column("bool", values=[True, False, None, True]),
    "at": Column("timestamp", values=[0, 1_700_000_000_123_456, None, 5]),
}
TEXTS = [
    "n > 3", "n >= 3 and x < 2", "not (n > 3 or b)", "n > 3 or (b and x < 1)", "n + 2 * x > 3", "(n + 2) * x > 3",
    "n - (2 - x) > 0", "-n > 2", "-(n + 1) > 2", "abs(n) = 7", "round(x, 1) = 0.5", "floor(x) = 2", "s = 'it''s'",
    "s in ('Zug', 'it''s')", "n in (1, 7)", "s not in ('Zug')", "s is null", "s is not null", "s like 'a\\%b' or b",
    "s like 'Z_g'", "s ~ '^[A-Z]'", "lower(s) = 'zug'", "length(s) > 3", "substring(s, 2, 1) = 'u'",
    "substring(concat(s, '-', s), -2) = 'ug'", "trim(s) = s", "coalesce(n, 0) = 0",
    "case when n > 3 then 1 when b then 2 else 3 end = 2", "at >= '2023-11-14T22:13:20.123456Z'", "b", "n between 0 and 7",
    "s || '-' || s = 'Zug-Zug'", "cast(n as string) = '7'", "cast(x as int) = 0", "cast(s as double) > 1",
    "cast(b as string) = 'true'", "cast(at as bigint) > 4", "timestamptostring(at, 'yyyy', 'Asia/Tokyo') = '1970'",
    "stringtotimestamp(s, 'yyyy-MM-dd') is null", "nullif(n, 7) is null", "cast(n as timestamp) < at",
    "x > 1000000", "x > 1.5e300", "n % 4 = 3", "b = false",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_text_again_means_the_same(text: str):
    first = parse_condition(text, KINDS)
    again = parse_condition(text_of(first.root), KINDS)
    assert again.truth(COLUMNS, 4).tolist() == first.truth(COLUMNS, 4).tolist()
    assert text_of(again.root) == text_of(first.root)


def test_a_column_with_an_odd_name_is_quoted():
    odd: dict[str, FieldKind] = {"a b": "int"}
    assert text_of(parse_value('"a b" + 1', odd).root) == '"a b" + 1'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("n > 3", ["n > 3"]),
        ("n>3   and b", ["n > 3", "b"]),
        ("n > 3 and (b or x < 1) and not b", ["n > 3", "b", "x < 1", "not b"]),
        ("not (n > 3 and b)", ["not (n > 3 and b)"]),
        ("n > 3 or (b and n > 3)", ["n > 3", "b"]),
    ],
)
def test_parts(text: str, expected: list[str]):
    found = parts(parse_condition(text, KINDS))
    assert [part.text for part in found] == expected
    for part in found:
        assert part.truth(COLUMNS, 4).tolist() == parse_condition(part.text, KINDS).truth(COLUMNS, 4).tolist()
