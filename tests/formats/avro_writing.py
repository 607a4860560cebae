"""Avro messages as producers write them."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import fastavro
import numpy as np

from streamgauge.batch import Batch, Partition
from streamgauge.formats.contract import Decoder, FieldSpec, Layout
from streamgauge.sources.contract import Slice

NOW = 4_102_444_800_000_000
PART = Partition("payments", 0)


def record(*fields: tuple[str, Any], name: str = "Payment") -> dict[str, Any]:
    """The schema of a record."""
    return {"type": "record", "name": name, "fields": [{"name": key, "type": kind} for key, kind in fields]}


def bare(schema: Any, value: dict[str, Any]) -> bytes:
    """A record and nothing else."""
    stream = BytesIO()
    fastavro.schemaless_writer(stream, fastavro.parse_schema(schema), value)
    return stream.getvalue()


def framed(number: int, schema: Any, value: dict[str, Any]) -> bytes:
    """A record with a registry's id before it."""
    return b"\0" + number.to_bytes(4) + bare(schema, value)


def layout(*specs: FieldSpec, time: str | None = None) -> Layout:
    return Layout("payments", {spec.name: spec for spec in specs}, time)


def decoded(decoder: Decoder, messages: Sequence[bytes | None]) -> Batch:
    n = len(messages)
    piece = Slice(PART, np.arange(n), np.full(n, NOW), n, messages)
    return decoder.decode(piece, NOW)


def reasons(batch: Batch) -> list[str]:
    return [bad.reason for bad in batch.bad]
