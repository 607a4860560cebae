"""The windows of one query as columns, and which of them come out: HAVING, tombstones, order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgauge.batch import Aside, BoolArray, Column, ColumnKind, IntArray
from streamgauge.engines.replay.records import Records
from streamgauge.keys import Key
from streamgauge.monitor import Monitor
from streamgauge.pipeline import Lane
from streamgauge.plan import Plan
from streamgauge.sql.answers import Answer, limited, projected
from streamgauge.sql.queries import BOUNDS, Query
from streamgauge.sql.rewriting import column_text
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import Rows, WindowResults

if TYPE_CHECKING:
    import polars as pl

_ENDS = ("_lower", "_upper", "_left_out")
"""What the names of asides end with, in the order in which they are shown."""

_ESTIMATES = ("quantile(", "approx_distinct(")
"""What begins an aggregate that is an estimate as soon as there is much of it."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """Some windows in the order in which they were decided; all of one length.

    ``before`` holds what the windows held before the record that decided; None where none is asked for. ``asides`` is
    what must be said beside columns, by its own name: bounds of estimates, and how much a list left out.
    """

    columns: Mapping[str, Column]
    before: Mapping[str, Column] | None
    at: IntArray
    retracted: BoolArray
    asides: Mapping[str, Column] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.at)


class WindowColumns(Records):
    """Takes the place of a replay's lines: window results stay columns, verdicts are passed over."""

    def __init__(self, plan: Plan, query: Query) -> None:
        super().__init__(plan)
        self.query = query
        self.parts: list[Gathered] = []

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Keep those that the query shows: each change, or what closed."""
        keep = np.flatnonzero(results.early == self.query.changes)
        if lane.group.name.startswith("window:") and len(keep):
            self.parts.append(self._part(results, keep))

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Rows are asked for, not incidents."""

    @property
    def late_records(self) -> int:
        """How many came too late, each window counted."""
        return self._counts["late"]

    def gathered_rows(self) -> Gathered:
        """All of them; forgets what it had."""
        parts, self.parts = self.parts, []
        if not parts:
            return self._none()
        names = list(parts[0].columns)
        before = None
        if self.query.changes:
            before = {name: Column.join([(part.before or {})[name] for part in parts]) for name in names}
        return Gathered(
            {name: Column.join([part.columns[name] for part in parts]) for name in names},
            before,
            np.concatenate([part.at for part in parts]),
            np.concatenate([part.retracted for part in parts]),
            {
                name: _joined(parts, name)
                for name in dict.fromkeys(name for part in parts for name in part.asides)
            },
        )

    def _part(self, results: WindowResults, keep: IntArray) -> Gathered:
        fixed = {
            **self._keys(results, keep),
            "window_start": Column("timestamp", values=results.starts[keep].tolist()),
            "window_end": Column("timestamp", values=results.ends[keep].tolist()),
        }
        names = [name for name in self.query.compute_kinds or {} if name not in fixed]
        retracted = np.zeros(len(keep), np.bool_)
        if results.retracted is not None:
            retracted = results.retracted[keep]
        before = None
        if self.query.changes:
            before = {**fixed, **{name: results.previous[name].take(keep) for name in names}}
        columns = {**fixed, **{name: results.columns[name].take(keep) for name in names}}
        asides = {name: one.take(keep) for name, one in results.columns.items() if isinstance(one, Aside)}
        return Gathered(columns, before, results.at[keep], retracted, asides)

    def _keys(self, results: WindowResults, keep: IntArray) -> dict[str, Column]:
        """A column for each grouping column; each key is looked up once."""
        kinds = self.query.keys
        if not kinds:
            return {}
        slots, places = np.unique(results.slots[keep], return_inverse=True)
        keys: list[Key] = [results.keys.key(int(slot)) for slot in slots]
        made = {}
        for number, (name, kind) in enumerate(kinds.items()):
            values: list[Any] = [key[number] if isinstance(key, tuple) else key for key in keys]
            made[name] = Column(kind, values=[values[place] for place in places.tolist()])
        return made

    def _none(self) -> Gathered:
        kinds: dict[str, ColumnKind] = {**self.query.keys, **BOUNDS, **(self.query.compute_kinds or {})}
        empty = {name: Column(kind, values=[]) for name, kind in kinds.items()}
        return Gathered(empty, empty, np.empty(0, np.int64), np.empty(0, np.bool_))


@dataclass(slots=True)
class Shown:
    """The rows of a query and which of them are tombstones."""

    rows: pl.DataFrame
    deleted: BoolArray | None = None
    at: IntArray = field(default_factory=lambda: np.empty(0, np.int64))
    asides: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)


def shown(query: Query, gathered: Gathered) -> Shown:
    """The rows that come out: final ones in the order of their ends and keys, changes as they were decided."""
    length = len(gathered)
    if query.changes:
        held, gone = _changes(query, gathered)
        keep = np.flatnonzero(held | gone)
        rows = projected(query, gathered.columns, length, held | gone)
        return Shown(rows, gone[keep], gathered.at[keep], _asides(query, gathered, keep))
    order = _order(query, gathered)
    columns = {name: column.take(order) for name, column in gathered.columns.items()}
    kept = None if query.having is None else query.having.mask(columns, length)
    chosen = order if kept is None else order[np.flatnonzero(kept)]
    return Shown(projected(query, columns, length, kept), asides=_asides(query, gathered, chosen))


def answered(
    query: Query, name: str | None, gathered: Gathered, counts: Mapping[str, int], *, whole: bool = True
) -> Answer:
    """The same as an answer; ``whole``: cut to LIMIT. ``counts`` says records, late and dead_letters."""
    found = shown(query, gathered)
    rows = limited(query, found.rows) if whole else found.rows
    deleted = found.deleted[: rows.height] if found.deleted is not None and _deletes(query) else None
    keys = frozenset({*query.keys, *BOUNDS})
    named = frozenset(
        output.name
        for output in query.outputs
        if output.expression.columns and output.expression.columns <= keys
    )
    asides = found.asides if whole else _with_bounds(query, found)
    return Answer(name, rows, query.kinds, deleted=deleted, keys=named, asides=asides, **counts)


def _joined(parts: Sequence[Gathered], name: str) -> Column:
    """An aside over all parts; missing in those that had nothing to say."""
    kind = next(part.asides[name].kind for part in parts if name in part.asides)
    missing = [
        [None] * len(part) if name not in part.asides else part.asides[name].values() for part in parts
    ]
    return Column(kind, values=[value for values in missing for value in values])


def _asides(query: Query, gathered: Gathered, chosen: IntArray) -> dict[str, dict[str, Sequence[Any]]]:
    """What is said beside the columns that show an aggregate as it is, of the rows ``chosen``."""
    found: dict[str, dict[str, Sequence[Any]]] = {}
    computed = {column_text(name): name for name in query.compute_kinds or {}}
    for output in query.outputs:
        name = computed.get(output.expression.text)
        for end in _ENDS if name is not None else ():
            column, own = gathered.asides.get(f"{name}{end}"), f"{output.name}{end}"
            if column is None or own in query.kinds:
                continue
            values = column.take(chosen).values()
            if any(value is not None for value in values):
                found.setdefault(output.name, {})[own] = values
    return found


def _with_bounds(query: Query, found: Shown) -> dict[str, dict[str, Sequence[Any]]]:
    """The asides, those of estimates in any case: of live rows the columns are told before there is any bound."""
    compute = (query.monitor or {"window": {"compute": {}}})["window"]["compute"]
    estimates = {column_text(name) for name, text in compute.items() if text.startswith(_ESTIMATES)}
    empty = [None] * found.rows.height
    bounds = {
        one.name: {f"{one.name}{end}": empty for end in _ENDS[:2] if f"{one.name}{end}" not in query.kinds}
        for one in query.outputs
        if one.expression.text in estimates
    }
    both = {*bounds, *found.asides}
    return {name: {**bounds.get(name, {}), **found.asides.get(name, {})} for name in both}


def _deletes(query: Query) -> bool:
    """Whether a row may be withdrawn: HAVING may turn false, sessions may merge."""
    return query.having is not None or (query.monitor or {})["window"]["type"] == "session"


def _changes(query: Query, gathered: Gathered) -> tuple[BoolArray, BoolArray]:
    """Which rows hold, and which were shown before and hold no more."""
    length = len(gathered)
    if query.having is None:
        return ~gathered.retracted, gathered.retracted
    held = query.having.mask(gathered.columns, length)
    before = query.having.mask(gathered.before or gathered.columns, length)
    fresh = np.concatenate(
        ([False], gathered.retracted[:-1])
    )  # new bounds: what was shown is withdrawn already
    gone = np.where(gathered.retracted, held, before & ~held & ~fresh)
    return held & ~gathered.retracted, gone


def _order(query: Query, gathered: Gathered) -> IntArray:
    import polars as pl

    names = ["window_end", *query.keys, "window_start"]
    frame = pl.DataFrame({name: gathered.columns[name].series() for name in names})
    return frame.select(pl.arg_sort_by(names, nulls_last=True, maintain_order=True)).to_series().to_numpy()
