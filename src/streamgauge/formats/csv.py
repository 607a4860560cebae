"""CSV: the source cuts the rows, this turns their texts into typed columns.

Every value arrives as text: ``12.5`` fits a float, ``7`` an int, ``true`` or ``1`` a bool. Empty text is
missing in every column, text columns too. Rows that end in the dead-letter are kept there as JSON objects
by column name, and messages in that form are read as well.
"""

from __future__ import annotations

from typing import Literal

from streamgauge.formats.contract import Decoder, FormatConfig, Layout
from streamgauge.formats.json import RecordDecoder


class Config(FormatConfig):
    """``format: csv``. Delimiter and header belong to the source, which cuts the file."""

    type: Literal["csv"] = "csv"


def open_format(config: Config, layout: Layout) -> Decoder:  # noqa: ARG001  # it has no options
    """A decoder for one stream.

    Raises:
        ConfigError: when two fields contradict each other.
    """
    return RecordDecoder(layout, texts=True)
