"""Hears what queries tell of themselves, on Spark's own thread."""

from __future__ import annotations

import json
from typing import Any

import structlog
from pyspark.sql.streaming.listener import StreamingQueryListener

from streamgauge.engines.spark.progress import Metrics, read_progress

_log = structlog.get_logger("streamgauge.spark")


class Listener(StreamingQueryListener):  # type: ignore[misc]  # pyspark is not in the development environment
    """Notes what queries tell; Spark calls it on a thread of its own."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def onQueryStarted(self, event: Any) -> None:
        """Say so."""
        _log.info("the query runs", query=event.name, id=str(event.id))

    def onQueryProgress(self, event: Any) -> None:
        """A micro-batch is done."""
        progress = read_progress(json.loads(event.progress.json))
        self._metrics.note(progress)
        _log.debug("a micro-batch is done", batch=progress.batch, seconds=progress.seconds)

    def onQueryIdle(self, event: Any) -> None:
        """Nothing to do."""

    def onQueryTerminated(self, event: Any) -> None:
        """Say why, where it failed."""
        if event.exception is not None:
            _log.error("the query failed", why=str(event.exception).partition("\n")[0])
