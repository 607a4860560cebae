"""How far the consumer groups of a Kafka cluster have come, and how its partitions are: asked of the brokers, read-only.

======================= =============================================================
:mod:`.config`          what is written beside ``type: kafka_lag``
:mod:`.brokers`         the questions, in the order in which no lag can be negative
:mod:`.first_unread`    when the first unread record of a partition was written
:mod:`.records`         the answers as records
:mod:`.exposing`        the records as the series of kafka_exporter
:mod:`.apart`           all of that in a process of its own
======================= =============================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgauge.sources.kafka_lag.config import Config

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.sources.polling.source import PolledSource

__all__ = ["Config", "open_source"]


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> PolledSource:
    """The poller of a stream; nothing is connected before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    from streamgauge.sources.kafka_lag.apart import Apart
    from streamgauge.sources.polling.source import open_polled

    return open_polled(config, stream, clock, Apart(config, stream), store_url)
