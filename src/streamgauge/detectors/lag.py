"""Tells when a consumer group does not keep up, and in which way, without a threshold.

When to use it: over the records of [`kafka_lag`](../sources/kafka_lag.md). A lag of 5,000 records is fine for one group and
a disaster for another; whether a group keeps up shows in how offset and lag move, not in how large they are.

**The rule.** Per partition, over the last `intervals` answers, the first that holds decides (Burrow's rules, in its order):

- no lag now (at most `allowed_lag`): OK
- nothing came from it for longer than the window before that spans, and the partition never ended there: **STOP**
- the offset went back and has not come to where it was: **REWIND**
- there was no lag at some moment of the window: OK
- the offset never moved, though a member has the partition: **STALL**
- the lag never shrank: **WARN**; else OK

"It came" means: the offset moved, or a member of the group owned the partition. What is owned and does not move is a stall;
what nobody owns is a stop. The lag that is kept in the window is measured at the end of the partition one answer *before*,
so that records written since the last commit count against nobody. A group is as bad as its worst partition. Beside that:
unread records that have **gone** by retention are critical, first unread ones older than `risk` of their retention a
warning, and a group that is no more is **GONE**. It says `not_enough_data` until a partition was told `minimum` times.

Parameters: `intervals` (answers that a window holds, default 10; let it span several commits), `minimum` (default: as many),
`allowed_lag` (default 0), `risk` (default 0.9), `by` (default `group`), `forget` (default the stream's `limits.forget`), and the
names of fields, which are those of `kafka_lag`. STOP, STALL, REWIND and GONE are critical, WARN is a warning. It learns
nothing. State: 80 bytes per partition and 40 for each interval. It is LinkedIn's Burrow, asked of the brokers' admin API.

>>> from streamgauge.testing import judge
>>> told = judge("lag", {"intervals": 3}, times=[0, 10, 20, 30, 40, 50, 60, 70, 80],
...       values={"group": ["g"] * 9, "topic": ["t"] * 9, "partition": [0] * 9,
...               "offset": [5, 15, 25, 30, 30, 30, 30, 90, 90], "end": [5, 15, 25, 50, 60, 70, 80, 90, 90]})
>>> told[1:3] + told[5:]
['10.0 not_enough_data g', '20.0 ok g', '50.0 ok g', '60.0 critical g', '70.0 ok g']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from streamgauge.batch import Aside, Column, SlotArray
from streamgauge.clock import to_micros
from streamgauge.detectors.contract import Context, DetectorConfig, Needs, Picture
from streamgauge.detectors.lag_state import LagState
from streamgauge.detectors.matches import check_fields
from streamgauge.errors import ConfigError
from streamgauge.kernels import lag as kernels
from streamgauge.settings import Names, PositiveDuration
from streamgauge.state import State
from streamgauge.verdict import Severity, Verdicts
from streamgauge.windows.contract import WindowResults

STATUS = ("OK", "WARN", "STOP", "STALL", "REWIND", "GONE")
"""By number; see :mod:`streamgauge.kernels.lag`."""

_SEVERITY = np.array(
    [Severity.OK, Severity.WARNING, Severity.CRITICAL, Severity.NOT_ENOUGH_DATA], np.int8
)  # fmt: skip


class Config(DetectorConfig):
    """``detect: {type: lag}``."""

    type: Literal["lag"] = "lag"
    intervals: Annotated[int, Field(ge=2, le=1000)] = 10
    """Answers that a window holds; they should span several commits of the group."""
    minimum: Annotated[int, Field(ge=1, le=1000)] | None = None
    """A partition is judged once it was told so often; default: as often as `intervals`."""
    allowed_lag: Annotated[int, Field(ge=0)] = 0
    """So many records behind is no lag."""
    risk: Annotated[float, Field(gt=0, le=1)] = 0.9
    """A warning when the first unread record is older than this share of its retention."""
    by: Annotated[Names, Field(min_length=1)] = ("group",)
    """The field or fields that name whose lag it is."""
    forget: PositiveDuration | None = None
    """Drop a group that was not told of for so long; default: the stream's `limits.forget`."""
    topic: str = "topic"
    """The field with the topic."""
    partition: str = "partition"
    """The field with the partition's number."""
    offset: str = "offset"
    """The field with the committed offset."""
    end: str = "end"
    """The field with the offset at which the partition ends."""
    owner: str = "owner"
    """The field that says who of the group has the partition; where it is no field, nobody is known to."""
    state: str = "state"
    """The field with the group's state; GONE means that there is no such group any more."""


EXAMPLE = {
    "detect": {
        "type": "lag", "intervals": 3, "minimum": 1, "by": "key", "topic": "word", "partition": "number",
        "offset": "value", "end": "number", "owner": "word", "forget": "6s",
    }
}  # fmt: skip
"""A monitor for the checks of the contract."""


def _slow() -> tuple[list[float], dict[str, list[Any]], None]:
    """Two groups on a topic that grows by 100 every ten seconds; the reader of one hangs for a while."""
    times = [float(t) for t in range(0, 600, 10)]
    ends = [100 * (i + 1) for i in range(len(times))]
    hung = [min(end, 2_000) if t < 420 else end for t, end in zip(times, ends, strict=True)]
    rows = [
        (t, group, end - 20 if group == "billing" else done, end)
        for t, end, done in zip(times, ends, hung, strict=True)
        for group in ("billing", "fraud")
    ]
    columns: dict[str, list[Any]] = {
        "group": [r[1] for r in rows],
        "offset": [r[2] for r in rows],
        "end": [r[3] for r in rows],
    }
    fixed: dict[str, list[Any]] = {
        "topic": ["payments"] * len(rows),
        "partition": [0] * len(rows),
        "owner": ["c1"] * len(rows),
    }
    return [r[0] for r in rows], {**columns, **fixed}, None


PICTURE = Picture("lag: the reader of fraud hangs at offset 2,000, and goes on", {}, _slow, by="group")


def build(config: Config, context: Context) -> Lag:
    """The detector of one monitor.

    Raises:
        ConfigError: where fields or window do not fit.
    """
    if context.windowed:
        raise ConfigError("lag listens to single records; leave out `window:`")
    for key in ("topic", "partition", "offset", "end"):
        check_fields(key, [getattr(config, key)], context)
    forget = to_micros(config.forget if config.forget is not None else context.forget)
    minimum = config.intervals if config.minimum is None else config.minimum
    rule = (config.intervals, config.allowed_lag, minimum, forget, round(config.risk * 1000))
    optional = (config.owner, config.state, "start", "lag_seconds", "expires_in", "members")
    fields = {*config.by, config.topic, config.partition, config.offset, config.end}
    fields |= {name for name in optional if name in context.columns}
    return Lag(
        context.monitor, config, rule, Needs(by=config.by, fields=frozenset(fields), judges_empty=False)
    )


@dataclass(frozen=True, slots=True)
class Lag:
    """See the module's text; ``rule`` is the kernels'."""

    monitor: str
    config: Config
    rule: tuple[int, ...]
    needs: Needs

    def initial(self) -> LagState:
        """No group known."""
        return LagState(self.config.intervals)

    def step(self, state: State, results: WindowResults) -> Verdicts:
        """Take in records and judge the answers that are complete."""
        assert isinstance(state, LagState)
        state.make_room(len(results.keys))
        rule = np.array(self.rule, np.int64)
        found = []
        if len(results):
            told = self._told(state, results)
            events = _room(3 * len(results))
            kernels.take_in(told, state.groups, state.parts, state.rings, rule, events)
            found.append(_taken(events))
        if results.watermark > state.until:
            events = _room(2 * len(state.groups.polled))
            kernels.judge_all(results.watermark, state.groups, state.parts, state.rings, rule, events)
            found.append(_taken(events))
        state.look_ahead(self.rule[3])
        verdicts = self._verdicts(state, results, found)
        state.tidy()
        return verdicts

    def drop(self, state: State, slots: SlotArray) -> None:
        """Forget keys whose slots are given back."""
        assert isinstance(state, LagState)
        state.drop(slots)

    def _told(self, state: LagState, results: WindowResults) -> kernels.Told:
        config, columns, n = self.config, results.columns, len(results)
        assert results.closing is not None

        def number(name: str) -> np.ndarray:
            return columns[name].numbers() if name in columns else np.full(n, np.nan)

        topics, numbers = columns[config.topic].values(), columns[config.partition].values()
        owners = columns[config.owner].values() if config.owner in columns else [None] * n
        states = columns[config.state].values() if config.state in columns else [None] * n
        return kernels.Told(
            state.places(results.slots, topics, numbers), results.slots.astype(np.int64), results.at,
            results.closing, number(config.offset), number(config.end), number("start"), number("lag_seconds"),
            number("expires_in"), number("members"),
            np.fromiter((owner is not None for owner in owners), np.bool_, n),
            np.fromiter((word == "GONE" for word in states), np.bool_, n),
        )  # fmt: skip

    def _verdicts(
        self, state: LagState, results: WindowResults, found: list[tuple[np.ndarray, np.ndarray]]
    ) -> Verdicts:
        numbers = np.concatenate([n for n, _ in found]) if found else np.empty((0, kernels.NUMBERS), np.int64)
        measures = np.concatenate([m for _, m in found]) if found else np.empty((0, kernels.MEASURES))
        assert results.marks is not None
        at, row = numbers[:, kernels.AT], numbers[:, kernels.ROW]
        # An answer is complete when time has passed it, or at the record of a later one; a group is forgotten on time.
        due = at + (numbers[:, kernels.KIND] == kernels.ANSWERED)
        by_row = results.positions[np.maximum(row, 0)] - 1 if len(results) else row
        position = np.where(row >= 0, by_row, np.searchsorted(results.marks, due, "left"))
        order = np.lexsort((numbers[:, kernels.SLOT], at, position))
        numbers, measures, at = numbers[order], measures[order], at[order]
        severities = _SEVERITY[numbers[:, kernels.LEVEL]]
        severities[numbers[:, kernels.KIND] == kernels.FORGOTTEN] = Severity.FORGOTTEN
        no, none = np.zeros(len(at), np.bool_), np.full(len(at), -1, np.int64)
        return Verdicts(
            self.monitor, results.keys, numbers[:, kernels.SLOT].astype(np.int32), severities, at, at, at, no, no,
            none, _observed(state, numbers, measures), rows=none, positions=position[order],
            expected="every partition's reader comes nearer to its end",
            evidence=_evidence(numbers, measures),
        )  # fmt: skip


def _room(count: int) -> kernels.Events:
    return kernels.Events(
        np.empty((count, kernels.NUMBERS), np.int64),
        np.empty((count, kernels.MEASURES)),
        np.zeros(1, np.int64),
    )


def _taken(events: kernels.Events) -> tuple[np.ndarray, np.ndarray]:
    count = int(events.noted[0])
    return events.numbers[:count], events.measures[:count]


def _observed(state: LagState, numbers: np.ndarray, measures: np.ndarray) -> Mapping[str, Column]:
    """What people see first: the verdict, how far behind, and where it is worst."""
    members = [None if m < 0 else m for m in numbers[:, kernels.MEMBERS].tolist()]
    lost = [n or None for n in numbers[:, kernels.LOST].tolist()]
    worst = [state.name(place) for place in numbers[:, kernels.WORST].tolist()]
    return {
        "status": Column("string", values=[STATUS[s] for s in numbers[:, kernels.STATUS].tolist()]),
        "lag": Column("int", values=numbers[:, kernels.LAG].tolist()),
        "lag_seconds": Aside("float", values=_known(measures[:, kernels.SECONDS])),
        "worst": Aside("string", values=worst),
        "members": Aside("int", values=members),
        "lost": Aside("int", values=lost),
    }


def _evidence(numbers: np.ndarray, measures: np.ndarray) -> Mapping[str, Column]:
    """How fast it reads, when it would have caught up, how even its partitions are, and when data would go."""
    lag, parts = numbers[:, kernels.LAG], numbers[:, kernels.PARTS]
    consumed, produced = measures[:, kernels.CONSUMED], measures[:, kernels.PRODUCED]
    with np.errstate(all="ignore"):
        gain = consumed - produced
        catch_up = np.where((lag > 0) & (gain > 0), lag / gain, np.nan)
        skew = np.where((lag > 0) & (parts > 1), measures[:, kernels.LARGEST] * parts / lag, np.nan)
    return {
        "partitions": Aside("int", values=parts.tolist()),
        "partitions_behind": Aside("int", values=numbers[:, kernels.BEHIND].tolist()),
        "read_per_second": Aside("float", values=_known(consumed)),
        "written_per_second": Aside("float", values=_known(produced)),
        "caught_up_in_seconds": Aside("float", values=_known(catch_up)),
        "skew": Aside("float", values=_known(skew)),
        "expires_in_seconds": Aside("float", values=_known(measures[:, kernels.EXPIRES])),
    }


def _known(column: np.ndarray) -> list[float | None]:
    return [None if value != value else round(value, 3) for value in column.tolist()]  # noqa: PLR0124  NaN
