"""From ``compute:`` to accumulators and back: which columns a window keeps, and what it reports of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from streamgauge.batch import Column, ColumnKind, FloatArray, IntArray
from streamgauge.errors import ConfigError
from streamgauge.expressions import Aggregate, Expression
from streamgauge.kernels import aggregate as op
from streamgauge.kernels.time_windows import DISTINCT_LIMIT
from streamgauge.keys import KeySlots
from streamgauge.windows.collected.collectors import beyond_exact, collector_of
from streamgauge.windows.collected.contract import Collector, Told
from streamgauge.windows.collected.gathering import Collection
from streamgauge.windows.collected.held import Held, Objects
from streamgauge.windows.collected.tally import Tallied
from streamgauge.windows.collected.telling import UNBEGUN, gone_on, pointed_at, told_columns

MISSING_CODE = np.iinfo(np.int64).min

Part: TypeAlias = Aggregate | Tallied
"""What a window may compute under one name: for people, or for a detector that asked for it."""


@dataclass(frozen=True, slots=True)
class Accumulator:
    """One operation over one input (an index into the inputs, -1 = none) in ``column``."""

    operation: int
    column: int
    source: int


class Aggregates:
    """The accumulators of one ``compute:`` mapping; equal ones are kept once (avg and sum share a sum).

    Attributes:
        inputs: the expressions whose numbers the accumulators read.
        coded: the expressions whose values ``distinct`` reads, as codes.
        ops: int64[A, 3] for the kernel.
        width: accumulator columns.
        collections: the objects that each window holds beside the accumulators (lists, maps, sketches).
    """

    def __init__(self, compute: Mapping[str, Part]) -> None:
        self.compute = dict(compute)
        self.inputs: list[Expression] = []
        self.coded: list[Expression] = []
        self._accumulators: list[Accumulator] = []
        self.width = 0
        self.collections: list[Collection] = []
        self._columns = {name: self._columns_of(part) for name, part in compute.items()}
        self._told = {a.source for a in self._accumulators if a.operation in (op.FIRST, op.LAST)}
        self.ops = np.array(
            [(a.operation, a.column, a.source) for a in self._accumulators], np.int64
        ).reshape(-1, 3)
        self._check_names()

    @property
    def reads(self) -> frozenset[str]:
        """The fields of a record that any of them reads."""
        arguments = (part.argument for part in self.compute.values())
        tallied = (part.collector.features for part in self.compute.values() if isinstance(part, Tallied))
        fields = (argument.columns for argument in arguments if argument is not None)
        return frozenset().union(*fields, *tallied)

    @property
    def rising(self) -> frozenset[str]:
        """The columns that never fall while a window fills."""
        return frozenset(name for name, part in self.compute.items() if part.rising)

    @property
    def kinds(self) -> dict[str, ColumnKind]:
        """The kind of each computed column."""
        return {name: part.kind for name, part in self.compute.items()}

    @property
    def ordered(self) -> bool:
        """Whether the answer depends on the order across partitions (first, last)."""
        return any(part.function in ("first", "last") for part in self.compute.values())

    def accumulator_of(self, name: str) -> int:
        """The accumulator column that holds a rising column's running value."""
        return self._columns[name][0]

    def numbers(self, columns: Mapping[str, Column], length: int, texts: KeySlots) -> FloatArray:
        """float64[K, n]: the inputs; texts (for first and last) become codes of ``texts``."""
        stacked = np.empty((len(self.inputs), length), np.float64)
        for k, expression in enumerate(self.inputs):
            column = expression.evaluate(columns, length)
            if expression.kind != "string":
                stacked[k] = column.numbers()
            elif k in self._told:
                stacked[k] = _codes(column, texts)
            else:  # counted, never shown
                stacked[k] = [np.nan if value is None else 0.0 for value in column.values()]
        return stacked

    def codes(self, columns: Mapping[str, Column], length: int, texts: KeySlots) -> IntArray:
        """int64[D, n]: what ``distinct`` tells apart; numbers by their bits, texts by code."""
        stacked = np.empty((len(self.coded), length), np.int64)
        for k, expression in enumerate(self.coded):
            column = expression.evaluate(columns, length)
            if expression.kind == "string":
                slots = texts.slots_of(column).astype(np.int64)
                stacked[k] = np.where(slots < 0, MISSING_CODE, slots)
            elif expression.kind in ("int", "timestamp"):
                series = column.series()
                stacked[k] = series.fill_null(MISSING_CODE).to_numpy()
            else:
                numbers = column.numbers() + 0.0  # -0.0 and 0.0 are one value
                stacked[k] = np.where(np.isnan(numbers), MISSING_CODE, numbers.view(np.int64))
        return stacked

    def texts_in(self, sums: FloatArray) -> set[int]:
        """The codes of texts that accumulator rows (float64[n, C]) hold, of first and last."""
        held: set[int] = set()
        for a in self._accumulators:
            if a.operation in (op.FIRST, op.LAST) and self.inputs[a.source].kind == "string":
                codes = sums[:, a.column]
                held.update(codes[~np.isnan(codes)].astype(np.int64).tolist())
        return held

    def held(self) -> Held:
        """Where a state keeps the objects of its windows."""
        waiting = [c for c, each in enumerate(self.collections) if each.beyond is not None]
        return Held([each.collector for each in self.collections], waiting)

    def report(
        self, sums: FloatArray, size: int, texts: KeySlots, finished: Sequence[Objects] = ()
    ) -> dict[str, Column]:
        """What people see of accumulator rows (float64[n, C]) of windows ``size`` microseconds long.

        ``finished``: the objects that rows point at; a row without one (a window that is still open) lacks them.
        """
        columns: dict[str, Column] = {}
        for name, part in self.compute.items():
            at = self._columns[name]
            if isinstance(part, Tallied) or part.kept:
                columns |= told_columns(name, part.kind, *self._objects(part, sums, at[0], finished))
                continue
            columns[name] = self._finish(part, sums, at, size, texts)
            if part.function == "distinct" and (sums[:, at[0]] >= DISTINCT_LIMIT).any():
                columns |= gone_on(name, columns[name], *self._objects(part, sums, at[1], finished))
        return columns

    def empty(self, count: int, size: int, texts: KeySlots) -> dict[str, Column]:
        """What ``count`` windows without records hold: counts and sums 0, all else missing."""
        row = np.zeros((count, self.width))
        for a in self._accumulators:
            if a.operation in (op.MIN, op.MAX, op.FIRST, op.LAST):
                row[:, a.column] = np.nan
        for each in self.collections:
            row[:, each.column] = UNBEGUN if each.beyond is None else np.nan
        return self.report(row, size, texts)

    def _columns_of(self, part: Part) -> tuple[int, ...]:
        argument = part.argument
        if isinstance(part, Tallied) or part.kept:
            return (self._collect(collector_of(part), part),)
        match part.function:
            case "count":
                return (self._keep(op.ROWS if argument is None else op.COUNT, argument),)
            case "rate":
                return (self._keep(op.ROWS, None),)
            case "avg":
                return (self._keep(op.SUM, argument), self._keep(op.COUNT, argument))
            case "stddev" | "variance":
                return (self._keep(op.VARIANCE, argument),)
            case "distinct":
                exact = self._keep(op.DISTINCT, argument)
                return (exact, self._collect(beyond_exact(part), part, exact))
        simple = {"sum": op.SUM, "min": op.MIN, "max": op.MAX, "first": op.FIRST, "last": op.LAST}
        return (self._keep(simple[part.function], argument),)

    def _keep(self, operation: int, argument: Expression | None) -> int:
        source = -1
        if argument is not None:
            pool = self.coded if operation == op.DISTINCT else self.inputs
            source = _index(pool, argument)
        for known in self._accumulators:
            if (known.operation, known.source) == (operation, source):
                return known.column
        return self._new(operation, source)

    def _new(self, operation: int, source: int) -> int:
        column = self.width
        self._accumulators.append(Accumulator(operation, column, source))
        self.width += op.WIDTH.get(operation, 1)
        return column

    def _collect(self, collector: Collector, part: Part, exact: int | None = None) -> int:
        """The column that says which finished object is a result's; equal objects are kept once."""
        text = part.text if part.argument is None else part.argument.text
        wanted = collector, text, exact
        for known in self.collections:
            if (known.collector, known.text, known.beyond and known.beyond[1]) == wanted:
                return known.column
        beyond = None
        if exact is not None:
            number = next(i for i, a in enumerate(self._accumulators) if a.column == exact)
            beyond = number, exact, self._accumulators[number].source
        column = self._new(op.HELD, -1)
        self.collections.append(Collection(collector, part.argument, column, beyond, text))
        return column

    def _objects(
        self, part: Part, sums: FloatArray, column: int, finished: Sequence[Objects]
    ) -> tuple[Collector, list[Told | None]]:
        """What the objects say that rows point at."""
        c = next(c for c, each in enumerate(self.collections) if each.column == column)
        collector = self.collections[c].collector
        return collector, pointed_at(collector, c, sums[:, column], finished, part.number)

    def _finish(
        self, part: Aggregate, sums: FloatArray, at: tuple[int, ...], size: int, texts: KeySlots
    ) -> Column:
        value = sums[:, at[0]]
        with np.errstate(all="ignore"):
            if part.function == "avg":
                value = np.where(sums[:, at[1]] > 0, value / sums[:, at[1]], np.nan)
            elif part.function == "rate":
                value = value / (size / 1e6)
            elif part.function in ("variance", "stddev"):
                value = np.where(value > 1, sums[:, at[0] + 2] / (value - 1), np.nan)
                value = np.sqrt(value) if part.function == "stddev" else value
        if part.kind == "string":
            codes = [NO if np.isnan(v) else int(v) for v in value]
            return Column("string", values=[texts.key(code) for code in codes])
        return Column(part.kind, numbers=np.array(value))

    def _check_names(self) -> None:
        for name, part in self.compute.items():
            asides = [f"{name}_{end}" for c in self._collectors_of(name) for end in c.asides]
            for taken in set(asides) & set(self.compute):
                raise ConfigError(
                    f"`{taken}` is what {part.function} says beside `{name}`: choose another name for one of them"
                )

    def _collectors_of(self, name: str) -> list[Collector]:
        columns = self._columns[name]
        return [each.collector for each in self.collections if each.column in columns]


NO = -1


def _codes(column: Column, texts: KeySlots) -> FloatArray:
    slots = texts.slots_of(column).astype(np.float64)
    slots[slots < 0] = np.nan
    return slots


def _index(pool: list[Expression], expression: Expression) -> int:
    for k, known in enumerate(pool):
        if known.text == expression.text:
            return k
    pool.append(expression)
    return len(pool) - 1
