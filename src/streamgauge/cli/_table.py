"""How looking verbs print: a table for people, plain columns into a pipe, one JSON object per line for tools.

What comes out of records was written by strangers; all of it passes :func:`printable`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from streamgauge.channels.wording import printable

CELL = 300
"""Characters of one cell that are shown at most."""


def print_lines(rows: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object per line."""
    for row in rows:
        print(json.dumps(row, ensure_ascii=False, default=str))


def print_table(names: Sequence[str], rows: Sequence[Sequence[object]], none: str) -> None:
    """A table; ``none`` is said where there are no rows. Moments and numbers are not cut, the rest may be."""
    if not rows:
        print(none)
        return
    cells = [["" if cell is None else printable(cell, CELL) for cell in row] for row in rows]
    if sys.stdout.isatty():
        _print_rich(names, cells)
        return
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for row in [list(names), *cells]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _print_rich(names: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for name in names:
        table.add_column(name, overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    Console().print(table)
