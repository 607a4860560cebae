"""How ``query`` prints rows: a table for people, NDJSON and CSV for tools."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from streamgauge.errors import ConfigError

if TYPE_CHECKING:
    from streamgauge.sql.answers import Answer


def print_rows(answers: Sequence[Answer], form: str) -> None:
    """Print the rows of each answer in order.

    Raises:
        ConfigError: CSV was asked for, and the answers differ in their columns.
    """
    if form == "ndjson":
        _ndjson(answers)
    elif form == "csv":
        _csv(answers)
    else:
        for answer in answers:
            _table(answer)


def _ndjson(answers: Sequence[Answer]) -> None:
    several, as_json = len(answers) > 1, json.JSONEncoder(ensure_ascii=False).encode
    for answer in answers:
        head = {"table": answer.name} if several and answer.name is not None else {}
        sys.stdout.writelines(as_json(head | line) + "\n" for line in answer.lines())


def _csv(answers: Sequence[Answer]) -> None:
    if len({(tuple(answer.kinds), answer.deleted is None) for answer in answers}) > 1:
        raise ConfigError(
            "CSV has one header, and these statements give different columns: use --format ndjson, or ask for one "
            "of them with SELECT"
        )
    writer = csv.writer(sys.stdout, lineterminator="\n")
    header = max((answer.header for answer in answers), key=len, default=())
    beside = {name: None for answer in answers for name in answer.header if name not in header}
    writer.writerow([*header, *beside])
    for answer in answers:
        writer.writerows([_cell(line.get(name)) for name in (*header, *beside)] for line in answer.lines())


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value


def _told(value: Any) -> str:
    return "" if value is None else str(_cell(value))


def _table(answer: Answer) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    numbers = ("int", "float")
    asides = {name for beside in answer.asides.values() for name in beside}
    table = Table(title=answer.name, title_justify="left", box=box.SIMPLE)
    for name in answer.header:
        is_number = name in asides or answer.kinds.get(name) in numbers
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for line in answer.lines():
        table.add_row(*(Text(_told(line.get(name))) for name in answer.header))
    Console(file=sys.stdout, highlight=False).print(table)


class Printer:
    """Prints the rows of one live query as they come.

    Attributes:
        rows: how many there were.
    """

    def __init__(self, form: str) -> None:
        self._form = form
        self._header: tuple[str, ...] = ()
        self.rows = 0

    def add(self, answer: Answer) -> None:
        """Print more rows; the columns are those of the first ones, where there are columns."""
        header = self._header = self._header or answer.header
        lines = [[_told(line.get(name)) for name in header] for line in answer.lines()]
        if self._form == "ndjson":
            _ndjson([answer])
        elif self._form == "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerows([*([] if self.rows else [header]), *lines])
        else:
            widths = [max(len(name), 12) for name in header]
            shown = [*([] if self.rows else [header]), *lines]
            for line in shown:
                print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        self.rows += answer.rows.height
        sys.stdout.flush()


class Progress:
    """A counter on the error output while a terminal looks on; nothing otherwise."""

    def __enter__(self) -> Self:
        self._shown = sys.stderr.isatty()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            print("\r\033[K", end="", file=sys.stderr)

    def to(self, records: int) -> None:
        """Show how many records have passed."""
        if self._shown:
            print(f"\r{records:,} records", end="", file=sys.stderr, flush=True)
