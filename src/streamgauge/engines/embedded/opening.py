"""Opens everything that a configuration names, runs it, and closes it again."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog

from streamgauge.channels.contract import Channel
from streamgauge.clock import Clock
from streamgauge.config import plugins
from streamgauge.config.models import Config, StreamConfig
from streamgauge.config.telling import channels_of
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.engines.embedded.company import NOBODY, Ears, refuse_company
from streamgauge.engines.embedded.engine import Engine, Surroundings
from streamgauge.engines.embedded.intake import Intake
from streamgauge.engines.outgoing.dead_letters import copied
from streamgauge.engines.outgoing.delivery import Delivery, Tried
from streamgauge.engines.outgoing.row_making import written_columns
from streamgauge.engines.outgoing.sinking import Sinking
from streamgauge.engines.outgoing.told import open_channel
from streamgauge.engines.reporting.status import StatusBoard
from streamgauge.plan import Plan, StreamPlan, make_plan
from streamgauge.sinks.contract import Outcome, Sink
from streamgauge.sources.contract import Source
from streamgauge.stores.contract import Store

DRAIN = timedelta(seconds=10)
"""How long the end of a run waits for notices that are due."""

_log = structlog.get_logger("streamgauge.engine")


@dataclass(frozen=True, slots=True)
class Choices:
    """What a run may ask for beside its file.

    Attributes:
        dry_run: print notices instead of sending them.
        on_engine: told of the engine once it is made, before it runs.
        reload: called between two turns when somebody asked to read the file again; whether the run shall end.
        part: what of the file runs, and how it is read; all of it, alone, where nothing else is said.
    """

    dry_run: bool = False
    on_engine: Callable[[Engine], None] = lambda _engine: None
    reload: Callable[[], bool] = lambda: False
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What the leader of several instances runs.

    Attributes:
        plan: its monitors.
        ears: hears what the others decided.
    """

    plan: Plan
    ears: Ears


def run(
    config: Config, store: Store, clock: Clock, status: StatusBoard, choices: Choices | None = None
) -> None:
    """Run a configuration until it is stopped or its sources end.

    Raises:
        SourceError: a source cannot be read, and that will not pass.
        StoreTakenError: another process owns the store.
    """
    choices = choices or Choices()
    with (
        delivering(config, store, clock, choices) as (delivery, hear),
        sinking(config, store, status, choices) as carrying,
    ):
        part = choices.part or Part(make_plan(config), NOBODY)
        plan, outside = part.plan, choices.part is not None
        intakes = {
            name: _intake(plan.streams[name], config, store, clock, outside=outside)
            for name, stream in config.streams.items()
            if plan.streams[name].groups or stream.write is not None or stream.source.shows
        }
        surroundings = Surroundings(
            store, intakes, delivery, clock, status, choices.reload, carrying, plan, part.ears
        )
        engine = Engine(config, surroundings)
        hear.append(engine.reporter.tried)
        choices.on_engine(engine)
        try:
            with copied(config.streams, store):
                engine.run()
        finally:
            for intake in intakes.values():
                intake.source.close()
        if not engine.replaced:
            delivery.drain(DRAIN)
            if carrying is not None:
                carrying.drain(DRAIN)
            _still_ours(store, delivery)


def open_source(
    name: str,
    stream: StreamConfig,
    clock: Clock,
    *,
    instance: str | None = None,
    store_url: str | None = None,
) -> Source:
    """The source of a stream.

    ``instance`` names this reader, and ``store_url`` where it may keep its own, for sources that take such a thing.
    """
    opener = plugins.module("sources", stream.source.type).open_source
    known = inspect.signature(opener).parameters
    offered = {"instance": instance, "store_url": store_url}
    named = {key: value for key, value in offered.items() if key in known}
    source: Source = opener(stream.source, name, clock, **named)
    return source


def _intake(plan: StreamPlan, config: Config, store: Store, clock: Clock, *, outside: bool) -> Intake:
    """``outside``: others share its partitions, and all are read beside them."""
    stream = config.streams[plan.name]
    if outside:
        kind = plugins.module("sources", stream.source.type)
        source: Source = kind.open_outside(stream.source, plan.name, clock)
    else:
        instance = f"streamgauge-{store.id}"
        source = open_source(plan.name, stream, clock, instance=instance, store_url=config.store.url)
    refuse_company(plan.name, source)
    decoder = open_decoder(stream, plan.layout)
    return Intake(plan, source, decoder, clock, finite=stream.source.finite)


def _still_ours(store: Store, delivery: Delivery) -> None:
    """Say aloud when the store was lost after the last commit: the other process tells what was left to tell.

    Raises:
        StoreTakenError: another process owns the store.
    """
    if delivery.halted or not store.still_mine():
        store.renew()


@contextmanager
def delivering(
    config: Config, store: Store, clock: Clock, choices: Choices
) -> Iterator[tuple[Delivery, list[Callable[[Tried], None]]]]:
    """What carries notices away, running; and a list of who wants to hear of each try."""
    hear: list[Callable[[Tried], None]] = []
    named = {name for monitor in config.monitors.values() for name in monitor.notify} | set(config.channels)
    named |= set(channels_of(config.route)) | {
        name for job in config.schedule.values() for name in job.notify
    }
    channels: Mapping[str, Channel] = {
        name: _channel(config, name, choices, clock, store) for name in sorted(named | {"console"})
    }
    patience = {name: config.channel(name).give_up_after for name in channels}

    def tell(tried: Tried) -> None:
        for told in hear:
            told(tried)

    delivery = Delivery(store, channels, clock, give_up_after=patience, on_try=tell)
    delivery.start()
    try:
        yield delivery, hear
    finally:
        delivery.stop()


@contextmanager
def sinking(config: Config, store: Store, status: StatusBoard, choices: Choices) -> Iterator[Sinking | None]:
    """What carries rows away; None where nothing writes any, and in a dry run, which writes none."""
    written = {f"monitor {name}": monitor.write for name, monitor in config.monitors.items() if monitor.write}
    written |= {f"stream {name}": stream.write for name, stream in config.streams.items() if stream.write}
    if not written or choices.dry_run:
        yield None
        return
    columns = written_columns(config)
    sinks: dict[str, Sink] = {
        name: plugins.module("sinks", settings.type).open_sink(settings, name, columns[name])
        for name, settings in written.items()
    }

    def tell(sink: str, outcome: Outcome) -> None:
        for word, count in (("written", len(outcome.written)), ("refused", len(outcome.refused))):
            status.totals.rows[sink, word] += count

    carrying = Sinking(store, sinks, on_try=tell)
    carrying.start()
    try:
        yield carrying
    finally:
        carrying.stop()


def _channel(config: Config, name: str, choices: Choices, clock: Clock, store: Store) -> Channel:
    if choices.dry_run:
        from streamgauge.channels.console import dry_run_channel

        return dry_run_channel(name)
    return open_channel(config, name, clock, store)
