"""A limit that people set: fires while a condition over a window's values holds.

When to use it: whenever you can say in numbers what is too much or too little. Where you cannot, let a
series detector learn it.

**The rule.** A window *fires* when ``when`` holds of its values, is *clear* when ``clear_when`` holds (without
``clear_when``: when ``when`` does not hold), and is *neither* in between, which changes nothing: that gap keeps
an incident from flapping around one limit. Values that are missing make a condition unanswerable: *no data*.

**Early.** A condition that can only become truer while a window fills (``count``, ``distinct``, ``max``, and
``sum`` over a field declared ``min: 0``, compared by ``>`` or ``>=``, joined by ``and``/``or``) fires at the
first record at which it holds, not at the end of the window.

**Partial windows**, whose beginning was not seen, are judged by such conditions only, and never clear.

Parameters: ``when`` (condition), ``clear_when`` (condition, default: ``when`` turned round), ``severity``
(``critical`` or ``warning``, default ``critical``). It learns nothing and keeps no state.

>>> from streamgauge.testing import judge
>>> judge("threshold", {"when": "events > 2"}, compute={"events": "count(*)"}, size="5s",
...       times=[0.0, 1.0, 2.0, 6.0, 12.0])
['2.0 critical early', '5.0 critical', '10.0 ok']
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamgauge.batch import SlotArray
from streamgauge.detectors.contract import Context, DetectorConfig, Needs, Picture
from streamgauge.expressions import Expression, parse_condition, watches
from streamgauge.state import NoState, State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import Watch, WindowResults


class Config(DetectorConfig):
    """``detect: {type: threshold, when: events > 100, clear_when: events < 80, severity: warning}``."""

    type: Literal["threshold"] = "threshold"
    when: str
    """The condition on a window's values at which it fires."""
    clear_when: str | None = None
    """The condition at which it is clear again; default: `when` does not hold."""
    severity: Literal["warning", "critical"] = "critical"
    """How bad it is."""


EXAMPLE = {
    "window": {
        "type": "tumbling",
        "size": "5s",
        "by": "key",
        "compute": {"events": "count(*)", "mean": "avg(value)"},
    },
    "detect": {"type": "threshold", "when": "events > 2 or mean > 5", "clear_when": "mean < 0"},
}
"""A monitor for the checks of the contract."""


def _burst() -> tuple[list[float], list[float], None]:
    """About five records in ten seconds, fifteen during a burst."""
    times = [t * 2.0 + (t * t % 7) / 4 for t in range(300)]
    times += [250 + t * 0.7 for t in range(60)]
    return sorted(times), [1.0] * len(times), None


PICTURE = Picture(
    "threshold: more than 12 events in ten seconds",
    {"when": "events > 12"},
    _burst,
    compute={"events": "count(*)"},
    size="10s",
)


def build(config: Config, context: Context) -> Threshold:
    """The detector of one monitor.

    Raises:
        ExpressionError: when a condition does not fit the columns.
    """
    when = parse_condition(config.when, context.columns)
    clear = None if config.clear_when is None else parse_condition(config.clear_when, context.columns)
    severity = Severity.CRITICAL if config.severity == "critical" else Severity.WARNING
    reads = when.columns | (clear.columns if clear is not None else frozenset())
    fields = frozenset[str]() if context.windowed else reads
    early = watches(when, context.rising)
    needs = Needs(watches=early or (), fields=fields, waits=False)
    expected = clear.text if clear is not None else turned_round(when.text)
    return Threshold(context.monitor, when, clear, severity, early, needs, expected)


@dataclass(frozen=True, slots=True)
class Threshold:
    """See the module's text.

    Attributes:
        early: the limits at which to report early; None unless the condition can only become truer.
        needs: those limits, and its fields; without results it has nothing to say.
        expected: what people read.
    """

    monitor: str
    when: Expression
    clear: Expression | None
    severity: Severity
    early: tuple[Watch, ...] | None
    needs: Needs
    expected: str

    def initial(self) -> NoState:
        """Nothing is remembered."""
        return NoState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each closed window, and each early row at which the condition first holds."""
        count = len(results)
        severities = np.full(count, Severity.NEITHER, np.int8)
        if not count:
            return self._verdicts(results, severities, np.empty(0, np.int64))
        holds = self.when.truth(results.columns, count)
        severities[:] = self._closed(results, holds)
        keep = np.ones(count, np.bool_)
        if results.early.any():
            held = self.when.truth(results.previous, count)
            fires = (holds == 1) & (held != 1) & (self.early is not None)
            severities[results.early] = self.severity
            keep = ~results.early | fires
        if self.early is None:
            keep &= ~results.partial
        return self._verdicts(results, severities, np.nonzero(keep)[0])

    def drop(self, state: State, slots: SlotArray) -> None:
        """Nothing is remembered."""

    def _closed(self, results: WindowResults, holds: NDArray[np.int8]) -> NDArray[np.int8]:
        answers = np.full(len(holds), Severity.NO_DATA, np.int8)
        if self.clear is None:
            answers[holds == 0] = Severity.OK
        else:
            clears = self.clear.truth(results.columns, len(holds))
            answers[(holds == 0) | (clears == 0)] = Severity.NEITHER
            answers[clears == 1] = Severity.OK
        answers[results.partial] = Severity.NEITHER  # a window cut at its start cannot say that all is well
        answers[holds == 1] = self.severity
        return answers

    def _verdicts(
        self, results: WindowResults, severities: NDArray[np.int8], keep: NDArray[np.int64]
    ) -> Verdicts:
        return Verdicts(
            self.monitor, results.keys, results.slots[keep], severities[keep], results.at[keep],
            results.starts[keep], results.ends[keep], results.early[keep], results.partial[keep],
            results.offsets[keep], {name: column.take(keep) for name, column in results.columns.items()},
            rows=results.rows[keep], positions=results.positions[keep], expected=self.expected,
        )  # fmt: skip


_COMPARISON = re.compile(r"\s*([^<>=!()]+?)\s*(>=|<=|>|<)\s*([^<>=!()]+?)\s*")
_OPPOSITE = {">": "<=", ">=": "<", "<": ">=", "<=": ">"}


def turned_round(condition: str) -> str:
    """What is expected while ``condition`` does not hold, as people would write it.

    >>> turned_round("events > 100"), turned_round("a > 1 and b > 2")
    ('events <= 100', 'not (a > 1 and b > 2)')
    """
    simple = _COMPARISON.fullmatch(condition)
    words = condition.lower().split()
    if simple is None or any(word in words for word in ("and", "or", "not", "case", "between", "like", "in")):
        return f"not ({condition})"
    return f"{simple[1]} {_OPPOSITE[simple[2]]} {simple[3]}"
