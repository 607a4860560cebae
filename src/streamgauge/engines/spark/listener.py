"""Hears what queries tell of themselves, on Spark's own thread."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import structlog
from pyspark.sql.streaming.listener import StreamingQueryListener

from streamgauge.clock import Clock
from streamgauge.engines.spark.progress import Metrics, read_progress

_log = structlog.get_logger("streamgauge.spark")


class Listener(StreamingQueryListener):  # type: ignore[misc]  # pyspark is not in the development environment
    """Notes what queries tell; Spark calls it on a thread of its own.

    Args:
        metrics: where it is noted.
        clock: by which a watermark is late.
        mark: how far event time has come, where that is known otherwise than by Spark.
    """

    def __init__(self, metrics: Metrics, clock: Clock, mark: Callable[[], int | None]) -> None:
        self._metrics = metrics
        self._clock = clock
        self._mark = mark

    def onQueryStarted(self, event: Any) -> None:
        """Say so."""
        _log.info("the query runs", query=event.name, id=str(event.id))

    def onQueryProgress(self, event: Any) -> None:
        """A micro-batch is done."""
        progress = read_progress(json.loads(event.progress.json))
        self._metrics.note(progress, now=self._clock.now(), watermark=self._mark())
        _log.debug("a micro-batch is done", batch=progress.batch, seconds=progress.seconds)

    def onQueryIdle(self, event: Any) -> None:
        """Nothing to do."""

    def onQueryTerminated(self, event: Any) -> None:
        """Say why, where it failed."""
        if event.exception is not None:
            _log.error("the query failed", why=str(event.exception).partition("\n")[0])
