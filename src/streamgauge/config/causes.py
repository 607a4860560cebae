"""Streams that a source names as those whose incidents may be the cause of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from streamgauge.config.document import Path
from streamgauge.settings import nearest

if TYPE_CHECKING:
    from streamgauge.config.models import Config


def check_causes(config: Config, wrong: Callable[[Path, str], None]) -> None:
    """Say which of them are not there, where the file names them; those that a source knows by itself may be missing."""
    for name, stream in config.streams.items():
        if "beside" not in stream.source.model_fields_set:
            continue
        for other in stream.source.causes():
            if other not in config.streams:
                found = nearest(other, config.streams)
                wrong(("streams", name, "source", "beside"), f"unknown stream `{other}`; {found}")
