"""A whole detector of another package, as its author would write it: each value against the one before."""

PACKAGE = '''"""Tells a value that is far from the one before of its key.

>>> from streamgauge.testing import judge
>>> judge("far_jump", {"far": 3.0}, times=[0.0, 1.0, 2.0], values=[1.0, 2.0, 9.0])
['0.0 learning', '1.0 ok', '2.0 critical']
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from streamgauge.batch import SlotArray
from streamgauge.detectors.contract import Context, Needs
from streamgauge.detectors.judged import Judged, ValueConfig, the_value
from streamgauge.detectors.keyed import Held, KeyedState
from streamgauge.kernels.jit import kernel
from streamgauge.state import State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults


class Config(ValueConfig):
    """``detect: {type: far_jump, value: mean, far: 3.0}``."""

    type: Literal["far_jump"] = "far_jump"
    far: float
    """How far is far."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "1s", "by": "key", "compute": {"mean": "avg(value)"}},
    "detect": {"type": "far_jump", "far": 1.0},
}


def build(config: Config, context: Context) -> "FarJump":
    judged = the_value(config.value, context)
    return FarJump(context.monitor, judged, config.far, Needs(fields=judged.fields(context), merge="single", waits=False))


@kernel
def jumps(slots, numbers, known, last, far, out):
    """Severity per row, into out (int8[n])."""
    for i in range(slots.shape[0]):
        slot, number = slots[i], numbers[i]
        if number != number:
            out[i] = 5
            continue
        out[i] = 3 if known[slot] == 0 else (2 if abs(number - last[slot]) > far else 0)
        known[slot], last[slot] = 1, number


@dataclass(frozen=True, slots=True)
class FarJump:
    monitor: str
    judged: Judged
    far: float
    needs: Needs

    def initial(self) -> KeyedState:
        return KeyedState({"known": Held(np.int8), "last": Held(np.float64)})

    def step(self, state: State, results: WindowResults) -> Verdicts:
        assert isinstance(state, KeyedState)
        state.make_room(len(results.keys))
        out, numbers = np.zeros(len(results), np.int8), self.judged.numbers(results)
        jumps(results.slots, numbers, *state.named(["known", "last"]), self.far, out)
        return Verdicts(
            self.monitor, results.keys, results.slots, out, results.at, results.starts, results.ends,
            results.early, results.partial, results.offsets, self.judged.observed(results, numbers),
            rows=results.rows, positions=results.positions,
        )

    def drop(self, state: State, slots: SlotArray) -> None:
        state.drop(slots)
'''
