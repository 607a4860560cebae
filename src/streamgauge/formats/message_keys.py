"""Fields that lie in a message's key instead of its value: ``id: {type: int, from: key}``.

A key is one value: text, a number as text, or a number as Kafka's own serializers write it (big-endian, 4 or 8
bytes). What cannot be read so is a bad record; a message without a key has no value there.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from streamgauge.batch import Batch, Column
from streamgauge.formats.contract import Decoder, FieldSpec, Layout
from streamgauge.formats.event_time import moment
from streamgauge.formats.reasons import bad_record
from streamgauge.sources.contract import Slice


def open_keyed(layout: Layout, open_value: Callable[[Layout], Decoder]) -> Decoder:
    """A decoder for ``layout``: ``open_value`` makes that of the fields in the value."""
    of_key = {name: spec for name, spec in layout.fields.items() if spec.from_key}
    if not of_key:
        return open_value(layout)
    others = {name: spec for name, spec in layout.fields.items() if not spec.from_key}
    return KeyedDecoder(open_value(replace(layout, fields=others)), of_key)


class KeyedDecoder:
    """Adds the fields of the key to what another decoder made of the value."""

    ready: Callable[[Slice], bool]
    """There where the decoder fetches schemas; see :class:`streamgauge.formats.contract.Fetching`."""

    def __init__(self, value: Decoder, fields: Mapping[str, FieldSpec]) -> None:
        self._value = value
        self._fields = fields
        ready = getattr(value, "ready", None)
        if ready is not None:
            self.ready = ready

    def decode(self, piece: Slice, now: int) -> Batch:
        """See :class:`~streamgauge.formats.contract.Decoder`."""
        batch = self._value.decode(piece, now)
        at = np.searchsorted(piece.offsets, batch.offsets).tolist()
        keys = [None] * len(at) if piece.keys is None else [piece.keys[row] for row in at]
        problems: dict[int, str] = {}
        columns = dict(batch.columns)
        for name, spec in self._fields.items():
            columns[name] = Column(
                spec.kind, values=[_read(spec, key, row, problems) for row, key in enumerate(keys)]
            )
        batch = replace(batch, columns=columns)
        return _without(batch, problems, piece) if problems else batch


def _read(spec: FieldSpec, key: bytes | None, row: int, problems: dict[int, str]) -> Any:
    """One value; why there is none goes to ``problems``."""
    if key is None:
        if spec.required:
            problems[row] = f"{spec.name} is missing: the message has no key"
        return None
    try:
        return _READ[spec.kind](spec, key)
    except (ValueError, UnicodeDecodeError):
        problems[row] = f"{spec.name}: the message's key {key[:40]!r} is no {spec.kind}"
        return None


def _text(_: FieldSpec, key: bytes) -> str:
    text = key.decode()
    if text[:1] == '"':
        decoded = json.loads(text)
        return decoded if isinstance(decoded, str) else text
    return text


def _int(_: FieldSpec, key: bytes) -> int:
    try:
        return int(key.decode())
    except ValueError:
        if len(key) not in (4, 8):
            raise
        return int.from_bytes(key, "big", signed=True)


def _float(_: FieldSpec, key: bytes) -> float:
    try:
        return float(key.decode())
    except ValueError:
        if len(key) != 8:
            raise
        number: float = struct.unpack(">d", key)[0]
        return number


def _bool(_: FieldSpec, key: bytes) -> bool:
    words = {b"true": True, b"false": False, b"\x01": True, b"\x00": False}
    if key.lower() not in words:
        raise ValueError(key)
    return words[key.lower()]


def _moment(spec: FieldSpec, key: bytes) -> int:
    try:
        return moment(_int(spec, key), spec.unit or "ms")
    except ValueError:
        return moment(_text(spec, key), spec.unit)


_READ: Mapping[str, Callable[[FieldSpec, bytes], Any]] = {
    "string": _text,
    "int": _int,
    "float": _float,
    "bool": _bool,
    "timestamp": _moment,
}


def _without(batch: Batch, problems: Mapping[int, str], piece: Slice) -> Batch:
    """The batch with the rows of ``problems`` among its bad records."""
    keep = np.ones(len(batch), np.bool_)
    keep[list(problems)] = False
    rows = np.nonzero(keep)[0]
    at = np.searchsorted(piece.offsets, batch.offsets)
    payloads = piece.payloads or [None] * len(piece.offsets)
    bad = [
        bad_record(
            batch.partition,
            int(batch.offsets[row]),
            why,
            payloads[int(at[row])],
            int(piece.timestamps[int(at[row])]),
        )
        for row, why in problems.items()
    ]
    return replace(
        batch,
        offsets=batch.offsets[rows],
        times=batch.times[rows],
        columns={name: column.take(rows) for name, column in batch.columns.items()},
        bad=tuple(sorted([*batch.bad, *bad], key=lambda one: one.offset)),
    )
