"""The shape of records: which fields each has at its top, and of which type. For the detector ``schema`` alone.

Decoders skip what no monitor uses, so they do not know. A monitor that watches shapes asks for one more column, named by
:func:`shape_field`, and only then is a second look taken at every M-th record: chosen by its offset, so that where a batch
ends changes nothing. A stream without such a monitor is decoded as if this module did not exist.

A shape is a text, the same for equal shapes: ``{"amount":"number","id":"string"}``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import msgspec
import numpy as np

from streamgauge.batch import Batch, BoolArray, Coded, IntArray, SlotArray
from streamgauge.errors import ConfigError
from streamgauge.formats.contract import Decoder, Layout
from streamgauge.sources.contract import Slice

if TYPE_CHECKING:
    import polars as pl

KINDS = ("null", "bool", "number", "string", "object", "array", "timestamp")
"""The types that a field can have; of Avro's unions several, with ``|`` between."""

_OF_PYTHON: Mapping[type, str] = {
    type(None): "null", bool: "bool", int: "number", float: "number", str: "string", dict: "object", list: "array",
}  # fmt: skip
_FIELD = re.compile(r"shape of 1 record in (\d+)")
_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,6})?$"
_BOOL = r"^(true|false|True|False|TRUE|FALSE)$"
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_KNOWN = 4096
"""So many shapes are remembered while decoding; a stream with more pays for them again."""


@runtime_checkable
class Shaped(Decoder, Protocol):
    """A decoder that can be asked for the shape of records."""

    def shapes(self, piece: Slice, rows: IntArray) -> list[str | None]:
        """The shape of the records at ``rows`` of ``piece``, all of them good; None where it cannot be told."""
        ...


def shape_field(every: int) -> str:
    """The column that holds the shape of 1 record in ``every``, and nothing for the others.

    >>> shape_field(10), every_of(shape_field(10)), every_of("amount")
    ('shape of 1 record in 10', 10, None)
    """
    return f"shape of 1 record in {every}"


def every_of(field: str) -> int | None:
    """The other way round; None for the fields of a stream."""
    found = _FIELD.fullmatch(field)
    return None if found is None else int(found[1])


def open_shaped(layout: Layout, open_plain: Callable[[Layout], Decoder]) -> Decoder:
    """A decoder for ``layout``: that of its fields alone where nobody watches shapes.

    Raises:
        ConfigError: the format cannot tell shapes.
    """
    asked = {name: every for name in layout.fields if (every := every_of(name)) is not None}
    if not asked:
        return open_plain(layout)
    others = {name: spec for name, spec in layout.fields.items() if name not in asked}
    decoder = open_plain(replace(layout, fields=others))
    if not isinstance(decoder, Shaped):
        raise ConfigError(
            f"the format of {layout.stream} does not tell which fields a record has; `schema` needs that"
        )
    return ShapedDecoder(decoder, asked)


class ShapedDecoder:
    """Adds the shapes of records to what another decoder made of them."""

    ready: Callable[[Slice], bool]
    """There where the decoder fetches schemas; see :class:`streamgauge.formats.contract.Fetching`."""

    def __init__(self, plain: Shaped, asked: Mapping[str, int]) -> None:
        self._plain = plain
        self._asked = asked
        ready = getattr(plain, "ready", None)
        if ready is not None:
            self.ready = ready

    def decode(self, piece: Slice, now: int) -> Batch:
        """See :class:`~streamgauge.formats.contract.Decoder`."""
        batch = self._plain.decode(piece, now)
        chosen = {name: sampled(batch.offsets, every) for name, every in self._asked.items()}
        looked = np.flatnonzero(np.logical_or.reduce(list(chosen.values())))
        texts = self._plain.shapes(
            piece, np.searchsorted(piece.offsets, batch.offsets[looked]).astype(np.int64)
        )
        known: dict[str | None, int] = {None: 0}
        codes = np.zeros(len(batch), np.int32)
        codes[looked] = [known.setdefault(text, len(known)) for text in texts]
        columns = {
            name: Coded(list(known), np.where(mine, codes, 0).astype(np.int32))
            for name, mine in chosen.items()
        }
        return replace(batch, columns={**batch.columns, **columns})


def sampled(offsets: IntArray, every: int) -> BoolArray:
    """bool[n]: which records are looked at: about 1 in ``every``, by a hash, as offsets may be bytes of a file."""
    if every == 1:
        return np.ones(len(offsets), np.bool_)
    with np.errstate(over="ignore"):
        mixed = (offsets.astype(np.uint64) * _GOLDEN) >> np.uint64(33)
    chosen: BoolArray = mixed % np.uint64(every) == 0
    return chosen


def text_of(fields: Mapping[str, str]) -> str:
    """A shape as its text.

    >>> text_of({"id": "string", "amount": "number"})
    '{"amount":"number","id":"string"}'
    """
    return json.dumps(dict(sorted(fields.items())), separators=(",", ":"), ensure_ascii=False)


def fields_of(text: str) -> dict[str, str]:
    """The other way round; what is no shape (a warm-up's text) has no fields."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class JsonShapes:
    """The shapes of JSON objects; what it has seen, it knows again without writing it anew."""

    def __init__(self) -> None:
        self._decode = msgspec.json.Decoder().decode
        self._known: dict[tuple[tuple[Any, ...], tuple[type, ...]], str] = {}

    def of(self, payloads: Sequence[bytes | None], rows: IntArray) -> list[str | None]:
        """See :meth:`Shaped.shapes`."""
        return [self._one(payloads[row]) for row in rows.tolist()]

    def _one(self, payload: bytes | None) -> str | None:
        try:
            record = self._decode(payload or b"")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            record = _tolerant(payload)
        if not isinstance(record, dict):
            return None
        seen = tuple(record), tuple(map(type, record.values()))
        text = self._known.get(seen)
        if text is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            text = self._known[seen] = text_of(
                {name: _OF_PYTHON[kind] for name, kind in zip(*seen, strict=True)}
            )
        return text


def _tolerant(payload: bytes | None) -> Any:
    """As Python's ``json`` reads it, NaN and all; None where not even that."""
    try:
        return json.loads(payload or b"")
    except (ValueError, RecursionError):
        return None


def of_frame(frame: pl.DataFrame, rows: IntArray, *, texts: bool) -> list[str | None]:
    """The shapes of rows of a table: a column without a value there is ``null``.

    Args:
        frame: the table.
        rows: int64[n], which of its rows.
        texts: whether numbers come as text (CSV): then it is looked at what a text holds.
    """
    part = frame[rows]
    kinds = [_kinds(part[name], texts=texts) for name in part.columns]
    if not kinds:
        return [text_of({})] * len(rows)
    every, which = np.unique(np.stack(kinds), axis=1, return_inverse=True)
    told = [
        text_of({name: KINDS[kind] for name, kind in zip(part.columns, column, strict=True)})
        for column in every.T.tolist()
    ]
    return [told[k] for k in which.reshape(-1).tolist()]


def _kinds(series: pl.Series, *, texts: bool) -> SlotArray:
    """int32[n]: places in :data:`KINDS`."""
    import polars as pl

    kinds = np.full(len(series), KINDS.index(_kind(series.dtype)), np.int32)
    if texts and series.dtype == pl.String:
        kinds[series.str.contains(_NUMBER).fill_null(value=False).to_numpy()] = KINDS.index("number")
        kinds[series.str.contains(_BOOL).fill_null(value=False).to_numpy()] = KINDS.index("bool")
        kinds[(series == "").fill_null(value=False).to_numpy()] = KINDS.index("null")
    kinds[series.is_null().to_numpy()] = KINDS.index("null")
    return kinds


def _kind(dtype: pl.DataType) -> str:
    import polars as pl

    if dtype.is_numeric():
        return "number"
    if dtype.is_temporal():
        return "timestamp"
    if dtype in (pl.Boolean, pl.Null):
        return "bool" if dtype == pl.Boolean else "null"
    if isinstance(dtype, pl.Struct):
        return "object"
    return "array" if isinstance(dtype, (pl.List, pl.Array)) else "string"


_OF_AVRO: Mapping[str, str] = {
    "null": "null", "boolean": "bool", "int": "number", "long": "number", "float": "number", "double": "number",
    "string": "string", "enum": "string", "bytes": "string", "fixed": "string", "record": "object", "error": "object",
    "map": "object", "array": "array",
}  # fmt: skip


def of_avro(schema: Any) -> str:
    """The shape that a writer's schema gives its records: of a union, all its types."""
    return text_of(
        {field["name"]: "|".join(sorted(_avro_kinds(field["type"]))) for field in schema["fields"]}
    )


def _avro_kinds(kind: Any) -> set[str]:
    if isinstance(kind, list):
        return {one for branch in kind for one in _avro_kinds(branch)}
    if isinstance(kind, dict):
        logical = str(kind.get("logicalType", ""))
        if logical == "decimal":
            return {"number"}
        if logical.startswith(("timestamp", "local-timestamp", "date")):
            return {"timestamp"}
        return _avro_kinds(kind["type"])
    return {_OF_AVRO.get(kind, "object")}  # a name of a type stands for a record, mostly
