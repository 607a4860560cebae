"""Answers "why did this fire?" and "why did it not?" from what the store keeps and how the engine stands.

:mod:`.gathering` looks up the evidence, :mod:`.holding` says what holds event time back, :mod:`.answer` puts it into one
sentence by numbered rules. ``streamgauge why`` and ``/api/v1/why/{monitor}`` give the same.
"""

from __future__ import annotations

from typing import Any

from streamgauge.config.models import Config
from streamgauge.engines.reporting.status import EngineStatus
from streamgauge.stores.sql import SqlVisitor
from streamgauge.why.answer import answer
from streamgauge.why.gathering import Search
from streamgauge.why.shown import shown


def why(
    config: Config, look: SqlVisitor, monitor: str, key: str | None, status: EngineStatus | None
) -> dict[str, Any]:
    """The answer as plain data.

    Args:
        config: what runs.
        look: into its store.
        monitor: one of its monitors.
        key: as people write it; None takes the key that is most likely meant.
        status: how the engine stands now; None where it does not run here.

    Raises:
        ConfigError: there is no such monitor, or the key does not fit it.
        StoreError: the store cannot be read.
    """
    evidence = Search(config, look, monitor, status).evidence(key)
    return shown(evidence, answer(evidence))


__all__ = ["why"]
