"""Takes in the lines that partitions told, as if their verdicts had been decided here; repeats are dropped."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import structlog

from streamgauge.batch import BadRecord, Column, ColumnKind, Partition
from streamgauge.config.derived import row_kinds
from streamgauge.config.models import Config
from streamgauge.engines.embedded.ledger import Ledger
from streamgauge.engines.embedded.mishaps import Mishaps
from streamgauge.engines.running.round import Gathered
from streamgauge.engines.spark.heard_rows import HeardRows
from streamgauge.incidents import lifecycle
from streamgauge.incidents.board import Board
from streamgauge.keys import key_from_plain, key_text
from streamgauge.monitor import Monitor
from streamgauge.pipeline import MonitorFailed
from streamgauge.plan import Plan
from streamgauge.stores.contract import HistoryBlock
from streamgauge.verdict import Severity, Verdict

ROW = "heard:"
"""Under this and the run's and partition's names it is remembered which line of it was the last."""

_log = structlog.get_logger("streamgauge.spark")


class Judge(Protocol):
    """Judges what is not judged on Spark; takes in some kinds of lines and passes over the others."""

    @property
    def monitors(self) -> frozenset[str]:
        """What it judges."""
        ...

    @property
    def holds(self) -> bool:
        """Whether something that was heard waits for more, and must be heard again after a restart."""
        ...

    def part(self, line: Mapping[str, Any]) -> None:
        """Windows of one partition as they are now."""
        ...

    def rows(self, line: Mapping[str, Any]) -> None:
        """Records of one partition."""
        ...

    def time(self, line: Mapping[str, Any]) -> None:
        """A partition has come so far."""
        ...

    def counted(self, line: Mapping[str, Any]) -> None:
        """A window that Spark counted by itself."""
        ...

    def batch(self, line: Mapping[str, Any], *, again: bool = False) -> None:
        """All of those of one batch are there; ``again``: it was judged before."""
        ...


@dataclass(frozen=True, slots=True)
class Ear:
    """What lines act upon; made anew whenever the engine begins again from its last commit.

    Attributes:
        meeting: judges what spans partitions.
        paused: monitors that take no part.
    """

    plan: Plan
    config: Config
    board: Board
    ledger: Ledger
    mishaps: Mishaps
    meeting: Judge
    paused: Container[str]


class OnSpark(Exception):  # noqa: N818  it carries what an executor said
    """A monitor's step raised there."""


class Hearing:
    """Hears lines in the order in which each partition told them.

    Args:
        ear: what they act upon.
        rows: what the store remembers under names that begin with :data:`ROW`.
    """

    def __init__(self, ear: Ear, rows: Mapping[str, Mapping[str, Any]]) -> None:
        self._ear = ear
        self._last = {name: int(row["n"]) for name, row in rows.items() if name.startswith(ROW)}
        self._windows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._kinds: dict[str, Mapping[str, ColumnKind]] = {}
        self._late: tuple[str, int] | None = None

    def hear(self, line: Mapping[str, Any]) -> bool:
        """Take in one line; whether it was new.

        Raises:
            MonitorFailed: a monitor that is judged here, or whose parts come here, failed.
        """
        if line["kind"] == "counted":
            self._ear.meeting.counted(line)
            return True
        place = f"{ROW}{line['run']}/{line['source']}"
        n, last = int(line["n"]), self._last.get(place, 0)
        if n <= last:
            if line["kind"] == "batch":
                self._ear.meeting.batch(line, again=True)
            return False
        if last and n > last + 1:
            _log.error(
                "lines are missing: the topic kept them too short a time", of=place, after=last, next=n
            )
        self._last[place] = n
        self._ear.board.rows[place] = {"n": n}
        monitor = self._ear.plan.monitors.get(line.get("monitor") or "")
        match line["kind"]:
            case "verdict" if monitor is not None:
                self._verdict(monitor, line)
            case "window" if monitor is not None:
                self._windows[monitor.name].append(dict(line))
            case "judged":
                self._judged(line)
            case "late" if monitor is not None:
                self._late_record(monitor, line)
            case "dead_letter":
                self._bad(line)
            case "time":
                self._time(line)
            case "part":
                self._ear.meeting.part(line)
            case "rows":
                self._ear.meeting.rows(line)
            case "batch":
                self._ear.meeting.batch(line)
            case "failed" if monitor is not None:
                self._failed(monitor, line["reason"])
        return True

    @property
    def holds(self) -> bool:
        """Whether what was heard must be heard again after a restart."""
        return self._ear.meeting.holds

    def settle(self) -> None:
        """Hand windows that were heard to the next commit."""
        spool = self._ear.ledger.spool
        for name, lines in self._windows.items():
            kinds = self._kinds_of(name)
            if kept := [line for line in lines if line.get("kept", True)]:
                self._ear.ledger.heard_windows(_block(name, kinds, kept))
            if spool is not None and self._writes(name):
                HeardRows(self._ear.plan, spool).take(name, kinds, lines)
        self._windows.clear()

    def _writes(self, monitor: str) -> bool:
        declared = self._ear.config.monitors.get(monitor)
        return declared is not None and declared.write is not None and monitor not in self._ear.paused

    def _kinds_of(self, monitor: str) -> Mapping[str, ColumnKind]:
        if monitor not in self._kinds:
            declared = self._ear.config.monitors.get(monitor)
            self._kinds[monitor] = {} if declared is None else row_kinds(self._ear.config, declared)
        return self._kinds[monitor]

    def _verdict(self, monitor: Monitor, line: Mapping[str, Any]) -> None:
        verdict, policy, board = read_verdict(line), monitor.policy, self._ear.board
        if policy.no_data:
            lifecycle.watch_one(verdict, policy, board)
        if policy.holds:
            lifecycle.catch_up(verdict, int(line["before"]), policy, board)
        partition = line.get("partition")
        samples = line.get("samples", [])
        lifecycle.one(
            verdict,
            policy,
            board,
            lambda: (None if partition is None else Partition.parse(partition), samples),
        )

    def _failed(self, monitor: Monitor, reason: str) -> None:
        if monitor.name not in self._ear.meeting.monitors:
            self._ear.mishaps.failed(monitor.name, reason)
        elif monitor.name not in self._ear.paused:  # without one of its parts it would judge less
            raise MonitorFailed([monitor.name], OnSpark(reason))

    def _time(self, line: Mapping[str, Any]) -> None:
        """What waits for time to pass on that partition: conditions that hold until told otherwise."""
        self._ear.meeting.time(line)
        for monitor in self._ear.plan.monitors.values():
            if monitor.name in self._ear.meeting.monitors:
                continue
            if self._ear.config.origin_of(monitor.stream) == line["stream"]:
                lifecycle.pass_time_of(
                    monitor.name, line["partition"], int(line["watermark"]), monitor.policy, self._ear.board
                )

    def _judged(self, line: Mapping[str, Any]) -> None:
        columns: dict[str, Any] = {
            name: Column(column["kind"], values=column["values"]) for name, column in line["columns"].items()
        }
        for name in ("window_start", "window_end"):
            columns[name] = np.array(line["columns"][name]["values"], np.int64)
        ends = columns["window_end"]
        block = HistoryBlock(line["monitor"], int(ends.min()), int(ends.max()), columns)
        self._ear.ledger.heard_judgements(block)

    def _late_record(self, monitor: Monitor, line: Mapping[str, Any]) -> None:
        record = line["partition"], int(line["offset"])
        stream = None if record == self._late else line["stream"]  # it may be late for several windows
        self._ear.ledger.heard_late(monitor.name, int(line["moments"][1]), stream)
        self._late = record

    def _bad(self, line: Mapping[str, Any]) -> None:
        payload = line["payload_base64"]
        bad = BadRecord(
            Partition.parse(line["partition"]),
            int(line["offset"]),
            line["reason"],
            None if payload is None else base64.b64decode(payload),
            int(line["moments"][0]),
            bool(line["truncated"]),
        )
        self._ear.ledger.gathered(Gathered([(line["stream"], bad)]))


def read_verdict(line: Mapping[str, Any]) -> Verdict:
    """A verdict from its line."""
    at, start, end = line["moments"]
    return Verdict(
        line["monitor"],
        key_from_plain(line["key"]),
        Severity[line["severity"].upper()],
        at,
        start,
        end,
        early=line["early"],
        partial=line["partial"],
        score=line["score"],
        rarity=line["rarity"],
        observed=line["observed"],
        expected=line["expected"],
        lower=line["lower"],
        upper=line["upper"],
        evidence=line["evidence"],
        offset=line["offset"],
    )


def _block(monitor: str, kinds: Mapping[str, ColumnKind], lines: Sequence[Mapping[str, Any]]) -> HistoryBlock:
    names = dict.fromkeys(name for line in lines for name in line["values"])
    columns: dict[str, Any] = {
        "key": Column("string", values=[key_text(key_from_plain(line["key"])) for line in lines]),
        "window_start": np.array([line["moments"][1] for line in lines], np.int64),
        "window_end": np.array([line["moments"][2] for line in lines], np.int64),
        **{
            name: Column(kinds.get(name, "float"), values=[line["values"].get(name) for line in lines])
            for name in names
        },
    }
    ends = columns["window_end"]
    return HistoryBlock(monitor, int(ends.min()), int(ends.max()), columns)
