"""Which incidents a silence, a route or an inhibition is about: conditions on their labels.

Written as in Alertmanager: ``severity=critical``, ``team!=web``, ``account=~"a-.*"``, ``country!~"CH|AT"``. A label
that an incident does not have is the empty text. Regular expressions match the whole value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

LONGEST = 500
"""Characters of one matcher."""

_FORM = re.compile(
    r"\s*(?P<label>[A-Za-z_][A-Za-z0-9_.-]*)\s*(?P<sign>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.DOTALL
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


@dataclass(frozen=True)
class Matcher:
    """One condition.

    >>> Matcher("severity", "=", "critical").holds({"severity": "critical"})
    True
    >>> Matcher("team", "!=", "web").holds({})
    True
    """

    label: str
    sign: str
    value: str

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(self.value, re.DOTALL)

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether an incident with these labels is meant."""
        return self.fits(labels.get(self.label, ""))

    def fits(self, value: str) -> bool:
        """Whether a label of this value is meant."""
        if self.sign == "=":
            return value == self.value
        if self.sign == "!=":
            return value != self.value
        return (self._pattern.fullmatch(value) is not None) == (self.sign == "=~")

    def __str__(self) -> str:
        plain = re.fullmatch(r'[^\s",]+', self.value)
        quoted = '"' + self.value.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{self.label}{self.sign}{self.value if plain else quoted}"


def parse_matcher(text: str) -> Matcher:
    """Read one matcher.

    >>> str(parse_matcher('account =~ "a-.*"'))
    'account=~a-.*'

    Raises:
        ValueError: with what was expected.
    """
    if len(text) > LONGEST:
        raise ValueError(f"a matcher may have {LONGEST} characters, and this one has {len(text)}")
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text!r} is not a matcher; write a label, one of = != =~ !~, and a value, such as severity=critical"
        )
    value = found["value"]
    if _QUOTED.fullmatch(value):
        value = re.sub(r"\\(.)", r"\1", value[1:-1]) if found["sign"] in ("=", "!=") else value[1:-1]
    if found["sign"] in ("=~", "!~"):
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"{text!r}: {value!r} is not a regular expression: {error}") from None
    return Matcher(found["label"], found["sign"], value)


def all_hold(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether every matcher holds."""
    return all(matcher.holds(labels) for matcher in matchers)


def narrows(matcher: Matcher, known: Sequence[str]) -> bool:
    """Whether a matcher leaves anything out, as far as the values ``known`` of its label tell.

    >>> narrows(Matcher("severity", "=~", "warning|critical"), ["warning", "critical"])
    False
    """
    return not all(matcher.fits(value) for value in known)
