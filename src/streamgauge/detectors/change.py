"""Tells when a value of a key is another than the one before.

When to use it: something should stay as it is (the country of an account, the version of a host, the state of a valve),
and that it changed is the news.

**The rule.** Per key, a record whose ``of`` differs from that of the key's record before is a match; with ``within`` only
when no more event time than that lies between the two. The first match opens an incident at that record; further ones
keep it open; it resolves ``resolve_after`` after the last one. Records are compared in the order in which they are read; one
that is older than the newest known is passed over, and so is a missing value. ``order: time`` on the monitor sorts them.

Parameters: ``of`` (field, or a list of fields taken together), ``by`` (field or list: whose value), ``within`` (duration,
default: however long ago), ``resolve_after`` (duration, default 5m), ``severity`` (default ``critical``). The first value of a
key is learned silently. State: 24 bytes per key and its last value as text. It is ElastAlert's ``change``.

>>> from streamgauge.testing import judge
>>> judge("change", {"of": "country", "by": "user"}, times=[0.0, 1.0, 2.0, 3.0],
...       values={"country": ["CH", "DE", None, "FR"], "user": ["anna", "ben", "anna", "anna"]})
['3.0 critical anna']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from streamgauge.batch import Column, SlotArray
from streamgauge.clock import to_micros
from streamgauge.detectors.codes import Codes, combined, in_words
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.matches import (
    NOTHING,
    EventRuleConfig,
    FieldNames,
    Found,
    Stretches,
    Telling,
    check_fields,
    check_records,
    picked,
)
from streamgauge.kernels import terms as kernels
from streamgauge.settings import PositiveDuration
from streamgauge.state import State, Tables, grown
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults


class Config(EventRuleConfig):
    """``detect: {type: change, of: country, by: user, within: 1h}``."""

    shaped_by: ClassVar[tuple[str, ...]] = ("of",)

    type: Literal["change"] = "change"
    of: FieldNames
    """The field that should stay the same; of a list, the fields together."""
    within: PositiveDuration | None = None
    """Only when the value before is no older than this; default: however old."""


EXAMPLE = {
    "detect": {
        "type": "change",
        "of": ["word", "number"],
        "by": "key",
        "within": "20s",
        "resolve_after": "3s",
    }
}
"""A monitor for the checks of the contract."""


def _run() -> tuple[list[float], dict[str, list[Any]], None]:
    """Two users; one travels."""
    times = [float(t) for t in range(0, 240, 4)]
    users = [("anna", "ben")[i % 2] for i in range(len(times))]
    away = [u == "anna" and 60 <= t < 140 for t, u in zip(times, users, strict=True)]
    return times, {"user": users, "country": ["FR" if a else "CH" for a in away]}, None


PICTURE = Picture(
    "change: the country of anna goes from CH to FR and back",
    {"of": "country", "by": "user", "resolve_after": "30s"},
    _run,
    by="user",
)


def build(config: Config, context: Context) -> Change:
    """The detector of one monitor.

    Raises:
        ConfigError: where fields or window do not fit.
    """
    check_records(config, context)
    check_fields("of", config.of, context)
    needs = Needs(
        fields=frozenset((*config.of, *config.by)), by=config.by, judges_empty=False, merge="single"
    )
    within = 0 if config.within is None else to_micros(config.within)
    hidden = bool(context.masked & set(config.of))
    return Change(Telling.of(config, context), config.of, within, needs, hidden=hidden)


class ChangeState(Stretches):
    """The open stretches, and each key's last value with its time."""

    def __init__(self) -> None:
        super().__init__()
        self.values = np.zeros(0, object)
        self.seen = np.zeros(0, np.int64)
        self.codes = np.zeros(0, np.int64)  # of the values, within one step

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        super().make_room(slots)
        self.values = grown(self.values, slots, None)
        self.seen = grown(self.seen, slots, kernels.UNSEEN)
        self.codes = grown(self.codes, slots, -1)

    def tables(self) -> Tables:
        """One row per key."""
        return {**super().tables(), "values": {"value": self.values, "seen": self.seen}}

    def restore(self, tables: Tables) -> None:
        """Take over saved keys."""
        super().restore(tables)
        held = len(tables["values"]["seen"])
        self.make_room(held)
        self.values[:held], self.seen[:held] = tables["values"]["value"], tables["values"]["seen"]

    def drop(self, slots: SlotArray | np.ndarray) -> None:
        """Forget keys whose slots are given back."""
        super().drop(slots)
        held = slots[slots < len(self.seen)]
        self.values[held], self.seen[held] = None, kernels.UNSEEN


@dataclass(frozen=True, slots=True)
class Change:
    """See the module's text."""

    telling: Telling
    of: tuple[str, ...]
    within: int
    needs: Needs
    hidden: bool

    def initial(self) -> ChangeState:
        """No value known."""
        return ChangeState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Tell of each change, and of what is over."""
        assert isinstance(state, ChangeState)
        state.make_room(len(results.keys))
        return self.telling.tell(state, results, self._changes(state, results))

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, ChangeState)
        state.drop(slots)

    def _changes(self, state: ChangeState, results: WindowResults) -> Found:
        rows, values = combined(results.columns, self.of, len(results))
        if not len(rows):
            return NOTHING
        codes = Codes()
        touched = np.unique(results.slots[rows])
        known = touched[state.seen[touched] != kernels.UNSEEN]
        state.codes[known] = [codes.of_text(text) for text in state.values[known].tolist()]
        out = np.empty((len(rows), 3), np.int64)
        count = kernels.changed(
            rows, results.slots, results.at, codes.all_of(values), state.codes, state.seen, out, self.within
        )
        state.values[touched] = np.array(codes.texts, object)[state.codes[touched]]
        out = out[:count]
        return Found(out[:, 0], self._observed(results, out, codes), f"{' and '.join(self.of)} unchanged")

    def _observed(self, results: WindowResults, out: np.ndarray, codes: Codes) -> dict[str, Column]:
        if self.hidden:
            return {}
        was = [in_words(codes.texts[code]) for code in out[:, 1].tolist()]
        return {**picked(results, self.of, out[:, 0]), "was": Column("string", values=was)}
