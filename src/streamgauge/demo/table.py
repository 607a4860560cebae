"""How a demo ended: the table *planted against found*, for people and as one JSON object per line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from streamgauge.channels.wording import printable
from streamgauge.clock import SECOND, iso
from streamgauge.demo.matching import Outcome, Row, failed

if TYPE_CHECKING:
    from rich.console import Console

_MARKS = {
    Outcome.FOUND: ("✓", "green"),
    Outcome.CUT_OFF: ("–", "bright_black"),
    Outcome.MISSED: ("✗", "red"),
    Outcome.TWICE: ("✗", "red"),
    Outcome.INVENTED: ("✗", "red"),
}

EXPLAINED = """\
  All in seconds of the stream. The delay counts from the moment at which the
  rule held, in the records' own time (the record that crosses the limit, the
  window's end, the end of the longest gap allowed), to the notice's arrival by
  HTTP. A rule that has to see a whole window, or a gap, first waits for records
  out of order: for the stream's lateness, 1 s here."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a demo went, beside its rows.

    Attributes:
        start: event time of record 0, microseconds; None where the stream did not begin.
        seconds: how much of the stream was read.
        records: how many were read, those that could not be read included.
        dead_letters: how many those were.
        late: records too late for their window, counted per window.
        ready_after: seconds until the stream began.
    """

    start: int | None
    seconds: float = 0.0
    records: int = 0
    dead_letters: int = 0
    late: int = 0
    ready_after: float = 0.0


def show(rows: Sequence[Row], course: Course, console: Console) -> None:
    """Print the table, what it comes to, and what the delay means."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    start = course.start
    if start is None or not rows:
        console.print(Text(f"\n  nothing was planted in the {course.seconds:.1f} s that were seen"))
        return
    table = Table(box=box.SIMPLE_HEAD, header_style="bright_black", padding=(0, 1))
    for name in ("", "planted", "key", "at", "found by", "held at", "told at", "delay"):
        table.add_column(
            name, justify="right" if name in ("at", "held at", "told at", "delay") else "left", no_wrap=True
        )
    for row in rows:
        table.add_row(*(Text(cell, style) for cell, style in _cells(row, start)))
    console.print(Text("\n  planted against found", style="bold"))
    console.print(table)
    console.print(Text(f"  {closing(rows, course)}", style="red" if failed(rows) else "green"))
    console.print(Text("\n" + EXPLAINED, style="bright_black"))


def _cells(row: Row, start: int) -> list[tuple[str, str]]:
    mark, style = _MARKS[row.outcome]
    fault, told = row.fault, row.told
    answers = row.outcome not in (Outcome.INVENTED, Outcome.TWICE)
    cells = [(mark, style), (fault.what if fault and answers else str(row.outcome), "" if answers else style)]
    cells.append((printable(row.key or ""), ""))
    cells.append((_second(fault.start - start), "bright_black") if fault is not None else ("", ""))
    if told is None:
        return [*cells, (str(row.outcome), style)]
    return [
        *cells,
        (printable(told.monitor), ""),
        (_second(told.at - start), "bright_black"),
        (_second(told.told_at - start), "bright_black"),
        (f"{told.delay:.2f} s", style),
    ]


def _second(micros: int) -> str:
    return f"{micros / SECOND:.2f}"


def closing(rows: Sequence[Row], course: Course) -> str:
    """What it comes to, in one sentence."""
    counts = Counter(row.outcome for row in rows)
    parts = [f"{counts[Outcome.FOUND]} of {counts[Outcome.FOUND] + counts[Outcome.MISSED]} found"]
    if counts[Outcome.CUT_OFF]:
        parts.append(f"{counts[Outcome.CUT_OFF]} cut off by the end of the stream")
    parts.append(f"{counts[Outcome.INVENTED] or 'none'} invented")
    if counts[Outcome.TWICE]:
        parts.append(f"{counts[Outcome.TWICE]} told twice")
    return f"{', '.join(parts)} · {course.records:,} records · ready after {course.ready_after:.1f} s"


def lines(rows: Sequence[Row], course: Course) -> list[dict[str, Any]]:
    """The same as plain data: one object per row, then a summary; times are ISO 8601."""
    counts = Counter(row.outcome for row in rows)
    summary = {
        "kind": "summary",
        **{str(outcome).replace(" ", "_"): counts[outcome] for outcome in Outcome},
        "records": course.records,
        "dead_letters": course.dead_letters,
        "late": course.late,
        "began_at": iso(course.start),
        "ready_after_seconds": round(course.ready_after, 3),
    }
    return [*map(_as_json, rows), summary]


def _as_json(row: Row) -> dict[str, Any]:
    fault, told = row.fault, row.told
    return {
        "kind": "incident" if fault is None else "fault",
        "outcome": str(row.outcome),
        "what": None if fault is None else fault.what,
        "key": row.key,
        "planted_at": None if fault is None else iso(fault.start),
        "planted_until": None if fault is None else iso(fault.end),
        "monitor": row.monitor,
        "incident": None if told is None else told.incident,
        "title": None if told is None else told.title,
        "held_at": None if told is None else iso(told.at),
        "told_at": None if told is None else iso(told.told_at),
        "resolved_at": None if told is None else iso(told.resolved_at),
        "delay_seconds": None if told is None else round(told.delay, 3),
    }
