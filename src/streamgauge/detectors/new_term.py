"""Tells when a value is seen for the first time.

When to use it: values repeat, nobody can list them, and one that never occurred is suspicious: a user on a host, a country
of an account, a process on a server.

**The rule.** Per key (without ``by``: over all), the first record with a value of ``of`` that the key has not had is a match,
unless the key is younger than ``learn_for``: until then values are learned, and told as ``learning`` only. A value unseen for
``forget_after`` is new again. The first match opens an incident at that record; further new values keep it open; it resolves
``resolve_after`` after the last one. A missing value is no value.

**Bounds.** A key holds at most ``max_terms`` values. Beyond, the one unseen for the longest is forgotten for each new one, and
notices say ``limit_reached``: a field with that many values (an id, a URL) is none to ask this of.

Parameters: ``of`` (field, or a list of fields taken together), ``by`` (field or list; default none), ``learn_for`` (duration,
default 1d from a key's first record), ``forget_after`` (duration, default 30d), ``max_terms`` (default 10,000 per key),
``resolve_after`` (duration, default 5m), ``severity`` (default ``critical``). State: 32 bytes per key and 36 per value.
Values are kept as 64-bit hashes: that two of a million are taken for one has a chance of 1 in 30 million. It is ElastAlert's
``new_term``.

>>> from streamgauge.testing import judge
>>> judge("new_term", {"of": "user", "learn_for": "10s", "resolve_after": "1m"}, times=[0.0, 5.0, 12.0, 13.0, 80.0],
...       values={"user": ["anna", "ben", "anna", "mallory", "mallory"]})
['0.0 learning', '5.0 learning', '13.0 critical', '73.0 ok']
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from streamgauge.batch import Aside, SlotArray
from streamgauge.clock import to_micros
from streamgauge.detectors.codes import Hashes, combined
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
from streamgauge.durations import Duration
from streamgauge.kernels import terms as kernels
from streamgauge.settings import PositiveDuration
from streamgauge.state import State, Tables, grown
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import WindowResults


class Config(EventRuleConfig):
    """``detect: {type: new_term, of: user, by: host, learn_for: 7d}``."""

    shaped_by: ClassVar[tuple[str, ...]] = ("of",)

    type: Literal["new_term"] = "new_term"
    of: FieldNames
    """The field whose values are remembered; of a list, the fields together."""
    learn_for: Duration = timedelta(days=1)
    """How long after its first record a key only learns."""
    forget_after: PositiveDuration = timedelta(days=30)
    """A value unseen for so long is new again."""
    max_terms: Annotated[int, Field(gt=0, le=1_000_000)] = 10_000
    """How many values of a key are remembered."""


EXAMPLE = {
    "detect": {
        "type": "new_term",
        "of": ["word", "number"],
        "by": "key",
        "learn_for": "5s",
        "forget_after": "20s",
        "max_terms": 4,
        "resolve_after": "3s",
    }
}
"""A monitor for the checks of the contract."""


def _run() -> tuple[list[float], dict[str, list[Any]], None]:
    """Two hosts with their users, and a newcomer."""
    times = [float(t) for t in range(0, 240, 4)]
    hosts = [f"h{1 + i % 2}" for i in range(len(times))]
    users = [
        f"u{i % 4}" if t < 120 or h == "h1" or t > 150 else "mallory"
        for i, (t, h) in enumerate(zip(times, hosts, strict=True))
    ]
    return times, {"host": hosts, "user": users}, None


PICTURE = Picture(
    "new_term: after a minute of learning, a user new to host h2",
    {"of": "user", "by": "host", "learn_for": "1m", "resolve_after": "40s"},
    _run,
    by="host",
)


def build(config: Config, context: Context) -> NewTerm:
    """The detector of one monitor.

    Raises:
        ConfigError: where fields or window do not fit.
    """
    check_records(config, context)
    check_fields("of", config.of, context)
    needs = Needs(
        fields=frozenset((*config.of, *config.by)), by=config.by, judges_empty=False, merge="single"
    )
    limits = (to_micros(config.learn_for), to_micros(config.forget_after), config.max_terms)
    shown = () if context.masked & set(config.of) else config.of
    return NewTerm(Telling.of(config, context), config.of, limits, needs, shown)


class TermState(Stretches):
    """The open stretches, and what is known of each key; see :class:`streamgauge.kernels.terms.Terms`."""

    def __init__(self) -> None:
        super().__init__()
        self.terms = _no_terms(64)

    def make_room(self, slots: int) -> None:
        """Room for that many keys."""
        super().make_room(slots)
        t = self.terms
        if slots > len(t.since):
            self.terms = t._replace(
                since=grown(t.since, slots, kernels.UNSEEN),
                known=grown(t.known, slots, 0),
                head=grown(t.head, slots, -1),
            )

    def more_terms(self, least: int) -> None:
        """Room for that many values, all hung anew."""
        t = self.terms
        fresh = _no_terms(2 ** int(np.ceil(np.log2(max(least, 64)))))
        used = int(t.counts[kernels.USED])
        for name in ("slot", "hash", "last"):
            getattr(fresh, name)[:used] = getattr(t, name)[:used]
        free = np.nonzero(fresh.slot[:used] < 0)[0]
        fresh.free[: len(free)] = free
        fresh.counts[:] = (used, len(free))
        self.terms = fresh._replace(
            since=t.since, known=np.zeros_like(t.known), head=np.full_like(t.head, -1)
        )
        kernels.rebuild(self.terms)

    def tables(self) -> Tables:
        """One row per key, one per value."""
        t = self.terms
        used = int(t.counts[kernels.USED])
        terms: dict[str, NDArray[Any]] = {"slot": t.slot[:used], "hash": t.hash[:used], "last": t.last[:used]}
        return {**super().tables(), "ages": {"since": t.since}, "terms": terms}

    def restore(self, tables: Tables) -> None:
        """Take over saved keys and values."""
        super().restore(tables)
        since, saved = tables["ages"]["since"], tables["terms"]
        self.make_room(len(since))
        self.terms.since[: len(since)] = since
        used = len(saved["slot"])
        t = _no_terms(max(used, 1))
        for name, column in saved.items():
            getattr(t, name)[:used] = column
        t.counts[:] = (used, 0)
        self.terms = t._replace(since=self.terms.since, known=self.terms.known, head=self.terms.head)
        self.more_terms(used)

    def drop(self, slots: SlotArray | np.ndarray) -> None:
        """Forget keys whose slots are given back."""
        super().drop(slots)
        kernels.drop(slots[slots < len(self.terms.since)].astype(np.int64), self.terms)


def _no_terms(room: int) -> kernels.Terms:
    none = np.full(room, -1, np.int32)
    return kernels.Terms(
        np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int32),
        none.copy(), np.zeros(room, np.int64), np.zeros(room, np.int64), none.copy(), none.copy(), none.copy(),
        none.copy(), np.zeros(2, np.int64),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewTerm:
    """See the module's text."""

    telling: Telling
    of: tuple[str, ...]
    limits: tuple[int, int, int]
    needs: Needs
    shown: tuple[str, ...]

    def initial(self) -> TermState:
        """Nothing known."""
        return TermState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Tell of each value that is new, and of what is over."""
        assert isinstance(state, TermState)
        state.make_room(len(results.keys))
        return self.telling.tell(state, results, self._new(state, results))

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, TermState)
        state.drop(slots)

    def _new(self, state: TermState, results: WindowResults) -> Found:
        rows, values = combined(results.columns, self.of, len(results))
        if not len(rows):
            return NOTHING
        hashes = Hashes().all_of(values)
        out, told = np.empty((len(rows), 3), np.int64), np.zeros(1, np.int64)
        limits, at = np.array(self.limits, np.int64), 0
        while at < len(rows):
            at = kernels.take_in(at, rows, results.slots, results.at, hashes, state.terms, limits, out, told)
            if at < len(rows):
                state.more_terms(2 * len(state.terms.slot))
        out = out[: int(told[0])]
        known = out[:, 2]
        evidence = {
            "known_terms": Aside("int", numbers=known.astype(np.float64)),
            "limit_reached": Aside(
                "bool", values=[True if n >= self.limits[2] else None for n in known.tolist()]
            ),
        }
        expected = f"{' and '.join(self.of)} seen before"
        learning = out[:, 0] == kernels.LEARNED
        return Found(out[:, 1], picked(results, self.shown, out[:, 1]), expected, learning, evidence)
