"""Finds records that lie where few records lay lately: half-space trees, which keep up with any change.

When to use it: ordinary records are of several sorts (small fast ones, large slow ones), the odd ones lie between or beyond
them, and what is ordinary may change at any time: it forgets all but the newest ``records``, so it is at home with a new normal
at once. It needs no distribution and no scale. Where there is one sort of record, ``outlier`` finds more and is the better
first choice. Heavy tails blind it: one huge number among the first records makes its ranges so wide that all others lie in one
cell; give such a number as its logarithm.

**The rule.** The first ``records`` records only show the least and the greatest value of each feature. Then ``trees`` trees are
made: each takes a random work space that holds twice that range and more, and each of its nodes halves it along a random
feature, ``depth`` times. Of each window of ``records`` records every node counts those that fall into it; the counts of the
last full window are the reference. A record goes down each tree to the first node with a tenth of the reference or less, or a
leaf::

    mass = mean over the trees of count(node) * 2^depth(node) / records          1 where records are spread evenly
    odd  = -log(0.001 + mass)

and strength t is 0.8 times the number of standard deviations by which ``odd`` lies above its own mean. The score is
1/2 + u / (2 + 2|u|) with u = (t - 3) / 2: 0.5 at t = 3, 0.8 at t = 6, which one in some 3,000 ordinary records reaches.

**When it alarms.** ``budget`` (default ``1 per week``) is how many false alarms the whole monitor may make, over all its keys:
the strengths of ordinary records are pooled, and a generalised-Pareto tail says which one comes that seldom (``rarity``). Until
500 are known a score of 0.8 alarms. ``warning`` and ``critical`` fix scores instead. An incident goes on until an ordinary
record comes ``resolve_after`` the last unusual one. Evidence names the feature that lies furthest from its mean, by its
deviation.

**Learning.** Until two and a half windows are known it answers *learning*: one for the ranges, one for the first reference,
half of one for the mean of ``odd``. All keys share one forest; ``by`` only gives each an incident of its own. A missing number
counts as its mean; a record with nothing but missing numbers is *no data*, and no lesson. Infinite ones lie beyond all others.

Parameters: ``features`` (numeric fields), ``by`` (field or list; default none), ``budget`` (how often, default ``1 per week``)
or ``warning`` and ``critical`` (scores in (0, 1]), ``resolve_after`` (duration, default 1m), ``records`` (250), ``trees`` (50),
``depth`` (8), ``seed`` of the trees (0). State: 8 bytes per key, and 0.5 MB per monitor (16 bytes per tree and node; per
partition, where it is aligned).

From: S. C. Tan, K. M. Ting, T. F. Liu, *Fast anomaly detection for streaming data*, IJCAI 2011.

>>> import random
>>> from streamgauge.testing import judge
>>> draw = random.Random(1).gauss
>>> size = [draw((20, 80)[t % 2], 3) for t in range(450)]
>>> took = [draw((80, 20)[t % 2], 3) for t in range(450)]
>>> size[400], took[400] = 20.0, 20.0  # each of them is ordinary, both together are not
>>> said = judge("half_space_trees", {"features": ["size", "took"], "records": 100}, times=range(450),
...              values={"size": size, "took": took})
>>> [line for line in said if "warning" in line or "critical" in line]
['400.0 critical']
>>> said[249], said[250]
('249.0 learning', '250.0 ok')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamgauge.batch import SlotArray
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.odd_records import Alarms, OddRecordConfig, Records, Telling, checked_needs
from streamgauge.kernels import half_spaces as kernels
from streamgauge.kernels.outliers import Normal
from streamgauge.state import State, Tables
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults

MEMORY = 20_000
"""Records over which the mean of the measure, and of each feature, forgets."""


class Config(OddRecordConfig):
    """``detect: {type: half_space_trees, features: [amount, minutes]}``."""

    type: Literal["half_space_trees"] = "half_space_trees"
    records: Annotated[int, Field(ge=10, le=100_000)] = 250
    """How many records a window has: the last full one is what a record is compared with."""
    trees: Annotated[int, Field(ge=1, le=500)] = 50
    """How many trees there are."""
    depth: Annotated[int, Field(ge=1, le=15)] = 8
    """How often each of them halves its space."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of the trees; the same seed gives the same answers."""

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """What the state depends on."""
        return ("features", "records", "trees", "depth", "seed")


EXAMPLE = {
    "detect": {
        "type": "half_space_trees",
        "features": ["value", "number"],
        "by": "key",
        "records": 10,
        "trees": 3,
        "depth": 3,
        "warning": 0.4,
        "resolve_after": "2s",
    }
}
"""A monitor for the checks of the contract."""


def _requests() -> tuple[list[float], dict[str, list[float]], None]:
    """Requests of two sorts; three lie between, and later the slow sort becomes slower."""
    draw = np.random.default_rng(6).normal
    times = [30.0 * each for each in range(900)]
    kilobytes = [float(draw((20, 80)[each % 2], 3)) for each in range(900)]
    took = [float(draw((80 + 40 * (each >= 700), 20)[each % 2], 3)) for each in range(900)]
    for each in (430, 500, 570):
        kilobytes[each], took[each] = 50.0, 50.0
    return times[260:], {"kilobytes": kilobytes[260:], "took": took[260:]}, None


PICTURE = Picture(
    "half_space_trees: requests between the two usual sorts; a slower sort is normal a window later",
    {"features": ["kilobytes", "took"], "records": 50, "warning": 0.7, "resolve_after": "5m"},
    _requests,
    value="took",
)


def build(config: Config, context: Context) -> HalfSpaceTrees:
    """The detector of one monitor.

    Raises:
        ConfigError: for a feature that is unknown or no number, or ``by`` behind a window.
    """
    needs = checked_needs(config.features, config.by, context)
    telling = Telling(context.monitor, config.features, config.limits(), context.masked)
    trees = made(len(config.features), config.trees, config.depth, config.seed)
    return HalfSpaceTrees(telling, trees, np.array([config.records, MEMORY], np.int64), needs)


def made(features: int, count: int, depth: int, seed: int) -> kernels.Trees:
    """Random trees: which feature each node cuts, and where the work spaces have their middles."""
    draw = np.random.default_rng(seed)
    middles = draw.random((count, features))
    cuts = (draw.random((count, 2**depth - 1)) * features).astype(np.int32)
    return kernels.Trees(cuts, middles)


class HalfSpaceState(Alarms):
    """See :class:`streamgauge.kernels.half_spaces.Forest`; the cuts are made from the ranges, so they are not saved."""

    version = 1

    def __init__(self, trees: kernels.Trees) -> None:
        super().__init__()
        self._trees = trees
        (count, inside), features = trees.features.shape, trees.middles.shape[1]
        mass, newest = (np.zeros((count, 2 * inside + 1), np.int64) for _ in range(2))
        usual = Normal(np.zeros((1, features), np.int64), np.zeros((1, features)), np.zeros((1, features)))
        self.forest = kernels.Forest(
            np.zeros((2, features)),
            np.zeros((count, inside)),
            mass,
            newest,
            usual,
            np.zeros((1, 2)),
            np.zeros(2),
        )

    def tables(self) -> Tables:
        """Keys; the ranges; the counts of all nodes; what is usual."""
        forest = self.forest
        return {
            **super().tables(),
            "range": {"of": forest.range.reshape(-1)},
            "nodes": {"mass": forest.mass.reshape(-1), "newest": forest.newest.reshape(-1)},
            "usual": {name: getattr(forest.usual, name).reshape(-1) for name in forest.usual._fields},
            "parts": {"of": forest.parts.reshape(-1)},
            "counts": {"of": forest.counts},
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved tables."""
        super().restore(tables)
        forest, usual = self.forest, self.forest.usual
        for into, saved in (
            (forest.range, tables["range"]["of"]),
            (forest.mass, tables["nodes"]["mass"]),
            (forest.newest, tables["nodes"]["newest"]),
            *((getattr(usual, name), tables["usual"][name]) for name in usual._fields),
            (forest.parts, tables["parts"]["of"]),
            (forest.counts, tables["counts"]["of"]),
        ):
            into.reshape(-1)[:] = saved
        kernels.prepare(self._trees, forest)


@dataclass(frozen=True, slots=True)
class HalfSpaceTrees:
    """See the module's text.

    Attributes:
        counts: as the kernel takes them: records of a window, records remembered.
    """

    telling: Telling
    trees: kernels.Trees
    counts: NDArray[np.int64]
    needs: Needs

    def initial(self) -> HalfSpaceState:
        """Nothing learned."""
        return HalfSpaceState(self.trees)

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each record (or closed window) in its order, then learn it."""
        assert isinstance(state, HalfSpaceState)
        state.make_room(len(results.keys))
        records = Records.of(results, self.telling.features)
        strength = np.empty(len(records.rows), np.float64)
        worst = np.empty(len(records.rows), np.int32)
        kernels.judge_half_spaces(
            records.values, records.apart, self.trees, state.forest, self.counts, strength, worst
        )
        return self.telling.tell(state, records, strength, worst)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget when those keys were told; the forest is that of all."""
        assert isinstance(state, HalfSpaceState)
        state.drop_keys(slots)
