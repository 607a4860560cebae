"""How wide a pattern is when its repetitions are written out."""

import pytest

from streamgauge.expressions.patterns import from_like, trouble_with, width

WIDTHS = [
    ("characters count one each", "abc", 3),
    ("an escape is one", r"\d\.", 2),
    ("a class is one", "[a-z{2}]", 1),
    ("a class may begin with its end", "[]a]b", 2),
    ("stars repeat for free", "a*b+c?", 3),
    ("a count multiplies what stands before it", "ab{5}", 6),
    ("the larger bound counts", "a{2,7}", 7),
    ("an open bound counts its lower one", "a{3,}", 3),
    ("groups multiply", "(ab){3}", 6),
    ("also within each other", "((a{10}){10}){10}", 1000),
    ("alternatives add", "(a|bc){2}", 6),
    ("an unclosed group is still counted", "(a{9}", 9),
    ("a count of zero is one", "a{0}", 1),
    ("huge counts are huge", "a{999999999999}", 999_999),
]


@pytest.mark.parametrize(("sentence", "pattern", "expected"), WIDTHS, ids=[row[0] for row in WIDTHS])
def test_width(sentence, pattern, expected):
    assert width(pattern) == expected


def test_like_means_itself_but_for_two_signs():
    assert from_like("a.b(c)%_\\") == r"(?s)^a\.b\(c\).*.\\$"


def test_what_compiles_is_no_trouble():
    for pattern in ("", "a", "(?i)a", r"\p{Greek}", "(?P<name>a)", "a{1000}"):
        assert trouble_with(pattern) is None
