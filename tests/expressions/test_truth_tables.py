"""What each operator answers, one sentence per row; T true, F false, ? missing."""

import pytest

from .table import truth, values

CONDITIONS = [
    ("a missing number is neither above nor below", "amount > 0", "T?FF"),
    ("the column may stand on the right", "0 < amount", "T?FF"),
    ("= and == are the same", "amount == 10", "T?FF"),
    ("!= and <> are the same", "amount <> 10", "F?TT"),
    ("whole numbers beyond 2**53 compare exactly", "id = 9007199254740993", "TF?F"),
    ("and in order, too", "id > 9007199254740992", "TF?F"),
    ("and in a list, too", "id in (9007199254740993, 5)", "TF?F"),
    ("beside a decimal they are double precision", "id = 9007199254740992.0", "TT?F"),
    ("the smallest 64-bit integer can be written", "id = -9223372036854775808", "FF?T"),
    ("a sign before parentheses keeps it exact", "id = -(-9007199254740993)", "TF?F"),
    ("two columns of whole numbers compare exactly", "id > n", "TT?F"),
    ("missing and false is false", "amount > 0 and n < 0", "FFFF"),
    ("missing and true is missing", "amount > 0 and n = 2", "F?FF"),
    ("missing or true is true", "amount > 0 or n = 2", "TT?F"),
    ("not of missing is missing", "not refused", "FT?F"),
    ("a flag is a condition", "refused", "TF?T"),
    ("a flag compares with true", "refused = true", "TF?T"),
    ("is true is never missing", "refused is true", "TFFT"),
    ("is not true holds for missing", "refused is not true", "FTTF"),
    ("is false is never missing", "refused is false", "FTFF"),
    ("is null is never missing", "amount is null", "FTFF"),
    ("is not null is its opposite", "amount is not null", "TFTT"),
    ("the empty string is not missing", "country is null", "FTFF"),
    ("a calculation on missing is missing", "amount + fee is null", "FTTF"),
    ("division by zero is missing", "amount / fee is null", "TTTF"),
    ("modulo by zero is missing", "amount % fee is null", "TTTF"),
    ("division by zero does not hide behind another division", "1 / (amount / fee) = 0", "????"),
    ("an overflow is missing", "amount * 1e308 * 100 is null", "TTTF"),
    ("both ends of between count", "n between -7 and 1", "TF?T"),
    ("between a missing bound can still be false", "n between fee and 1", "TF?F"),
    ("not between is the opposite", "n not between -7 and 1", "FT?F"),
    ("in finds one of a list", "country in ('CH', 'DE')", "T?FF"),
    ("not in is the opposite, and missing for missing", "country not in ('CH', 'DE')", "F?TT"),
    ("in compares whole numbers with decimals", "n in (1.0, -7.5)", "TF?F"),
    ("in takes expressions", "n in (fee + 1, -7)", "TT?T"),
    ("in takes moments", "at in ('2026-01-01', '1970-01-01')", "TF?T"),
    ("% in like is any text", "account like 'a%'", "TF?F"),
    ("_ in like is one character", "account like 'B_b'", "FT?F"),
    ("like covers the whole text", "account like 'alic'", "FF?F"),
    ("like is exact about case", "account like 'bob'", "FF?F"),
    ("in like a point is only a point", "account like '%a.b'", "FF?T"),
    ("not like is the opposite", "account not like '%b'", "TF?F"),
    ("a pattern is found anywhere", "matches(account, 'l.c')", "TF?F"),
    ("~ is the same", "account ~ '^[A-Z]'", "FT?F"),
    ("a pattern can ignore case", "account ~ '(?i)^bob$'", "FT?F"),
    ("strings have an order", "country < 'D'", "T?TF"),
    ("upper and lower change case", "upper(country) = 'DE' or lower(country) = 'ch'", "T?FT"),
    ("length counts characters", "length(account) >= 5", "TF?T"),
    ("a moment compares with an ISO text", "at > '2026-01-01T00:00:00Z'", "FT?F"),
    ("the text may stand on the left", "'2026-01-01T01:00:00+01:00' = at", "TF?F"),
    ("a moment without zone is UTC", "at = '2026-01-01 00:00:00.000001'", "FT?F"),
    ("a day is its first moment", "at between '2026-01-01' and '2026-12-31'", "TT?F"),
    ("a name with a dot stands in double quotes", "\"user.id\" = 'u2'", "FTF?"),
    ("or in backticks", "`user.id` = 'u2'", "FTF?"),
    ("names match without case where only one does", "AMOUNT > 0", "T?FF"),
    ("words of the language match without case", "Amount IS Null OR n IN (1)", "TT?F"),
    ("and binds more than or", "n = 1 or n = 2 and amount > 100", "T??F"),
    ("not binds less than a comparison", "not n = 1", "FT?T"),
    (
        "case takes the first branch that surely holds",
        "case when amount > 0 then n = 1 else n < 0 end",
        "TF?T",
    ),
    ("case without else is missing", "case when n = 1 then true end", "T???"),
    ("case of a value compares it", "case country when 'CH' then true when 'de' then false end", "T??F"),
    ("a constant condition is the same everywhere", "1 = 1", "TTTT"),
    ("a constant division by zero is missing", "1 / 0 > 0", "????"),
    ("two minus signs are two minus signs", "n --1 = 2", "TF?F"),
    ("a quote within a text is written twice", "account = 'it''s'", "FF?F"),
    ("a text over two lines is one condition", "amount > 0\n  and n = 1", "TFFF"),
]


@pytest.mark.parametrize(("sentence", "text", "expected"), CONDITIONS, ids=[row[0] for row in CONDITIONS])
def test_condition(sentence, text, expected):
    assert truth(text) == [{"T": True, "F": False, "?": None}[mark] for mark in expected]


VALUES = [
    ("arithmetic is double precision", "n + 1", [2.0, 3.0, None, -6.0]),
    ("division of whole numbers keeps its fraction", "n / 2", [0.5, 1.0, None, -3.5]),
    ("the remainder has the sign of the dividend", "n % 3", [1.0, 2.0, None, -1.0]),
    ("the remainder of decimals is exact", "amount % 0.75", [0.25, None, -0.25, 0.0]),
    ("a minus turns the sign", "-amount * 2", [-20.0, None, 5.0, -0.0]),
    ("abs has no sign", "abs(n)", [1.0, 2.0, None, 7.0]),
    ("round goes away from zero at a half", "round(amount / 4)", [3.0, None, -1.0, 0.0]),
    ("round keeps digits", "round(amount / 3, 2)", [3.33, None, -0.83, 0.0]),
    ("floor goes down", "floor(amount / 4)", [2.0, None, -1.0, 0.0]),
    ("ceil goes up", "ceiling(amount / 4)", [3.0, None, -0.0, 0.0]),
    ("coalesce takes the first that is there", "coalesce(amount, fee, 5)", [10.0, 1.0, -2.5, 0.0]),
    ("coalesce keeps whole numbers", "coalesce(n, 0)", [1, 2, 0, -7]),
    ("coalesce of moments takes a text", "coalesce(at, '1970-01-01')", [1767225600000000, 1767225600000001, 0, 0]),
    ("whole numbers beside decimals become decimals", "case when n = 1 then n else 0.5 end", [1.0, 0.5, 0.5, 0.5]),
    ("null in case takes the kind of the others", "case when n = 1 then null else 'x' end", [None, "x", "x", "x"]),
    ("length is a whole number", "length(country)", [2, None, 0, 2]),
    ("trim takes off the blanks at both ends", "trim(concat(' ', country, '  '))", ["CH", "", "", "de"]),
    ("substring counts from 1", "substring(account, 2, 2)", ["li", "ob", None, "0%"]),
    ("substring from -1 on counts from the end", "substring(account, -3, 2)", ["ic", "Bo", None, "a."]),
    ("substring beyond the end is empty", "substring(account, 5)", ["e", "", None, "a.b"]),
    ("concat passes over what is missing", "concat(account, '/', country)", ["alice/CH", "Bob/", "/", "50%_a.b/de"]),
    ("a constant is repeated", "1 + 1", [2.0, 2.0, 2.0, 2.0]),
    ("a constant text is repeated", "'x'", ["x", "x", "x", "x"]),
    ("a condition is a value, too", "n > 1", [False, True, None, False]),
    ("a condition by Polars is the same", "country = 'CH'", [True, None, False, False]),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "text", "expected"), VALUES, ids=[row[0] for row in VALUES])
def test_value(sentence, text, expected):
    found = values(text)
    assert found == expected
    assert [type(value) for value in found] == [type(value) for value in expected]
