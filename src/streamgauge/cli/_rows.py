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
    several = len(answers) > 1
    for answer in answers:
        head = {"table": answer.name} if several and answer.name is not None else {}
        sys.stdout.writelines(json.dumps(head | line, ensure_ascii=False) + "\n" for line in answer.lines())


def _csv(answers: Sequence[Answer]) -> None:
    headers = {answer.header for answer in answers}
    if len(headers) > 1:
        raise ConfigError(
            "CSV has one header, and these statements give different columns: use --format ndjson, or ask for one "
            "of them with SELECT"
        )
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerows(headers)
    for answer in answers:
        writer.writerows([_cell(line.get(name)) for name in answer.header] for line in answer.lines())


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
    table = Table(title=answer.name, title_justify="left", box=box.SIMPLE)
    for name in answer.header:
        kind = answer.kinds.get(name, "bool")
        table.add_column(Text(name), justify="right" if kind in numbers else "left", overflow="fold")
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
        self.rows = 0

    def add(self, answer: Answer) -> None:
        """Print more rows; a table's columns are written once."""
        lines = [[_told(line.get(name)) for name in answer.header] for line in answer.lines()]
        if self._form == "ndjson":
            _ndjson([answer])
        elif self._form == "csv":
            writer = csv.writer(sys.stdout, lineterminator="\n")
            writer.writerows([*([] if self.rows else [answer.header]), *lines])
        else:
            widths = [max(len(name), 12) for name in answer.header]
            shown = [*([] if self.rows else [answer.header]), *lines]
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
