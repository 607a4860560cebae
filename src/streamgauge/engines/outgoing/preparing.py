"""The places that a configuration writes to, made before the first row comes: topics, tables, series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing

from streamgauge.config import plugins
from streamgauge.config.models import Config
from streamgauge.engines.outgoing.row_making import written_columns
from streamgauge.handover.history import History
from streamgauge.sinks.contract import Prepared, Preparing, SinkConfig
from streamgauge.sinks.redis_timeseries import Config as Series


def prepare(config: Config, keys: Sequence[str]) -> Iterator[tuple[str, Prepared]]:
    """Make what is missing; by the sink's name, such as ``stream logs``. What is there stays as it is.

    Args:
        config: whose ``write:`` it is.
        keys: whose series are made; none: those come with their first sample.

    Raises:
        OutsideError: something cannot be made now. What came before it is there.
    """
    columns = written_columns(config)
    for name, settings in _sinks(config).items():
        with closing(plugins.module("sinks", settings.type).open_sink(settings, name, columns[name])) as sink:
            if isinstance(sink, Preparing):
                for one in sink.prepare(keys):
                    yield name, one
        if isinstance(settings, Series) and settings.history is not None:
            yield name, History(settings.history, settings.numbers(columns[name])).prepare()


def placed(config: Config) -> list[str]:
    """The keys that the configuration itself names: those with a place in a topic, in the order of the file."""
    found = [getattr(sink, "places", {}) for sink in _sinks(config).values()]
    return list(dict.fromkeys(key for places in found for key in places))


def _sinks(config: Config) -> dict[str, SinkConfig]:
    parts = {f"stream {name}": stream.write for name, stream in config.streams.items()}
    parts |= {f"monitor {name}": monitor.write for name, monitor in config.monitors.items()}
    return {name: sink for name, sink in parts.items() if sink is not None}
