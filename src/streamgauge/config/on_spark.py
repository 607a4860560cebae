"""What a file says to the engine Spark; other engines do not look at it."""

from __future__ import annotations

from typing import Literal

from streamgauge.settings import Settings


class SparkConfig(Settings):
    """How Spark runs the file."""

    fidelity: Literal["exact", "native"] = "exact"
    """`exact`: as embedded, record for record; `native`: windows by Structured Streaming itself, for the largest volumes."""
