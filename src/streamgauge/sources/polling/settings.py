"""What every poller's configuration has beside its own keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, ClassVar

from pydantic import Field

from streamgauge.settings import PositiveDuration
from streamgauge.sources.contract import SourceConfig


class PollerConfig(SourceConfig):
    """Base of every poller's configuration; ``given_fields`` names what its records hold."""

    formats: ClassVar[frozenset[str]] = frozenset({"json"})

    every: PositiveDuration = timedelta(seconds=10)
    """How often it asks."""
    timeout: PositiveDuration = timedelta(seconds=5)
    """How long it waits for an answer."""
    max_waiting: Annotated[int, Field(gt=0)] = 1_000_000
    """Records kept until they are counted; beyond that an answer is not taken."""
