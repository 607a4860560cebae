"""List the jobs of a configuration with their last and next runs, or run one now."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._store import JsonOption, load_file
from streamgauge.errors import ConfigError, OutsideError, StoreError

if TYPE_CHECKING:
    from streamgauge.config.schedule import JobConfig
    from streamgauge.schedule.book import Job

app = typer.Typer(add_completion=False, rich_markup_mode=None, no_args_is_help=True)

NeededConfig = Annotated[
    Path, typer.Option("--config", metavar="FILE", help="The configuration.", show_default=False)
]


@app.callback()
def _verb() -> None:
    """List the jobs of a configuration with their last and next runs, or run one now.

    `streamgauge run` runs them by itself, at their times.

    Example: streamgauge jobs list --config payments.yaml
    """


@app.command("list")
def listing(config: NeededConfig, json: JsonOption = False) -> None:
    """List the jobs: when each runs, how it ended last, when it is due.

    Example: streamgauge jobs list --config payments.yaml --json
    """
    from streamgauge.cli._table import print_lines, print_table
    from streamgauge.clock import SystemClock

    loaded = load_file(config)
    known = _known(loaded.store.url) if loaded.schedule else {}
    now = SystemClock().now()
    found = [_row(name, job, known.get(name), now) for name, job in loaded.schedule.items()]
    if json:
        print_lines(found)
        return
    names = ("job", "runs", "state", "last", "seconds", "next")
    print_table(names, [[row[name] for name in names] for row in found], "no jobs: there is no `schedule:`")
    for row in found:
        if row["said"] and row["state"].startswith("failed"):
            print(f"{row['job']}: {row['said'].splitlines()[-1]}")


@app.command()
def run(
    name: Annotated[str, typer.Argument(help="The job.", show_default=False)],
    config: NeededConfig,
    json: JsonOption = False,
) -> None:
    """Run a job now, here, and end as it ends; refused with 3 while it runs already.

    Its next moment stays as it is. With `--json` one object tells how it ended, and what the job itself prints goes to
    standard error.

    Example: streamgauge jobs run nightly-forecast --config payments.yaml
    """
    from streamgauge.cli._table import print_lines
    from streamgauge.clock import SystemClock
    from streamgauge.schedule.book import Book
    from streamgauge.settings import nearest

    loaded = load_file(config)
    if name not in loaded.schedule:
        raise ConfigError(f"`schedule:` names no job `{name}`; {nearest(name, loaded.schedule)}")
    _make_store(loaded.store.url)
    with closing(Book(loaded.store.url)) as book:
        place = (loaded.store.url, str(config))
        known = _run(book, name, loaded.schedule[name], place, shown=2 if json else 1)
    how = known.last
    assert how is not None
    if json:
        print_lines([{**_row(name, loaded.schedule[name], known, SystemClock().now()), "code": how.code}])
    if not how.good:
        raise typer.Exit(how.code if how.code > 0 else 3)


def _run(book: Any, name: str, job: JobConfig, place: tuple[str, str], shown: int) -> Job:
    """Begin the job by hand, wait for its end, and write that down; ``shown`` is the descriptor for what it prints."""
    import msgspec

    from streamgauge.clock import SystemClock, iso
    from streamgauge.schedule.book import Ended, Job, begun
    from streamgauge.schedule.moments import following, shape
    from streamgauge.schedule.process import Process

    now = SystemClock().now()

    def begin(before: Job | None) -> Job:
        known = before or Job(shape(job), following(job, now))
        if known.run is not None and not known.run.is_gone():
            raise OutsideError(f"{name} runs already, since {iso(known.run.began)}")
        return msgspec.structs.replace(known, run=begun(now, now, attempt=1, by="hand"), told=None)

    run = book.change(name, begin).run
    assert run is not None
    process = Process(name, job.words, run, place[0], config=place[1], shown=shown)
    try:
        code = process.wait()
    finally:
        process.stop()
    ended = Ended(run.id, run.due, run.began, SystemClock().now(), code)
    settled: Job = book.change(name, lambda before: before.settled(before.outcome or ended, 1))
    return settled


def _known(url: str) -> dict[str, Job]:
    """What the store knows; nothing where there is none yet."""
    from streamgauge.schedule.book import Book

    try:
        with closing(Book(url)) as book:
            return book.all()
    except StoreError:
        return {}


def _make_store(url: str) -> None:
    from streamgauge.stores.tokens import make_store

    make_store(url)


def _row(name: str, job: JobConfig, known: Job | None, now: int) -> dict[str, Any]:
    from streamgauge.clock import iso
    from streamgauge.schedule.moments import following, shape

    fresh = known is None or known.shape != shape(job)
    last = None if known is None else known.last
    return {
        "job": name,
        "runs": job.when,
        "state": _state(known),
        "last": iso(last.at) if last is not None else None,
        "seconds": round(last.seconds, 1) if last is not None else None,
        "next": iso(following(job, now) if fresh or known is None else known.next),
        "due": iso(known.run.due) if known is not None and known.run is not None else None,
        "succeeded": iso(known.succeeded_at) if known is not None else None,
        "runs_total": known.runs if known is not None else 0,
        "failures": known.failures if known is not None else 0,
        "overruns": known.overruns if known is not None else 0,
        "said": last.said if last is not None else "",
        "call": job.run,
    }


def _state(known: Job | None) -> str:
    if known is None or (known.run is None and known.last is None):
        return "never run"
    if known.run is not None:
        return "waits for another try" if known.run.again_at is not None else "runs"
    assert known.last is not None
    return "ok" if known.last.good else f"failed ({known.last.code})"
