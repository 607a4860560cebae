"""What ``allowlist`` and ``blocklist`` share: whether a record's value is on a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from pydantic import Field

from streamgauge.batch import BoolArray, Column, ColumnKind, SlotArray
from streamgauge.detectors.contract import Context, Needs
from streamgauge.detectors.matches import (
    EventRuleConfig,
    Found,
    Stretches,
    Telling,
    check_fields,
    check_records,
    fits,
    picked,
)
from streamgauge.errors import ConfigError
from streamgauge.state import State
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults

SHOWN = 5
"""So many of the listed values stand in a sentence."""

_WORDS: dict[ColumnKind, str] = {"string": "text", "bool": "true or false"}


class ListRuleConfig(EventRuleConfig):
    """The keys of both."""

    of: Annotated[str, Field(min_length=1)]
    """The field that is looked up."""
    values: Annotated[tuple[bool | int | float | str, ...], Field(min_length=1)]
    """The list."""


def listed(config: ListRuleConfig, context: Context, *, wanted: bool, missing: bool) -> Listed:
    """The detector of one monitor: tells of values that are on the list, or (``wanted``) that are not.

    Raises:
        ConfigError: where the field, the values or the window do not fit.
    """
    check_records(config, context)
    check_fields("of", [config.of], context)
    kind = context.columns[config.of]
    for value in config.values:
        if not fits(value, kind):
            raise ConfigError(
                f"values: {value!r} is not {_WORDS.get(kind, 'a number')}, and the field `{config.of}` is a {kind}"
            )
    values = frozenset(v if isinstance(v, str) else float(v) for v in config.values)
    needs = Needs(fields=frozenset((config.of, *config.by)), by=config.by, judges_empty=False)
    shown = () if config.of in context.masked else (config.of,)
    return Listed(
        Telling.of(config, context), config.of, values, shown, needs, _expected(config, wanted=wanted),
        wanted=wanted, missing=missing,
    )  # fmt: skip


def _expected(config: ListRuleConfig, *, wanted: bool) -> str:
    return f"{config.of} {'one of' if wanted else 'none of'} {in_words(config.values)}"


def in_words(values: Sequence[object]) -> str:
    """The first few of them.

    >>> in_words([1, 2]), in_words("abcdefgh")
    ('1, 2', 'a, b, c, d, e and 3 more')
    """
    more = len(values) - SHOWN
    named = ", ".join(map(str, values[:SHOWN]))
    return named if more <= 0 else f"{named} and {more} more"


@dataclass(frozen=True, slots=True)
class Listed:
    """See ``allowlist`` and ``blocklist``."""

    telling: Telling
    of: str
    values: frozenset[float | str]
    shown: tuple[str, ...]
    needs: Needs
    expected: str
    wanted: bool
    missing: bool

    def initial(self) -> Stretches:
        """No match yet."""
        return Stretches()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Tell of each match, and of what is over."""
        assert isinstance(state, Stretches)
        rows = (
            np.nonzero(self._matches(results.columns[self.of]))[0] if len(results) else np.empty(0, np.int64)
        )
        return self.telling.tell(
            state, results, Found(rows, picked(results, self.shown, rows), self.expected)
        )

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, Stretches)
        state.drop(slots)

    def _matches(self, column: Column) -> BoolArray:
        if column.kind != "string":
            numbers = column.numbers()
            on, there = np.isin(numbers, list(self.values)), ~np.isnan(numbers)
        else:
            values = column.values()
            on = np.fromiter(map(self.values.__contains__, values), np.bool_, len(values))
            there = np.fromiter((value is not None for value in values), np.bool_, len(values))
        return ~on & (there | self.missing) if self.wanted else on
