"""Conditions on labels, row by row."""

import pytest

from streamgauge.incidents.matchers import LONGEST, narrows, parse_matcher

LABELS = {"monitor": "burst", "severity": "critical", "key": "a-7"}

HOLD = [
    ("equal", "severity=critical", True),
    ("not equal to that", "severity=warning", False),
    ("another than", "severity!=warning", True),
    ("a label that is not there is empty", "team=", True),
    ("and so is another than any word", "team!=web", True),
    ("a pattern fits the whole value", "key=~a-.", True),
    ("and not a part of it", "key=~a", False),
    ("a pattern turned round", "key!~a-.", False),
    ("choices", "monitor=~burst|silence", True),
    ("quotes are not part of the value", 'monitor="burst"', True),
    ("spaces around are none", '  monitor =~ "bu.*" ', True),
    ("an escaped quote", 'monitor!="a\\"b"', True),
]


@pytest.mark.parametrize(("sentence", "text", "holds"), HOLD, ids=[row[0] for row in HOLD])
def test_holds(sentence: str, text: str, holds: bool):
    matcher = parse_matcher(text)
    assert matcher.holds(LABELS) is holds
    assert parse_matcher(str(matcher)) == matcher


WRONG = [
    ("monitor", "is not a matcher"),
    ("=x", "is not a matcher"),
    ("monitor==", None),  # the value may be "="
    ("a b=c", "is not a matcher"),
    ("key=~[", "is not a regular expression"),
    ("x=" + "y" * LONGEST, "may have 500 characters"),
]


@pytest.mark.parametrize(("text", "why"), WRONG)
def test_what_is_no_matcher_is_said(text: str, why: str | None):
    if why is None:
        assert parse_matcher(text).value == "="
        return
    with pytest.raises(ValueError, match=why):
        parse_matcher(text)


def test_what_narrows_nothing():
    assert not narrows(parse_matcher("key=~.*"), ["", "x"])
    assert narrows(parse_matcher("key=~.+"), ["", "x"])
    assert narrows(parse_matcher("severity=critical"), ["warning", "critical"])
