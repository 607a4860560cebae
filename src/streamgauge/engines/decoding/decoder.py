"""Opens a stream's decoder; apart from what opens all else, so that who only reads loads no engine."""

from __future__ import annotations

from functools import partial

from streamgauge.config import plugins
from streamgauge.config.models import StreamConfig
from streamgauge.engines.decoding.deriving import Deriving, computed, read_only
from streamgauge.formats.contract import Decoder, Layout
from streamgauge.formats.message_keys import open_keyed
from streamgauge.formats.shapes import open_shaped


def open_decoder(stream: StreamConfig, layout: Layout) -> Decoder:
    """The decoder of a stream's format for the fields that are used."""
    opener = plugins.module("formats", stream.format.type).open_format
    made = computed(stream.fields, layout)
    read = read_only(stream.fields, layout, made) if made else layout
    decoder = open_keyed(read, lambda rest: open_shaped(rest, partial(opener, stream.format)))
    return Deriving(decoder, made) if made else decoder
