"""Topics of Apache Kafka, read in a consumer group whose positions come from the store.

==================== =============================================================
:mod:`.config`       what is written beside ``type: kafka``
:mod:`.reader`       the source: membership, positions, polling
:mod:`.slices`       messages → columns, the hot path
:mod:`.outside`      reads all partitions, outside the group
:mod:`.placing`      where partitions without a stored position start
:mod:`.tails`        asks in the background where partitions end
:mod:`.troubles`     which errors pass by themselves, and what to say of the others
==================== =============================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgauge.sources.kafka.config import Config

if TYPE_CHECKING:
    from streamgauge.clock import Clock
    from streamgauge.sources.kafka.reader import KafkaSource

__all__ = ["Config", "open_outside", "open_source"]


def open_source(config: Config, stream: str, clock: Clock, *, instance: str | None = None) -> KafkaSource:
    """The reader of a stream; nothing is connected before its ``open``.

    ``instance`` names this reader among the members of its group, the same after each restart on the same
    store: a process that was killed and comes back has its partitions at once.
    """
    from streamgauge.sources.kafka.reader import KafkaSource

    return KafkaSource(config, stream, clock, instance=instance)


def open_outside(config: Config, stream: str, clock: Clock) -> KafkaSource:
    """A reader of all partitions that is no member of the group."""
    from streamgauge.sources.kafka.outside import Outside

    return Outside(config, stream, clock)
