"""Tells of each record that matches: an event that should not be, or that somebody wants to know of.

When to use it: one record is enough (an admin logs in, a job reports failure), and there is nothing to count.

**The rule.** A record for which ``when`` holds (without ``when``: each one that the monitor's ``where`` lets through) is a
match. The first match of a key opens an incident at that record; further ones keep it open; it resolves
``resolve_after`` of event time after the last one. What is missing in a record makes ``when`` unanswerable: no match.

Parameters: ``when`` (condition on a record), ``by`` (field or list; default none), ``resolve_after`` (duration, default
5m), ``severity`` (default ``critical``). It learns nothing. State: 16 bytes per key.

It is ElastAlert's ``any``; there each match is an alert, here the matches of five minutes are one incident.

>>> from streamgauge.testing import judge
>>> judge("any", {"when": "value > 3", "resolve_after": "30s"},
...       times=[0.0, 10.0, 20.0, 60.0, 70.0], values=[1, 5, 6, 1, 9])
['10.0 critical', '20.0 critical', '50.0 ok', '70.0 critical']
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from streamgauge.batch import SlotArray
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.matches import EventRuleConfig, Found, Stretches, Telling, check_records, picked
from streamgauge.expressions import Expression, parse_condition
from streamgauge.state import State
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults


class Config(EventRuleConfig):
    """``detect: {type: any, when: "status >= 500", by: host}``."""

    type: Literal["any"] = "any"
    when: str | None = None
    """The condition on a record; default: each record that the monitor's `where` lets through."""


EXAMPLE = {"detect": {"type": "any", "when": "value > 0", "by": "key", "resolve_after": "3s"}}
"""A monitor for the checks of the contract."""


def _run() -> tuple[list[float], dict[str, list[Any]], None]:
    """Two hosts; one of them fails for a while."""
    times = [float(t) for t in range(0, 240, 4)]
    hosts = [f"h{1 + i % 2}" for i in range(len(times))]
    status = [500 if h == "h2" and 60 <= t < 100 else 200 for t, h in zip(times, hosts, strict=True)]
    return times, {"host": hosts, "status": status}, None


PICTURE = Picture(
    "any: status >= 500; the matches of host h2 are one incident until none came for 40 s",
    {"when": "status >= 500", "by": "host", "resolve_after": "40s"},
    _run,
    by="host",
)


def build(config: Config, context: Context) -> Any_:
    """The detector of one monitor.

    Raises:
        ExpressionError: the condition does not fit the fields.
        ConfigError: windows come between.
    """
    check_records(config, context)
    when = None if config.when is None else parse_condition(config.when, context.columns)
    reads = frozenset[str]() if when is None else when.columns
    shown = tuple(sorted(reads - context.masked))
    needs = Needs(fields=reads | frozenset(config.by), by=config.by, judges_empty=False)
    expected = "no such record" if config.when is None else f"no record with {config.when}"
    return Any_(Telling.of(config, context), when, shown, needs, expected)


@dataclass(frozen=True, slots=True)
class Any_:  # noqa: N801  ``Any`` is typing's
    """See the module's text."""

    telling: Telling
    when: Expression | None
    shown: tuple[str, ...]
    needs: Needs
    expected: str

    def initial(self) -> Stretches:
        """No match yet."""
        return Stretches()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Tell of each match, and of what is over."""
        assert isinstance(state, Stretches)
        count = len(results)
        rows = np.arange(count)
        if self.when is not None and count:
            rows = np.nonzero(self.when.mask(results.columns, count))[0]
        return self.telling.tell(
            state, results, Found(rows, picked(results, self.shown, rows), self.expected)
        )

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, Stretches)
        state.drop(slots)
