"""Tells when records change their shape: a field vanishes, a new one comes, a type becomes another. By window.

When to use it: others write the records, and tell nobody when they change them. It sees all fields at the top of a record, also
those that no monitor reads and that are declared nowhere.

**Learned.** From its first windows a key (without ``by``: the stream) learns which fields records have, and as which type:
``null``, ``bool``, ``number``, ``string``, ``object``, ``array``, ``timestamp`` (tables and Avro). Of something that N learned
records had x times, at most 1 in 100, a window of n records should hold few too. It fires when that is in more than ``max``
percent of them, and such a number, or more, would come by chance in less than 1 window of 10,000::

    Σ k≥seen  C(k + x, k) · (n / (N + n))^k · (N / (N + n))^(x + 1)  <  1e-4

That something is: the lack of a field (``gone``), a field (``added``), a field as some type (``changed``; null is a type of its
own). A field that fewer than 99 in 100 learned records have is ``gone`` when no record of a window has it, and chance gives that
less than once in 10⁹ windows. What does not fire is learned; what is rare so becomes known by itself. Another shape that has
come for ``accept_after`` is the new one: the key learns anew.

**Fixed.** With ``expect: {id: string, amount: [number, "null"], note: [string, absent]}`` nothing is learned: a window fires
when more than ``max`` percent of its records lack one of these, have one that is not named, or have one as another type.

**What is looked at.** A second look at each record costs one to two microseconds; with ``every: 10`` it is taken at about one
record in ten, chosen by a hash of its offset. CSV: what a cell holds, an empty one is null. Avro: what the writer's schema says,
of a union all types. A record that cannot be read, since a field that monitors use is of another type, has no shape: it goes to
the dead-letter, and ``streamgauge.dead_letters`` tells (see below). Records of several kinds in one stream: group by what tells
them apart.

Parameters: ``expect`` (mapping; default learned), ``learn_records`` (default 1,000) and ``learn_for`` (duration, default 0s),
both must be reached; ``max`` (percent, default 1, with ``expect`` 0), ``min_records`` (looked at, default 30; fewer say
``not_enough_data``), ``added`` (what new fields are: ``ok``, ``warning`` (default), ``critical``), ``every`` (default 1),
``accept_after`` (duration, default 1d), ``severity`` (default ``critical``). State: 24 bytes per key, and about 30 and its name
per field and type, at most 1,000 of them.

>>> from streamgauge.testing import judge
>>> amounts = [1.5] * 60 + ["1.5"] * 31
>>> judge("schema", {"learn_records": 50}, size="30s", times=[float(t) for t in range(91)], values={"amount": amounts})
['30.0 learning', '60.0 learning', '90.0 critical']
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

import numpy as np
from pydantic import BeforeValidator, Field, WithJsonSchema

from streamgauge.batch import Aside, Column, ColumnKind, SlotArray
from streamgauge.clock import to_micros
from streamgauge.detectors import bounds
from streamgauge.detectors.contract import Context, Needs, Picture
from streamgauge.detectors.known_shapes import UNSEEN, Seen, ShapeState, seen_in
from streamgauge.detectors.percentage import Percent
from streamgauge.detectors.shape_rules import Finding, Fixed, Learned
from streamgauge.durations import Duration
from streamgauge.expressions import Aggregate, parse_aggregate
from streamgauge.formats.shapes import shape_field
from streamgauge.settings import PositiveDuration
from streamgauge.state import State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

SHAPES = "shapes"
SHOWN = 12
"""So many findings of a window are told; of more, how many."""


def _read_kinds(value: object) -> object:
    return [value] if isinstance(value, str) else value


AsTypes: TypeAlias = Annotated[
    tuple[Literal["null", "bool", "number", "string", "object", "array", "timestamp", "absent"], ...],
    BeforeValidator(_read_kinds),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class Config(bounds.WindowRuleConfig):
    """``detect: {type: schema}``, or ``{type: schema, expect: {id: string, amount: number}}``."""

    shaped_by: ClassVar[tuple[str, ...]] = ("expect", "every")

    type: Literal["schema"] = "schema"
    expect: Annotated[dict[str, AsTypes], Field(min_length=1)] | None = None
    """What each record has: its type, or several; `absent` among them where it may lack. With it nothing is learned."""
    learn_records: Annotated[int, Field(gt=0)] = 1_000
    """From how many records a key learns before it judges."""
    learn_for: Duration = timedelta(0)
    """How long after its first window a key learns at least."""
    max: Percent | None = None
    """The largest share of records that may differ, in percent; default 1, with `expect` 0."""
    min_records: Annotated[int, Field(gt=0)] = 30
    """Windows with fewer records (of those looked at) are not judged."""
    added: Literal["ok", "warning", "critical"] = "warning"
    """How bad fields are that were not there before."""
    every: Annotated[int, Field(gt=0, le=1_000_000)] = 1
    """One record in so many is looked at."""
    accept_after: PositiveDuration = timedelta(days=1)
    """What has come for so long is the new shape, and learned anew."""


EXAMPLE = {
    "window": {"type": "tumbling", "size": "5s", "by": "key"},
    "detect": {
        "type": "schema", "learn_records": 3, "min_records": 1, "max": 0, "accept_after": "9s", "every": 2,
        "learn_for": "5s",
    },
}  # fmt: skip
"""A monitor for the checks of the contract."""


def _orders() -> tuple[list[float], dict[str, list[Any]], None]:
    """An order each second; from the twentieth minute on more and more write their amount as text."""
    draw = np.random.default_rng(4).random(2400)
    texts = [t > 1200 and x < (t - 1200) / 900 for t, x in enumerate(draw.tolist())]
    amounts = ["12.50" if text else 12.5 for text in texts]
    return [float(t) for t in range(2400)], {"id": [f"o{t}" for t in range(2400)], "amount": amounts}, None


PICTURE = Picture(
    "schema: writers change one after the other, and their amounts become text", {"learn_records": 600}, _orders,
    size="1m", value="unlike_percent",
)  # fmt: skip


def computes(config: Config, kinds: Mapping[str, ColumnKind]) -> dict[str, Aggregate]:
    """Which shapes a window has, and how often."""
    field = shape_field(config.every)
    return {SHAPES: parse_aggregate(f"histogram({bounds.quoted(field)})", {**kinds, field: "string"})}


def build(config: Config, context: Context) -> Schema:
    """The detector of one monitor.

    Raises:
        ConfigError: where there is no window.
    """
    bounds.check_window(config, context)
    return Schema(context.monitor, config, bounds.severity_of(config))


@dataclass(frozen=True, slots=True)
class Schema:
    """See the module's text."""

    monitor: str
    config: Config
    severity: Severity

    @property
    def needs(self) -> Needs:
        """Nothing: its counts are kept by the window."""
        return Needs(waits=False)

    def initial(self) -> ShapeState:
        """Nothing learned."""
        return ShapeState()

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Judge each closed window, and learn from it."""
        assert isinstance(state, ShapeState)
        state.make_room(len(results.keys))
        shapes = results.columns[SHAPES].values() if len(results) else []
        judged = [
            self._judged(state, results, i, seen_in(shapes[i]))
            for i in np.flatnonzero(~results.early).tolist()
        ]
        severities = np.full(len(results), Severity.NEITHER, np.int8)
        severities[~results.early] = [one.severity for one in judged]
        told = _columns(judged, ~results.early)
        left = results.columns.get(f"{SHAPES}_left_out") if len(results) else None
        if left is not None:
            told["left_out"] = Aside("int", values=left.values())
        return bounds.verdicts(
            self.monitor, results, (severities, ~results.early), told, expected=[one.expected for one in judged],
            evidence=[one.evidence for one in judged],
        )  # fmt: skip

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, ShapeState)
        state.drop(slots)

    def _judged(self, state: ShapeState, results: WindowResults, i: int, seen: Seen) -> _Judged:
        """The answer to one window."""
        slot, start, end = int(results.slots[i]), int(results.starts[i]), int(results.ends[i])
        if not seen.records:
            return _Judged(Severity.NEITHER if results.partial[i] else Severity.NO_DATA, seen)
        if results.partial[i]:
            return _Judged(Severity.NEITHER, seen)
        apart = results.apart is not None and bool(results.apart[i])
        if self.config.expect is None and self._learns(state, slot, start):
            if not apart:
                self._learn(state, slot, start, seen)
            return _Judged(Severity.LEARNING, seen)
        if seen.records < self.config.min_records:
            return _Judged(Severity.NOT_ENOUGH_DATA, seen)
        known = None if self.config.expect is not None else state.learned(slot)
        found = list(self._differing(seen, known, full=state.full(slot)))
        expected = (
            "the fields in `expect`" if known is None else f"the fields of {known.records:,} records before"
        )
        answer = _Judged(self._severity(found), seen, tuple(found), expected)
        if known is not None and not apart:
            self._taught(state, (slot, start, end), answer)
        return answer

    def _learns(self, state: ShapeState, slot: int, start: int) -> bool:
        since = int(state.since[slot])
        young = since == UNSEEN or start - since < to_micros(self.config.learn_for)
        return young or int(state.records[slot]) < self.config.learn_records

    def _learn(self, state: ShapeState, slot: int, start: int, seen: Seen) -> None:
        if state.since[slot] == UNSEEN:
            state.since[slot] = start
        state.learn(slot, seen)

    def _taught(self, state: ShapeState, when: tuple[int, int, int], answer: _Judged) -> None:
        """A fine window teaches; a shape that stays is learned anew."""
        slot, start, end = when
        if not answer.severity.firing:
            state.changed[slot] = UNSEEN
            state.learn(slot, answer.seen)
        elif state.changed[slot] == UNSEEN:
            state.changed[slot] = end
        elif end - int(state.changed[slot]) >= to_micros(self.config.accept_after):
            state.forget(slot)
            self._learn(state, slot, start, answer.seen)

    def _severity(self, found: list[Finding]) -> Severity:
        added = Severity[self.config.added.upper()]
        return max((added if one.what == "added" else self.severity for one in found), default=Severity.OK)

    def _differing(self, seen: Seen, known: Seen | None, *, full: bool) -> Iterator[Finding]:
        """What differs, by field."""
        given: Fixed | Learned
        given = Fixed(self.config.expect or {}) if known is None else Learned(known, full=full)
        limit = self.config.max if self.config.max is not None else (0 if known is None else 1)
        for finding in given.candidates(seen):
            often = 100 * finding.records > limit * seen.records
            if often and given.improbable(finding, seen):
                yield finding


@dataclass(frozen=True, slots=True)
class _Judged:
    """The answer to one window, and why."""

    severity: Severity
    seen: Seen
    found: tuple[Finding, ...] = ()
    expected: str | None = None

    @property
    def unlike(self) -> float:
        """The largest share of records that differ in one thing, in percent."""
        if (
            self.severity in (Severity.LEARNING, Severity.NOT_ENOUGH_DATA, Severity.NEITHER)
            or not self.seen.records
        ):
            return math.nan
        return 100 * max((one.records for one in self.found), default=0) / self.seen.records

    def names(self, what: str) -> str | None:
        """What is gone, added or changed, in words."""
        mine = [one for one in self.found if one.what == what]
        words = [f"{one.field}: {one.kind}" if what == "changed" else one.field for one in mine]
        more = [f"and {len(words) - SHOWN} more"] if len(words) > SHOWN else []
        return ", ".join(words[:SHOWN] + more) or None

    @property
    def evidence(self) -> dict[str, str]:
        """By field: what differs, with counts."""
        return {f"{one.field} {one.what}": one.in_words(self.seen.records) for one in self.found[:SHOWN]}


def _columns(judged: list[_Judged], kept: Any) -> dict[str, Column]:
    """What people see of each row, early ones empty."""
    every = iter(judged)
    rows = [next(every) if one else None for one in kept.tolist()]
    told: dict[str, Column] = {
        what: Aside("string", values=[None if row is None else row.names(what) for row in rows])
        for what in ("gone", "changed", "added")
    }
    told["unlike_percent"] = Aside(
        "float", numbers=np.array([math.nan if r is None else r.unlike for r in rows])
    )
    told["records"] = Column("int", values=[None if row is None else row.seen.records for row in rows])
    return told
