"""How far a verb is: a bar on the error output where somebody looks at it, nothing into pipes and files."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn


@contextmanager
def records(total: int) -> Iterator[Callable[[int], None]]:
    """A bar of records, for work that goes on steadily: call what it gives with how many are done."""
    if not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich.progress import TimeRemainingColumn

    with _bar(TimeRemainingColumn()) as shown:
        task = shown.add_task("records", total=total)
        yield lambda done: shown.update(task, completed=done)


@contextmanager
def steps(total: int, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A bar of a few long steps and the time that they took: call what it gives with the name of each that begins."""
    if quiet or not sys.stderr.isatty():
        yield lambda _name: None
        return
    from rich.markup import escape
    from rich.progress import TimeElapsedColumn

    with _bar(TimeElapsedColumn()) as shown:
        task, before = shown.add_task("", total=total), count()

        def begins(name: str) -> None:
            """At once: the step itself may not let the bar's thread run."""
            shown.update(task, description=escape(name), completed=next(before), refresh=True)

        yield begins


def _bar(time: ProgressColumn) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), time)
    return Progress(*columns, console=Console(stderr=True), transient=True)
