"""Invent a stream with known faults, into a file or a Kafka topic.

The scenarios are those of the ``synthetic`` source; the same seed writes the same bytes.
"""

from __future__ import annotations

import json as _json
import os
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from streamgauge.cli._bar import records
from streamgauge.cli._targets import FileTarget, Target, TopicTarget, create
from streamgauge.clock import Clock, SystemClock, iso, to_micros
from streamgauge.errors import ConfigError
from streamgauge.sources.scenarios import names

if TYPE_CHECKING:
    from streamgauge.sources.scenarios.contract import Planted
    from streamgauge.sources.synthetic import Generation


Statements = Annotated[
    list[Path] | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE.sql",
        help="Instead: produce the rows of its INSERTs to their topics; may be repeated.",
        show_default=False,
    ),
]
Parameters = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A parameter of the statements; may be repeated."),
]
Begin = Annotated[
    str | None,
    typer.Option(
        "--start",
        help="Event time of the beginning: ISO 8601 or `now`. Default: now for a topic at a rate, "
        "else 2026-01-01T00:00:00Z.",
        show_default=False,
    ),
]
Properties = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="A librdkafka setting; may be repeated.", show_default=False),
]


def command(  # noqa: PLR0917  typer's options are its parameters
    scenario: Annotated[
        str | None,
        typer.Argument(metavar="SCENARIO", help=f"One of {', '.join(names())}.", show_default=False),
    ] = None,
    statements: Statements = None,
    set_: Parameters = None,
    seed: Annotated[int, typer.Option(min=0, help="Which of its days; the same seed, the same bytes.")] = 1,
    records: Annotated[int, typer.Option(min=1, help="How many.")] = 100_000,
    rate: Annotated[
        float | None,
        typer.Option(help="Records per second; without it as fast as possible.", show_default=False),
    ] = None,
    start: Begin = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Plant no faults.")] = False,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="NDJSON file, .gz or .zst if so named; - is the standard output."),
    ] = None,
    topic: Annotated[str | None, typer.Option(help="Kafka topic.", show_default=False)] = None,
    brokers: Annotated[
        str | None, typer.Option(help="Its brokers, such as localhost:9092.", show_default=False)
    ] = None,
    partitions: Annotated[
        int | None,
        typer.Option(min=1, help="Create the topic with so many if it is missing.", show_default=False),
    ] = None,
    producer_property: Properties = None,
    planted: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the planted faults there as JSON.", show_default=False),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the summary and the faults as JSON.")] = False,
) -> None:
    """Invent a stream with known faults, into a file or a Kafka topic.

    With -f, the rows that INSERT statements write become messages, once for each time it is run.
    Prints at the end how many records went where and which faults are planted among them.

    Example: streamgauge generate payments --seed 7 --records 90000 --out payments.ndjson.gz
    """
    if json and out == "-":
        raise ConfigError(
            "`--json` and `--out -` would both write to the standard output: use `--planted FILE`"
        )
    clock = SystemClock()
    if (scenario is None) == (not statements):
        raise ConfigError("say what to write: a scenario, or `-f FILE.sql` with INSERTs, not both")
    if scenario is None:
        _of_statements(
            statements or [], set_ or [], (brokers, partitions, producer_property or []), json=json
        )
        return
    open_target = _choose(out, topic, brokers, partitions, producer_property or [])
    begin = _start(start, live=bool(topic and rate))
    job = _Job(_generation(scenario, seed, rate, begin or 0, faults=not quiet), records, rate is not None)
    with open_target() as target:
        if begin is None:
            job = job.begun_at(clock.now())
        done, whole = job.write(target, clock)
    _tell(job, done, target.where, planted, json=json, to_stderr=out == "-")
    if not whole:
        raise typer.Exit(130)


def _of_statements(
    files: list[Path], parameters: list[str], place: tuple[str | None, int | None, list[str]], *, json: bool
) -> None:
    """Produce what the INSERTs of all files say, once."""
    from streamgauge.cli._statements import pairs, statements
    from streamgauge.sql.producing import topics

    brokers, partitions, properties = place
    if brokers is None:
        raise ConfigError("`-f` needs `--brokers`, such as `--brokers localhost:9092`: the rows go to topics")
    values = pairs(parameters, "--set", "NAME=VALUE, such as threshold=20")
    made = topics(statements(files), values, SystemClock().now())
    if not made:
        raise ConfigError("there is no INSERT INTO … VALUES in these files")
    for topic in made:
        count = partitions or topic.partitions or 1
        with closing(TopicTarget(topic.name, brokers, count, _settings(properties))) as target:
            target.produce((message.key, message.value, message.at) for message in topic.messages)
        if json:
            told = {
                "kind": "summary",
                "stream": topic.stream,
                "records": len(topic.messages),
                "where": target.where,
            }
            print(_json.dumps(told, ensure_ascii=False))
        else:
            print(f"{len(topic.messages):,} records of {topic.stream} written to {target.where}")


@dataclass(frozen=True)
class _Job:
    """What is to be written, and how fast."""

    generation: Generation
    records: int
    paced: bool

    def begun_at(self, start: int) -> _Job:
        """The same with event times from ``start`` on, microseconds."""
        from streamgauge.sources.synthetic import Generation

        run = replace(self.generation.run, start=start)
        return _Job(Generation(self.generation.scenario, run), self.records, self.paced)

    def write(
        self, target: Target, clock: Clock, nap: Callable[[float], object] = time.sleep
    ) -> tuple[int, bool]:
        """How many were written, and whether nobody interrupted it."""
        from streamgauge.sources.synthetic import Pace

        pace = Pace(clock, self.generation.run) if self.paced else None
        done = 0
        with records(self.records) as show:
            try:
                while done < self.records:
                    due = self.records if pace is None else min(pace.due(), self.records)
                    if pace is not None and due <= done:
                        target.flush()
                        nap(max(pace.wait_for(done), 0.001))
                        continue
                    part = self.generation.read(done, due - done)
                    target.write(part)
                    done += len(part)
                    show(done)
            except KeyboardInterrupt:
                return done, False
            except BrokenPipeError:  # the reader of our output has seen enough, as `head` does
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return done, True
        return done, True


def _generation(scenario: str, seed: int, rate: float | None, start: int, *, faults: bool) -> Generation:
    from streamgauge.sources import scenarios
    from streamgauge.sources.scenarios.contract import start_run
    from streamgauge.sources.synthetic import Generation

    world = scenarios.find(scenario)
    return Generation(world, start_run(world, seed=seed, start=start, rate=rate, faults=faults))


def _start(text: str | None, *, live: bool) -> int | None:
    """The event time to begin at, microseconds; None is now."""
    from streamgauge.sources.synthetic import START, read_start

    try:
        start = read_start(text) if text is not None else "now" if live else START
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return to_micros(start) if isinstance(start, datetime) else None


def _choose(
    out: str | None, topic: str | None, brokers: str | None, partitions: int | None, properties: list[str]
) -> Callable[[], AbstractContextManager[Target]]:
    """Opens the target that the options name."""
    if (out is None) == (topic is None):
        raise ConfigError(
            "say where the records go: `--out FILE`, or `--topic TOPIC --brokers HOST:PORT`, not both"
        )
    if out is not None:
        return lambda: closing(FileTarget(out))
    if brokers is None:
        raise ConfigError("`--topic` needs `--brokers`, such as `--brokers localhost:9092`")
    settings = _settings(properties)
    return lambda: closing(TopicTarget(topic or "", brokers, partitions, settings))


def _settings(properties: list[str]) -> dict[str, str]:
    for text in properties:
        if "=" not in text:
            raise ConfigError(
                f"`--producer-property {text}`: write KEY=VALUE, such as security.protocol=SASL_SSL"
            )
    return dict(text.split("=", 1) for text in properties)


def _tell(job: _Job, done: int, where: str, planted_to: Path | None, *, json: bool, to_stderr: bool) -> None:
    """What was written, and what is planted in it."""
    from streamgauge.sources.scenarios.contract import planted

    run, scenario = job.generation.run, job.generation.scenario
    faults = planted(scenario, run, done)
    if planted_to is not None:
        with create(planted_to) as file:
            file.write(_json.dumps([fault.as_json() for fault in faults], indent=2).encode() + b"\n")
    times = {"start": iso(run.start), "end": iso(run.start + run.elapsed(done))}
    if json:
        for fault in faults:
            print(_json.dumps({"kind": "planted", **fault.as_json()}, ensure_ascii=False))
        summary = {"scenario": scenario.name, "seed": run.seed, "records": done, "where": where, **times}
        print(_json.dumps({"kind": "summary", **summary}, ensure_ascii=False))
        return
    stream = sys.stderr if to_stderr else sys.stdout
    print(f"{done:,} records of {scenario.name} (seed {run.seed}) written to {where}", file=stream)
    print(f"event times {times['start']} to {times['end']}", file=stream)
    if not faults:
        print(_why_none(job), file=stream)
        return
    _print_table(faults, stream)


def _why_none(job: _Job) -> str:
    run = job.generation.run
    if not run.faults:
        return "no faults are planted among them, as asked"
    first = job.generation.scenario.faults(run, 0)[0]
    return f"no faults are planted among them: the first, {first.what}, would begin at {iso(first.start)}"


def _print_table(faults: list[Planted], stream: Any) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(title="planted", title_justify="left", box=box.SIMPLE)
    for name in ("what", "key", "start", "lasts", "detail", "found by"):
        table.add_column(name, no_wrap=name in ("what", "key", "start"))
    for fault in faults:
        lasts = f"{(fault.end - fault.start) / 1e6:g} s"
        table.add_row(fault.what, fault.key or "", iso(fault.start), lasts, fault.detail, fault.monitor_hint)
    console = Console(file=stream)
    console.width = max(console.width, 130) if not stream.isatty() else console.width
    console.print(table)
