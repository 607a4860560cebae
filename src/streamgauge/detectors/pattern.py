"""Tells when records of a key follow each other in a given order within a given time.

When to use it: no single record is wrong, the sequence is: a small payment and then a large one, five failed logins and then
one that succeeds, a restart soon after a configuration change. Flink calls it CEP, SQL calls it ``MATCH_RECOGNIZE``.

**The rule.** ``steps`` are conditions on a record. A sequence is a record of the key for each step, in this order, the last at
most ``within`` after the first; other records may come between. A record is one step of a sequence, never two. A record for
which ``until`` holds ends what was begun before it (and may itself begin anew), so that no such record lies between. The record
that completes the steps is a match: it uses up what was begun, and the next sequence begins after it. What is missing in a
record makes a condition unanswerable: no step, no end. The first match of a key opens an incident at its record; further ones
keep it open; it resolves ``resolve_after`` of event time after the last one.

**Every sequence is found.** Of sequences that have come to the same step only the one that began last is remembered: whatever
completes an older one in time completes that one too. So a key costs 8 bytes per step, however many records may be a first
step. Records count in the order in which they are read, and one that is older than the newest of its key is passed over;
``order: time`` on the monitor sorts them.

Parameters: ``steps`` (list of two conditions or more; ``{when: CONDITION, times: N}`` is a step that takes N records),
``within`` (duration; shorter than the stream's ``limits.forget``), ``until`` (condition), ``by`` (field or list: whose records),
``resolve_after`` (duration, default 5m), ``severity`` (default ``critical``). It learns nothing. State: 24 bytes per key and 8
more per record of the pattern.

From: J. Agrawal, Y. Diao and others, *Efficient pattern matching over event streams*, SIGMOD 2008 (skip till next match).

>>> from streamgauge.testing import judge
>>> judge("pattern", {"steps": ["amount < 5", "amount > 500"], "within": "10m", "by": "account"},
...       times=[0.0, 60.0, 120.0, 900.0, 1500.0],
...       values={"amount": [2, 3, 900, 1, 800], "account": ["anna", "ben", "anna", "ben", "ben"]})
['120.0 critical anna', '420.0 ok anna', '1500.0 critical ben']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from streamgauge.batch import Aside, Column, SlotArray
from streamgauge.clock import format_duration, iso, to_micros
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.matches import (
    NOTHING,
    EventRuleConfig,
    Found,
    Stretches,
    Telling,
    check_records,
    picked,
)
from streamgauge.errors import ConfigError
from streamgauge.expressions import Expression, parse_condition, truths
from streamgauge.kernels import sequences as kernels
from streamgauge.settings import PositiveDuration, Settings, Shorthand, wrong
from streamgauge.state import State, Tables, grown
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults

LONGEST = 100
"""So many records a pattern may take."""


class PatternStep(Settings):
    """One step: a condition, or ``{when: CONDITION, times: N}``."""

    when: str
    """The condition on a record."""
    times: Annotated[int, Field(ge=1, le=LONGEST)] = 1
    """How many records must fulfil it."""

    def in_words(self) -> str:
        """As people read it."""
        return self.when if self.times == 1 else f"{self.times} × {self.when}"


class Config(EventRuleConfig):
    """``detect: {type: pattern, steps: ["amount < 5", "amount > 500"], within: 10m, by: account}``."""

    type: Literal["pattern"] = "pattern"
    steps: Annotated[
        tuple[Annotated[PatternStep, Shorthand("when")], ...], Field(min_length=1, max_length=LONGEST)
    ]
    """What must follow each other: conditions on a record; `{when: CONDITION, times: N}` takes N records."""
    within: PositiveDuration
    """The longest time from the first record of a sequence to its last."""
    until: str | None = None
    """A record that fulfils this ends the sequences that were begun before it."""

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """What the state depends on."""
        return ("steps",)

    @model_validator(mode="after")
    def _of_some_length(self) -> Config:
        if self.records() == 1:
            raise wrong("steps", "one step of one record is no sequence; `any` tells of single records")
        if self.records() > LONGEST:
            raise wrong("steps", f"they take {self.records()} records together; at most {LONGEST} can be")
        return self

    def records(self) -> int:
        """How many records a sequence has."""
        return sum(step.times for step in self.steps)

    def in_words(self) -> str:
        """What must not be, as people read it."""
        steps = ", then ".join(step.in_words() for step in self.steps)
        until = "" if self.until is None else f" without {self.until} between"
        return f"not within {format_duration(self.within)}{until}: {steps}"


EXAMPLE = {
    "detect": {
        "type": "pattern",
        "steps": ["number < 1", {"when": "value > -1", "times": 2}],
        "within": "8s",
        "until": "word = 'z'",
        "by": "key",
        "resolve_after": "3s",
    }
}
"""A monitor for the checks of the contract."""


def _cards() -> tuple[list[float], dict[str, list[Any]], None]:
    """Two cards; with one of them somebody tries two small payments, and then takes all."""
    times = [20.0 * i for i in range(72)]
    cards = [("c-1", "c-2")[i % 2] for i in range(72)]
    amounts = [40.0] * 72
    amounts[29], amounts[33], amounts[37], amounts[50] = 1.0, 2.0, 900.0, 1.5
    return times, {"card": cards, "amount": amounts}, None


PICTURE = Picture(
    "pattern: two payments below 5 and then one above 500 within ten minutes, with card c-2",
    {
        "steps": [{"when": "amount < 5", "times": 2}, "amount > 500"],
        "within": "10m",
        "by": "card",
        "resolve_after": "3m",
    },
    _cards,
    by="card",
)


def build(config: Config, context: Context) -> Pattern:
    """The detector of one monitor.

    Raises:
        ExpressionError: a condition does not fit the fields.
        ConfigError: windows come between, or keys are forgotten before a sequence can be complete.
    """
    check_records(config, context)
    if config.within >= context.forget:
        raise ConfigError(
            f"within: {format_duration(config.within)} must be shorter than the stream's limits.forget "
            f"({format_duration(context.forget)}), after which a key is forgotten"
        )
    steps = [parse_condition(step.when, context.columns) for step in config.steps]
    until = [] if config.until is None else [parse_condition(config.until, context.columns)]
    reads = frozenset[str]().union(*(one.columns for one in (*steps, *until)))
    shown = tuple(sorted(frozenset[str]().union(*(one.columns for one in steps)) - context.masked))
    needs = Needs(fields=reads | frozenset(config.by), by=config.by, judges_empty=False, merge="single")
    order = np.repeat(np.arange(len(steps), dtype=np.int64), [step.times for step in config.steps])
    within = to_micros(config.within)
    told = shown, config.in_words()
    return Pattern(Telling.of(config, context), (*steps, *until), order, within, told, needs)


class PatternState(Stretches):
    """The open stretches, and how far the sequences of each key have come; see :mod:`streamgauge.kernels.sequences`."""

    def __init__(self, records: int) -> None:
        super().__init__()
        self.began = np.zeros((0, records), np.int64)
        self.seen = np.zeros(0, np.int64)

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        super().make_room(slots)
        self.began = grown(self.began, slots, kernels.NONE)
        self.seen = grown(self.seen, slots, kernels.NONE)

    def tables(self) -> Tables:
        """One row per key; one per key and step."""
        sequences = {"began": self.began.reshape(-1)}
        return {**super().tables(), "seen": {"at": self.seen}, "sequences": sequences}

    def restore(self, tables: Tables) -> None:
        """Take over saved keys."""
        super().restore(tables)
        held = len(tables["seen"]["at"])
        self.make_room(held)
        self.seen[:held] = tables["seen"]["at"]
        self.began[:held] = tables["sequences"]["began"].reshape(held, self.began.shape[1])

    def drop(self, slots: SlotArray | NDArray[Any]) -> None:
        """Forget keys whose slots are given back."""
        super().drop(slots)
        held = slots[slots < len(self.seen)]
        self.began[held], self.seen[held] = kernels.NONE, kernels.NONE


@dataclass(frozen=True, slots=True)
class Pattern:
    """See the module's text.

    Attributes:
        conditions: of the steps, and ``until`` where there is one.
        order: int64[K], the condition of each record of a sequence.
        within: microseconds.
        told: the fields that people see, and what is expected.
    """

    telling: Telling
    conditions: tuple[Expression, ...]
    order: NDArray[np.int64]
    within: int
    told: tuple[tuple[str, ...], str]
    needs: Needs

    def initial(self) -> PatternState:
        """No sequence begun."""
        return PatternState(len(self.order))

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Tell of each sequence that is complete, and of what is over."""
        assert isinstance(state, PatternState)
        state.make_room(len(results.keys))
        return self.telling.tell(state, results, self._complete(state, results))

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, PatternState)
        state.drop(slots)

    def _complete(self, state: PatternState, results: WindowResults) -> Found:
        count = len(results)
        if not count:
            return NOTHING
        held = np.stack(truths(self.conditions, results.columns, count), axis=1) == 1
        steps = int(self.order[-1]) + 1
        breaks = held[:, steps] if held.shape[1] > steps else np.zeros(count, np.bool_)
        out = np.empty((count, 2), np.int64)
        complete = kernels.follow(
            results.slots, results.at, held, breaks, self.order, state.began, state.seen, out, self.within
        )
        rows, began = out[:complete, 0], out[:complete, 1]
        shown, expected = self.told
        took = (results.at[rows] - began).tolist()
        observed = {**picked(results, shown, rows), **_course(began.tolist(), took)}
        return Found(rows, observed, expected)


def _course(began: Sequence[int], took: Sequence[int]) -> dict[str, Column]:
    """When each sequence began, and how long it took."""
    words = [format_duration(timedelta(microseconds=each)) for each in took]
    return {
        "began": Aside("string", values=[iso(moment) for moment in began]),
        "took": Aside("string", values=words),
    }
