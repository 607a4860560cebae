"""Records that leave the cluster: of monitors that need them all in one place, which is ``notify``.

Sessions, exact ``distinct``, ``include_empty``, single records and whatever depends on the order across partitions cannot be
put together from parts. Executors decode, keep what passes some ``where``, and send it once for all such monitors of a
stream, with how far time had come before each record; ``notify`` runs the embedded engine's step over it.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from streamgauge.batch import BoolArray, Column, IntArray, Partition
from streamgauge.config.models import Config
from streamgauge.detectors.unjudged import Unjudged
from streamgauge.engines.running.bundle import Bundle
from streamgauge.engines.running.stream_runner import Reading, StreamRunner
from streamgauge.expressions import Expression
from streamgauge.kernels.aggregate import DISTINCT
from streamgauge.pipeline import Lane
from streamgauge.plan import Group, Plan, StreamPlan, digest, make_plan
from streamgauge.state import NoState, State
from streamgauge.windows.contract import Rows, WindowResults
from streamgauge.windows.holding_nothing import HoldsNothing
from streamgauge.windows.running_window import RunningWindow
from streamgauge.windows.time_window import TimeWindow, no_results

MOST_BYTES = 300_000
"""Of one line at most, about: a broker takes a megabyte, and text is a third longer."""

_OWN = ("\x00offset", "\x00time", "\x00come")


def is_forwarded(group: Group) -> bool:
    """Whether a group's records are judged by ``notify``, as they are."""
    if group.kind != "mergeable":
        return group.kind == "single"
    window = group.window
    if group.include_empty or not isinstance(window, TimeWindow | RunningWindow):
        return True
    return bool((window.aggregates.ops[:, 0] == DISTINCT).any())


def sent_of(config: Config) -> list[str]:
    """The monitors whose records leave the cluster."""
    if config.spark.fidelity == "native":
        return []
    groups = [g for stream in sent_plan(make_plan(config)).streams.values() for g in stream.groups]
    return [monitor.name for group in groups for monitor in group.monitors]


def sent_plan(plan: Plan) -> Plan:
    """What of a plan is judged of records that leave the cluster."""
    streams = {
        name: replace(stream, groups=tuple(group for group in stream.groups if is_forwarded(group)))
        for name, stream in plan.streams.items()
    }
    return Plan(streams, plan.monitors)


def forwarded(stream: StreamPlan) -> Group | None:
    """One group that stands for all of those on a partition; None where there is none."""
    groups = [group for group in stream.groups if is_forwarded(group)]
    if not groups:
        return None
    monitors = tuple(
        replace(monitor, kind="aligned", detector=Unjudged(monitor.name))
        for group in groups
        for monitor in group.monitors
    )
    wheres = None if any(g.where is None for g in groups) else tuple(g.where for g in groups if g.where)
    return Group(
        f"window:{stream.name}", shape_of(stream.name), stream.name, (), "aligned", None,
        ChosenWindow(wheres), frozenset().union(*(group.fields for group in groups)), monitors,
        include_empty=False, words="records that leave the cluster",
    )  # fmt: skip


def shape_of(stream: str) -> str:
    """The shape of that group: the same whichever monitors it stands for."""
    return digest([stream, "forwarded"])


@dataclass(frozen=True, slots=True)
class Chosen:
    """Records with how far time had come; columns of one length n.

    Attributes:
        offsets, times: int64[n].
        come: int64[n], the watermark of their partition before each.
        columns: what monitors of the stream read.
    """

    offsets: IntArray
    times: IntArray
    come: IntArray
    columns: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.offsets)

    def part(self, start: int, stop: int) -> Chosen:
        """Rows ``start`` to ``stop``."""
        columns = {name: column.part(start, stop) for name, column in self.columns.items()}
        return Chosen(self.offsets[start:stop], self.times[start:stop], self.come[start:stop], columns)


class ChosenState(NoState):
    """What the last step chose: nothing outlives it."""

    def __init__(self) -> None:
        self.chosen: Chosen | None = None


class ChosenWindow(HoldsNothing):
    """Chooses records and reports nothing.

    Args:
        wheres: a record is chosen that passes one of them; None: each is.
    """

    def __init__(self, wheres: tuple[Expression, ...] | None) -> None:
        self._wheres = wheres

    def initial(self) -> ChosenState:
        """Nothing is chosen."""
        return ChosenState()

    def step(self, state: State, rows: Rows) -> WindowResults:
        """Choose among ``rows``."""
        assert isinstance(state, ChosenState)
        state.chosen = None
        keep = np.nonzero(self._passing(rows))[0]
        if len(keep):
            columns = {name: column.take(keep) for name, column in rows.columns.items()}
            state.chosen = Chosen(rows.offsets[keep], rows.times[keep], rows.before[keep], columns)
        return no_results(rows, {})

    def empty(self, count: int) -> Mapping[str, Column]:
        """There are no windows."""
        return {}

    def _passing(self, rows: Rows) -> BoolArray:
        if self._wheres is None or not len(rows):
            return np.ones(len(rows), np.bool_)
        found = np.zeros(len(rows), np.bool_)
        for where in self._wheres:
            try:
                found |= where.mask(rows.columns, len(rows))
            except Exception:  # noqa: BLE001  its monitor fails where it is judged, and only that one
                return np.ones(len(rows), np.bool_)
        return found


def chosen_texts(chosen: Chosen) -> Iterator[str]:
    """As lines hold them, each of a size that a broker takes."""
    data = _bytes(chosen)
    if len(data) > MOST_BYTES and len(chosen) > 1:
        middle = len(chosen) // 2
        yield from chosen_texts(chosen.part(0, middle))
        yield from chosen_texts(chosen.part(middle, len(chosen)))
        return
    yield base64.b64encode(data).decode()


def _bytes(chosen: Chosen) -> bytes:
    import polars as pl

    own = dict(zip(_OWN, (chosen.offsets, chosen.times, chosen.come), strict=True))
    columns = {f"{column.kind} {name}": column.series() for name, column in chosen.columns.items()}
    sink = io.BytesIO()
    pl.DataFrame({**own, **columns}).write_ipc_stream(sink, compression="zstd")
    return sink.getvalue()


def read_chosen(text: str) -> Chosen:
    """Read back what :func:`chosen_texts` wrote."""
    import polars as pl

    frame = pl.read_ipc_stream(io.BytesIO(base64.b64decode(text)))
    offsets, times, come = (frame[name].to_numpy().astype(np.int64) for name in _OWN)
    columns = {}
    for called in frame.columns[len(_OWN) :]:
        kind, _, name = called.partition(" ")
        columns[name] = _column(kind, frame[called])
    return Chosen(offsets, times, come, columns)


def _column(kind: Any, series: Any) -> Column:
    if kind == "float":
        return Column(kind, series=series)
    return Column(kind, values=series.to_list())


def judge(
    runner: StreamRunner, bundle: Bundle, lanes: Sequence[Lane], partition: Partition, chosen: Chosen
) -> None:
    """Take records of a partition through lanes that wait for them, as if they had just been read.

    The partition's clock stays where it is: what Spark tells of it after them moves it.

    Args:
        runner: of their stream.
        bundle: over all partitions.
        lanes: of it.
        partition: attached.
        chosen: in offset order.
    """
    runner.take_for(bundle, _reading(runner, bundle, partition, chosen), lanes)


def _reading(runner: StreamRunner, bundle: Bundle, partition: Partition, chosen: Chosen) -> Reading:
    clock, lateness = runner.clock, runner.plan.lateness
    others, start = clock.minimum_without([partition]), clock.watermark(partition)
    before = chosen.come
    last = max(int(before[-1]), int(chosen.times[-1]) - lateness)
    after = np.maximum.accumulate(np.maximum(np.append(before[1:], last), start))
    closing = np.minimum(others, after)
    parts = np.full(len(chosen), bundle.part_of(partition), np.int32)
    return Reading(
        chosen.times, chosen.offsets, np.maximum(before, bundle.judged), min(others, start), closing,
        int(closing[-1]), chosen.columns, bundle.parts, parts,
    )  # fmt: skip
