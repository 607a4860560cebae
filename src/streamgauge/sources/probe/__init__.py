"""Tries, again and again, whether something works as its users need it: pages over HTTP, TCP ports, a Kafka topic.

Each try is a record, a failed one too: ``ok``, how long it took (``seconds``), and why it failed (``error``).

================= ==================================================================
:mod:`.config`    what is written beside ``type: probe``
:mod:`.network`   one try of a page, one of a port
:mod:`.end_to_end` a record into each partition of a topic, and back
:mod:`.trying`    all of them at once
================= ==================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgauge.sources.probe.config import Config

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.sources.polling.source import PolledSource

__all__ = ["Config", "open_source"]


def open_source(config: Config, stream: str, clock: Clock, *, store_url: str | None = None) -> PolledSource:
    """The poller of a stream; nothing is tried before its ``open``.

    Raises:
        SourceError: there is no store, as in a replay.
    """
    from streamgauge.sources.polling.source import open_polled
    from streamgauge.sources.probe.trying import Trying

    return open_polled(config, stream, clock, Trying(config, clock), store_url)
