"""What a replay writes down: one line per window, verdict, incident, late record and bad record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

from streamgauge.batch import Aside, BadRecord, Column
from streamgauge.clock import iso
from streamgauge.engines.running.built_in import LateRecord, late_records
from streamgauge.engines.running.round import Gathered
from streamgauge.incident import Incident
from streamgauge.incidents.board import Board, Event
from streamgauge.incidents.telling import Rules, Telling, moment, told_so_far
from streamgauge.keys import Key, key_text
from streamgauge.monitor import Monitor
from streamgauge.pipeline import Lane
from streamgauge.plan import Group, Plan
from streamgauge.verdict import Verdicts
from streamgauge.windows.contract import LateRows, Rows, WindowResults

Whose: TypeAlias = tuple[str | None, str | None, Key]
"""Monitor, stream and key."""

Moments: TypeAlias = tuple[int, int | None, int | None]
"""The moment it was decided, the start and the end of its window."""

_NO_TEXT = (1, "")


class Records:
    """Collects lines; the observer of a replay. ``lines`` gives them in their documented order."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.incidents: dict[str, Incident] = {}
        self.dead_letters: list[tuple[str, BadRecord]] = []
        self._events: list[Event] = []
        self._lines: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self._counts = {"windows": 0, "late": 0}

    def results(self, lane: Lane, rows: Rows, results: WindowResults) -> None:
        """Closed windows, one line per monitor that shares them."""
        group = lane.group
        if group.words == "each record" or not len(results):
            return
        columns = {name: _shown(column) for name, column in results.columns.items()}
        asides = [name for name, column in results.columns.items() if isinstance(column, Aside)]
        for row in range(len(results)):
            key = results.keys.key(int(results.slots[row]))
            for monitor in group.monitors:
                if results.early[row]:
                    if monitor.name in group.changes:
                        self._changed(monitor, key, results, row)
                    continue
                self._counts["windows"] += 1
                moments = int(results.at[row]), int(results.starts[row]), int(results.ends[row])
                values = {name: column[row] for name, column in columns.items()}
                for name in asides:
                    if values[name] is None:
                        del values[name]
                more = {"partial": bool(results.partial[row]), "values": values}
                self._add("window", (monitor.name, group.stream, key), moments, more)

    def _changed(self, monitor: Monitor, key: Key, results: WindowResults, row: int) -> None:
        """What a record made of a window, where a monitor wants to know at each."""
        moments = int(results.at[row]), int(results.starts[row]), int(results.ends[row])
        retracted = results.retracted is not None and bool(results.retracted[row])
        more = {
            "partial": bool(results.partial[row]),
            "offset": int(results.offsets[row]),
            "change": "retracted" if retracted else "updated",
            "values": {
                name: _shown(column.part(row, row + 1))[0] for name, column in results.columns.items()
            },
            "previous": {name: _shown(c.part(row, row + 1))[0] for name, c in results.previous.items()},
        }
        self._add("window", (monitor.name, monitor.stream, key), moments, more)

    def verdicts(self, monitor: Monitor, verdicts: Verdicts) -> None:
        """Every answer."""
        for verdict in verdicts.all_rows():
            moments = verdict.at, verdict.window_start, verdict.window_end
            self._add("verdict", (monitor.name, monitor.stream, verdict.key), moments, verdict.plain())

    def late(self, group: Group, rows: Rows, late: LateRows) -> None:
        """Late rows of a monitor; late records of a stream come with :meth:`gathered`, where their monitors are known."""
        if group.stream not in self.plan.streams:
            for record in late_records(group, rows, late, 0):
                self._late(record)

    def gathered(self, gathered: Gathered) -> None:
        """Late and bad records of a round."""
        for record in gathered.late:
            self._late(record)
        for stream, bad in gathered.dead_letters:
            self.dead_letters.append((stream, bad))
            more = {
                "stream": stream,
                "partition": str(bad.partition),
                "offset": bad.offset,
                "reason": bad.reason,
            }
            self._add("dead_letter", (None, stream, None), (bad.at, None, None), more)

    def changes(self, board: Board) -> None:
        """What happened to incidents; what is told of it is decided once all of it is known, by :meth:`tell`."""
        for event in board.events:
            self.incidents[event.incident.id] = event.incident
        self._events += board.events
        for name, incident in board.changed.items():
            if name in self.incidents:
                self.incidents[name] = incident
        board.clear_changes()

    def tell(self, rules: Rules) -> None:
        """The notices that people would have got, had the clock on the wall shown the records' time."""
        board = Board()
        telling = Telling(board, replace(rules, repeats=False))
        for event in sorted(self._events, key=_moment_of):
            at = moment(event)
            while (due := telling.next_due) is not None and due < at:
                self._step(telling, due)
            incident = told_so_far(board, event.incident)
            board.put(incident)
            board.events.append(Event(incident, event.cause, event.channels))
            self._step(telling, at)
        while (when := telling.pending()) is not None:
            self._step(telling, when)
        for name, incident in self.incidents.items():
            self.incidents[name] = told_so_far(board, incident)

    def _step(self, telling: Telling, at: int) -> None:
        telling.step(at)
        told: Incident | None = None
        for notice in telling.board.notices:
            incident = notice.incident
            if incident is told:
                continue  # the same notice through another channel
            told = incident
            line = notice.as_json()
            for name in ("monitor", "key", "window_start", "window_end"):
                line.pop(name)
            monitor = self.plan.monitors.get(incident.monitor)
            whose = incident.monitor, monitor.stream if monitor else None, incident.key
            self._add("incident", whose, (at, incident.window_start, incident.window_end), line)
        telling.board.notices.clear()

    def lines(self, records: int) -> list[dict[str, Any]]:
        """All lines in order: at, kind, stream, partition, offset, monitor, key, window start; nulls last."""
        self._lines.sort(key=lambda pair: pair[0])
        summary = {
            "kind": "summary", "monitor": None, "key": None, "window_start": None, "window_end": None, "at": None,
            "records": records, "windows": self._counts["windows"], "late": self._counts["late"],
            "dead_letters": len(self.dead_letters), "incidents": len(self.incidents),
        }  # fmt: skip
        return [line for _, line in self._lines] + [summary]

    def _late(self, record: LateRecord) -> None:
        self._counts["late"] += 1
        more = {
            "stream": record.stream,
            "partition": str(record.partition),
            "offset": record.offset,
            "behind_seconds": record.behind / 1e6,
        }
        whose = record.monitor, record.stream, record.key or None
        self._add("late", whose, (record.at, record.window_start, None), more)

    def _add(self, kind: str, whose: Whose, moments: Moments, more: dict[str, Any]) -> None:
        (monitor, stream, key), (at, start, end) = whose, moments
        offset = more.get("offset")
        order = (
            at, kind, _text(stream), _text(more.get("partition")), (offset is None, offset or 0), _text(monitor),
            _text(None if key is None else key_text(key)), (start is None, start or 0),
            (end is None, end or 0), more.get("n", 0), len(self._lines),
        )  # fmt: skip
        line = {
            "kind": kind,
            "monitor": monitor,
            "key": list(key) if isinstance(key, tuple) else key,
            "window_start": iso(start),
            "window_end": iso(end),
            "at": iso(at),
        }
        self._lines.append((order, {**line, **more}))


def _moment_of(event: Event) -> tuple[Any, ...]:
    """The order in which events are told, whatever the batches were."""
    incident = event.incident
    return moment(event), incident.monitor, key_text(incident.key), incident.kind, incident.episode


def _text(value: str | None) -> tuple[int, str]:
    return _NO_TEXT if value is None else (0, value)


def _shown(column: Column) -> list[Any]:
    if column.kind == "timestamp":
        return [iso(value) for value in column.values()]
    return column.values()
