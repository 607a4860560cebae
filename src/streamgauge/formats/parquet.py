"""Parquet, and any table in memory: typed columns by the same rules as JSON.

A field takes a column whose type holds it: an int any integer column, a float any number, a timestamp dates,
date-times (without a zone: UTC), texts and numbers. A path walks into struct columns. Rows that end in the
dead-letter are kept there as JSON objects by column name, and messages in that form are read as well.
"""

from __future__ import annotations

from typing import Literal

from streamgauge.formats.contract import Decoder, FormatConfig, Layout
from streamgauge.formats.json import RecordDecoder


class Config(FormatConfig):
    """``format: parquet``."""

    type: Literal["parquet"] = "parquet"


def open_format(config: Config, layout: Layout) -> Decoder:  # noqa: ARG001  # it has no options
    """A decoder for one stream.

    Raises:
        ConfigError: when two fields contradict each other.
    """
    return RecordDecoder(layout, texts=False)
