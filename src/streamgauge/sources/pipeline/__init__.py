"""The whole way of a pipeline, declared as its steps: how much has come to each, asked again and again.

=================== ===========================================================================
:mod:`.config`      what is written beside ``type: pipeline``: the map
:mod:`.asking`      asks the brokers and the database, read-only; what is away is told by its steps
:mod:`.rows`        the answers as records: one per step, one per edge between two
=================== ===========================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgauge.sources.pipeline.config import Config

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.sources.polling.source import PolledSource

__all__ = ["Config", "open_source"]


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> PolledSource:
    """The poller of a stream; nothing is connected before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    from streamgauge.sources.pipeline.asking import Way
    from streamgauge.sources.polling.source import open_polled

    return open_polled(config, stream, clock, Way(config, stream, clock), store_url)
