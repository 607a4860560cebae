"""Finds records that few random cuts part from all others: an isolation forest, made anew as records come.

When to use it: each record has several numbers, what is ordinary has no simple shape, and you know isolation forests from
scikit-learn and want the same here, on a stream, without a training job. It is slower than ``outlier``, which finds as much on
most sets of data; try that first.

**The rule.** The newest ``memory`` records are kept. When ``learn`` records are known, and after each ``refit`` more, a forest
is made of them: ``trees`` trees, each of a random ``sample``, each cut at a random place of a random feature until every record
is alone or the tree is as deep as log2(sample). A record's path is how many cuts part it, and::

    odd = 2 ^ -(mean path over the trees / usual path)          usual path = 2 (ln(sample - 1) + 0.5772) - 2 (sample - 1) / sample

which lies near 0.5 for ordinary records and above for odd ones. Strength t is 1.2 times the number of standard deviations by
which it lies above its mean (over the 256 newest records, by the same forest). The score is 1/2 + u / (2 + 2|u|) with u = (t -
3) / 2: 0.5 at t = 3, 0.8 at t = 6, which one in some 10,000 ordinary records reaches. ``odd`` stands in the evidence. A forest
cannot say how far beyond all others a record lies: one odd in a single number is as odd as the most extreme ordinary ones.

**Refits** happen at counts of learned records, never by a clock: a record's answer depends on the records before it and on
``seed``, not on when or in which batches they were read. A forest is made at once, in the path: with the defaults it takes some
20 ms. After a restart the same forest goes on.

**When it alarms.** ``budget`` (default ``1 per week``) is how many false alarms the whole monitor may make, over all its keys:
the strengths of ordinary records are pooled, and a generalised-Pareto tail says which one comes that seldom (``rarity``). Until
500 are known a score of 0.8 alarms. ``warning`` and ``critical`` fix scores instead. An incident goes on until an ordinary
record comes ``resolve_after`` the last unusual one. Evidence names the feature that lies furthest from its mean, by its
deviation.

**Learning.** Until ``learn`` records are known it answers *learning*. All keys share one forest; ``by`` only gives each an
incident of its own. A lasting shift becomes normal as the newest records fill the memory. A missing number counts as the mean
of those kept; a record with nothing but missing numbers is *no data*, and no lesson. Infinite ones lie beyond all others, and
are kept as missing.

Parameters: ``features`` (numeric fields), ``by`` (field or list; default none), ``budget`` (how often, default ``1 per week``)
or ``warning`` and ``critical`` (scores in (0, 1]), ``resolve_after`` (duration, default 1m), ``learn`` (records, 500),
``refit`` (records, 1,000), ``memory`` (records, 2,000), ``trees`` (100), ``sample`` (records per tree, 256), ``seed`` (1).
State: 8 bytes per key; per monitor (per partition, where it is aligned) 0.6 MB of trees, 12 bytes a node, and 8 bytes per
feature and record kept.

From: F. T. Liu, K. M. Ting, Z.-H. Zhou, *Isolation forest*, ICDM 2008.

>>> import random
>>> from streamgauge.testing import judge
>>> draw = random.Random(1).gauss
>>> size = [draw(20, 4) for _ in range(320)]
>>> took = [draw(60, 8) for _ in range(320)]
>>> size[280], took[280], size[310], took[310] = 60.0, 200.0, 90.0, 10.0
>>> said = judge("isolation_forest", {"features": ["size", "took"], "learn": 250, "trees": 40, "sample": 128, "warning": 0.7},
...              times=range(320), values={"size": size, "took": took})
>>> [line for line in said if "warning" in line or "critical" in line]
['280.0 warning', '310.0 warning']
>>> said[249], said[250]
('249.0 learning', '250.0 ok')
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from streamgauge.batch import SlotArray
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.odd_records import Alarms, OddRecordConfig, Records, Telling, checked_needs
from streamgauge.kernels import isolation as kernels
from streamgauge.kernels.outliers import Normal
from streamgauge.settings import wrong
from streamgauge.state import State, Tables
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults

MEMORY = 20_000
"""Records over which the mean of each feature forgets."""


class Config(OddRecordConfig):
    """``detect: {type: isolation_forest, features: [amount, minutes]}``."""

    type: Literal["isolation_forest"] = "isolation_forest"
    learn: Annotated[int, Field(ge=10)] = 500
    """Records before the first forest is made; until then it says nothing."""
    refit: Annotated[int, Field(ge=1)] = 1000
    """Records after which the forest is made anew."""
    memory: Annotated[int, Field(ge=10, le=1_000_000)] = 2000
    """The newest records that a forest is made of."""
    trees: Annotated[int, Field(ge=1, le=1000)] = 100
    """How many trees there are."""
    sample: Annotated[int, Field(ge=4, le=4096)] = 256
    """Of how many records a tree is made."""
    seed: Annotated[int, Field(ge=1, lt=2_147_483_647)] = 1
    """Of the forests; the same seed gives the same answers."""

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """What the state depends on."""
        return ("features", "memory", "trees", "sample", "seed")

    @model_validator(mode="after")
    def _enough_kept(self) -> Config:
        if self.memory < self.sample:
            raise wrong(
                "sample", f"{self.sample} records of a tree are more than memory: {self.memory} keeps"
            )
        return self


EXAMPLE = {
    "detect": {
        "type": "isolation_forest",
        "features": ["value", "number"],
        "by": "key",
        "learn": 10,
        "refit": 12,
        "memory": 12,
        "trees": 2,
        "sample": 4,
        "warning": 0.4,
        "resolve_after": "2s",
    }
}
"""A monitor for the checks of the contract."""


def _pumps() -> tuple[list[float], dict[str, list[float]], None]:
    """Readings of a pump; twice pressure, speed and heat leave their places together."""
    draw = np.random.default_rng(12)
    pressure, speed, heat = draw.normal(40, 1, 600), draw.normal(5, 0.5, 600), draw.normal(70, 4, 600)
    pressure[460], speed[460], heat[460] = 45.0, 8.0, 95.0
    pressure[540], speed[540], heat[540] = 34.5, 2.0, 50.0
    seen = {"pressure": pressure[100:], "speed": speed[100:], "heat": heat[100:]}
    return (
        [30.0 * each for each in range(500)],
        {name: each.tolist() for name, each in seen.items()},
        None,
    )


PICTURE = Picture(
    "isolation_forest: pressure, speed and heat are all far from usual, twice",
    {"features": ["pressure", "speed", "heat"], "learn": 250, "refit": 200, "trees": 50, "warning": 0.75},
    _pumps,
    value="pressure",
)


def build(config: Config, context: Context) -> IsolationForest:
    """The detector of one monitor.

    Raises:
        ConfigError: for a feature that is unknown or no number, or ``by`` behind a window.
    """
    needs = checked_needs(config.features, config.by, context)
    telling = Telling(context.monitor, config.features, config.limits(), context.masked)
    return IsolationForest(telling, config, needs)


class IsolationState(Alarms):
    """See :class:`streamgauge.kernels.isolation.Forest`."""

    version = 1

    def __init__(self, config: Config) -> None:
        super().__init__()
        features, nodes = len(config.features), 2 ** ((config.sample - 1).bit_length() + 1) - 1
        usual = Normal(np.zeros((1, features), np.int64), np.zeros((1, features)), np.zeros((1, features)))
        self.forest = kernels.Forest(
            np.full((config.memory, features), np.nan),
            np.full((config.trees, nodes), kernels.LEAF, np.int32),
            np.zeros((config.trees, nodes)),
            np.zeros(features),
            usual,
            np.zeros((1, 2)),
            np.array([0, 0, config.seed], np.int64),
        )

    def tables(self) -> Tables:
        """Keys; the newest records; the nodes of all trees; what is usual."""
        forest = self.forest
        return {
            **super().tables(),
            "ring": {"of": forest.ring.reshape(-1)},
            "nodes": {"feature": forest.features.reshape(-1), "cut": forest.cuts.reshape(-1)},
            "usual": {
                "fill": forest.fill,
                **{name: getattr(forest.usual, name).reshape(-1) for name in forest.usual._fields},
            },
            "parts": {"of": forest.parts.reshape(-1)},
            "counts": {"of": forest.counts},
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved tables."""
        super().restore(tables)
        forest, usual = self.forest, self.forest.usual
        for into, saved in (
            (forest.ring, tables["ring"]["of"]),
            (forest.features, tables["nodes"]["feature"]),
            (forest.cuts, tables["nodes"]["cut"]),
            (forest.fill, tables["usual"]["fill"]),
            *((getattr(usual, name), tables["usual"][name]) for name in usual._fields),
            (forest.parts, tables["parts"]["of"]),
            (forest.counts, tables["counts"]["of"]),
        ):
            into.reshape(-1)[:] = saved


@dataclass(frozen=True, slots=True)
class IsolationForest:
    """See the module's text."""

    telling: Telling
    config: Config
    needs: Needs

    @property
    def limits(self) -> NDArray[np.int64]:
        """As the kernel takes them."""
        config = self.config
        return np.array([config.learn, config.refit, config.sample, MEMORY], np.int64)

    def initial(self) -> IsolationState:
        """Nothing learned."""
        return IsolationState(self.config)

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each record (or closed window) in its order, then learn it."""
        assert isinstance(state, IsolationState)
        state.make_room(len(results.keys))
        records = Records.of(results, self.telling.features)
        strength, odd = np.empty(len(records.rows), np.float64), np.empty(len(records.rows), np.float64)
        worst = np.empty(len(records.rows), np.int32)
        kernels.judge_isolated(records.values, records.apart, state.forest, self.limits, strength, odd, worst)
        return self.telling.tell(state, records, strength, worst, {"odd": odd})

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget when those keys were told; the forest is that of all."""
        assert isinstance(state, IsolationState)
        state.drop_keys(slots)
