"""Finds records whose numbers, alone or together, are unlike those of all records before.

When to use it: each record has several numbers (amount, duration, bytes, distance …), nobody can say limits, and
what is odd may be the mix rather than one number. It assumes that most records are ordinary, and that what is
ordinary changes slowly. Give categories as numbers only where their order means something.

**The rule.** A record x of key k is judged before it is learned. With the key's own mean m and deviation s of each
feature, z_j = (x_j - m_j) / s_j, and five things are measured::

    rare  = mean_p -log density_p(w_p · z)      over random sparse projections w_p, |w_p| = 1, sqrt(D) features each
    thin  = mean_g -log share_g(z)              of the records in the same cell of 24 random grids of 256 cells
    tails = log max(L, R, S)                    L, R: mean_j of -log of the share of records as low, as high in j;
                                                S: of each feature the side of its longer tail
    mix   = log sqrt(z' C^-1 z / D)             C: which features go together, their mean products
    wild  = log max_j -log tail_j(z_j)          beyond the outer 2 % the tail is a generalised Pareto, so it never ends

Densities and shares are of all records of the monitor, in bins and cells that grow outwards; tails and C^-1 are made anew
every 500 records. Each is put in deviations above its own mean; ``rare`` and ``thin``, which rise with the square of a
distance, from there on by 2 log(1 + d / 2). Strength t is 1.3 times the mean of the first three, or times ``mix`` or ``wild``
where these are larger and speak by themselves: ``wild`` from 4 on, ``mix`` from 5 on, or from 3 on where it is 3 above what
its numbers are without C. In a mean of all, parts that see nothing would outvote the one that sees numbers that do not belong
together. The score is 1/2 + u / (2 + 2|u|) with u = (t - 3) / 2: 0.5 at t = 3, 0.8 at t = 6, which one in some 10,000
ordinary records reaches (normal: fewer; thirty numbers with heavy tails: ten).

**When it alarms.** ``budget`` (default ``1 per week``) is how many false alarms the whole monitor may make, over all its
keys: the strengths of ordinary records are pooled, and a generalised-Pareto tail says which one comes that seldom
(``rarity``). Until 500 are known a score of 0.8 alarms. ``warning`` and ``critical`` fix scores instead. An incident goes
on until an ordinary record comes ``resolve_after`` the last unusual one.

**Learning.** Until ``learn`` records are known it answers *learning*, and so it does for a key with fewer than 50
values of each feature. Numbers further off than ten deviations are learned as if they lay ten off, so one wild
record does not blind it and a lasting shift becomes normal; after ``memory`` records the old ones fade. Missing
numbers are left out of the mean; a record with nothing but missing numbers is *no data*. Infinite ones are as far
off as can be, and are never learned.

Parameters: ``features`` (numeric fields), ``by`` (field or list; default none), ``budget`` (how often, default
``1 per week``) or ``warning`` and ``critical`` (scores in (0, 1]), ``resolve_after`` (duration, default 1m), ``learn``
(records, 500), ``memory`` (records, 20,000), ``projections`` (50), ``seed`` of all that chance decides (0). State: 24 bytes
per key and feature, 8 per key, and per monitor (per partition, where it is aligned) 101 kB, 1.6 kB for each feature and 16
bytes for each two of them. Of more than 64 features ``mix`` is left out.

From: ``rare``: T. Pevný, *Loda: lightweight on-line detector of anomalies*, Machine Learning 102 (2016); ``thin``: S. C. Tan
and others, *Fast anomaly detection for streaming data*, IJCAI (2011); ``tails``: Z. Li and others, *ECOD: unsupervised
outlier detection using empirical cumulative distribution functions*, IEEE TKDE 35 (2023); ``wild``: J. Pickands, *Statistical
inference using extreme order statistics*, Annals of Statistics 3 (1975); ``mix``: P. C. Mahalanobis, *On the generalised
distance in statistics* (1936).

>>> import random
>>> from streamgauge.testing import judge
>>> draw = random.Random(1).gauss
>>> times = [float(second) for second in range(800)]
>>> amount = [draw(20, 4) for _ in times]
>>> minutes = [3 * value + draw(0, 2) for value in amount]
>>> amount[600], minutes[700] = 120.0, 900.0
>>> said = judge("outlier", {"features": ["amount", "minutes"]}, times=times,
...              values={"amount": amount, "minutes": minutes})
>>> [line for line in said if "warning" in line or "critical" in line]
['600.0 critical', '700.0 critical']
>>> said[0], said[-1]
('0.0 learning', '799.0 ok')
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamgauge.batch import SlotArray
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.odd_records import Alarms, OddRecordConfig, Records, Telling, checked_needs
from streamgauge.kernels import correlated, grids, own_tails
from streamgauge.kernels import outliers as kernels
from streamgauge.settings import Names
from streamgauge.state import State, Tables, grown
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults

BINS, GRIDS, HALVINGS = 64, 24, 8
OF_KEY = 50
"""Values of a feature that a key must have shown before it is judged."""


class Config(OddRecordConfig):
    """``detect: {type: outlier, features: [amount, minutes], by: account}``."""

    type: Literal["outlier"] = "outlier"
    by: Names = ()
    """The field or fields whose values each have a normal of their own; without it, one for all records."""
    learn: Annotated[int, Field(ge=2)] = 500
    """Records before it says anything."""
    memory: Annotated[int, Field(ge=100)] = 20_000
    """Records after which the old ones fade."""
    projections: Annotated[int, Field(ge=1, le=1000)] = 50
    """How many random mixes of the features are watched."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Of all that chance decides; the same seed gives the same answers."""

    layout: ClassVar[int] = 3
    """Of the state; one that another layout saved is not taken over, and learning starts new."""
    shaped_by: ClassVar[tuple[str, ...]] = ("features", "projections", "seed", "layout")


EXAMPLE = {
    "detect": {
        "type": "outlier",
        "features": ["value", "number"],
        "by": "key",
        "learn": 5,
        "memory": 100,
        "projections": 4,
        "resolve_after": "2s",
    }
}
"""A monitor for the checks of the contract."""


def _rides() -> tuple[list[float], dict[str, list[float]], None]:
    """Taxi rides: an amount, and minutes that go with it; one amount and one time are like no other."""
    draw = np.random.default_rng(1).normal
    times = [30.0 * ride for ride in range(800)]
    amount = [float(draw(20, 4)) for _ in times]
    minutes = [float(3 * value + draw(0, 2)) for value in amount]
    amount[680], minutes[740] = 120.0, 900.0
    return times[400:], {"amount": amount[400:], "minutes": minutes[400:]}, None


PICTURE = Picture(
    "outlier: one amount, then one time, unlike all before",
    {"features": ["amount", "minutes"], "learn": 100},
    _rides,
    value="amount",
)


def build(config: Config, context: Context) -> Outlier:
    """The detector of one monitor.

    Raises:
        ConfigError: for a feature that is unknown or no number, or ``by`` behind a window.
    """
    needs = checked_needs(config.features, config.by, context)
    counts = np.array([min(OF_KEY, config.learn), config.learn, config.memory], np.int64)
    chance = drawn(len(config.features), config.projections, config.seed)
    telling = Telling(context.monitor, config.features, config.limits(), context.masked)
    return Outlier(telling, chance, counts, needs)


def drawn(features: int, count: int, seed: int) -> kernels.Drawn:
    """So many random sparse directions of length 1 in ``features`` dimensions, sqrt(features) of them not zero; and grids."""
    draw = np.random.default_rng(seed)
    mixed = math.ceil(math.sqrt(features))
    chosen = np.array([draw.permutation(features)[:mixed] for _ in range(count)], np.int32)
    weights = draw.normal(size=(count, mixed))
    mixes = kernels.Projections(chosen, weights / np.linalg.norm(weights, axis=1, keepdims=True))
    return kernels.Drawn(mixes, grids.make_cuts(features, GRIDS, HALVINGS, seed))


class OutlierState(Alarms):
    """See :mod:`streamgauge.kernels.outliers`."""

    version = 3

    def __init__(self, features: int, mixes: int) -> None:
        super().__init__()
        self.normal = kernels.Normal(
            np.zeros((0, features), np.int64), np.zeros((0, features)), np.zeros((0, features))
        )
        pairs = np.zeros((2, *2 * (features if features <= correlated.MOST else 0,)))
        self.rarity = kernels.Rarity(
            np.zeros((mixes, BINS)), np.zeros((mixes, BINS)), np.zeros((GRIDS, 2**HALVINGS)),
            np.zeros((kernels.PARTS, 2)), np.zeros(3), own_tails.new_tails(features, BINS),
            correlated.Together(pairs[0], pairs[1]),
        )  # fmt: skip

    def make_room(self, slots: int) -> bool:
        """Room for that many keys."""
        too_little = super().make_room(slots)
        if too_little:
            rows = len(self.alarmed)
            self.normal = kernels.Normal(*(grown(column, rows, 0) for column in self.normal))
        return too_little

    def tables(self) -> Tables:
        """Keys; per key and feature its normal; the histograms of the mixes."""
        normal, rare = self.normal, self.rarity
        return {
            **super().tables(),
            "normal": {name: getattr(normal, name).reshape(-1) for name in normal._fields},
            "mixes": {"hist": rare.hist.reshape(-1), "table": rare.table.reshape(-1)},
            "tails": {name: getattr(rare.tails, name).reshape(-1) for name in ("hist", "left", "right")},
            "skew": {"of": rare.tails.skew},
            "outer": {"of": rare.tails.outer.reshape(-1)},
            "grids": {"mass": rare.mass.reshape(-1)},
            "together": {name: getattr(rare.together, name).reshape(-1) for name in rare.together._fields},
            "parts": {"of": rare.parts.reshape(-1)},
            "counts": {"of": rare.counts},
        }

    def restore(self, tables: Tables) -> None:
        """Take over saved tables."""
        super().restore(tables)
        for name in self.normal._fields:
            into = getattr(self.normal, name).reshape(-1)
            into[: len(tables["normal"][name])] = tables["normal"][name]
        own = self.tables()  # views, so that what is written into them is taken over
        for table in ("mixes", "tails", "skew", "outer", "grids", "together", "parts", "counts"):
            for name, into in own[table].items():
                into[:] = tables[table][name]


@dataclass(frozen=True, slots=True)
class Outlier:
    """See the module's text.

    Attributes:
        counts: as the kernel takes them: values of a key, records of the monitor, memory.
    """

    telling: Telling
    drawn: kernels.Drawn
    counts: NDArray[np.int64]
    needs: Needs

    def initial(self) -> OutlierState:
        """Nothing learned."""
        return OutlierState(len(self.telling.features), len(self.drawn.projections.features))

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each record (or closed window) in its order, then learn it."""
        assert isinstance(state, OutlierState)
        state.make_room(len(results.keys))
        records = Records.of(results, self.telling.features)
        strength = np.empty(len(records.rows), np.float64)
        worst = np.empty(len(records.rows), np.int32)
        kernels.judge_records(
            records.slots, records.values, records.apart, state.normal, state.rarity, self.drawn, self.counts,
            strength, worst,
        )  # fmt: skip
        return self.telling.tell(state, records, strength, worst)

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget what is normal for keys that were forgotten; the mixes of all records stay."""
        assert isinstance(state, OutlierState)
        kernels.forget_records(state.drop_keys(slots), state.normal)
