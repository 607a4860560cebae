"""The shape of records: told by each format alike, for the records that were chosen, and for nobody who did not ask."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl
import pytest

from streamgauge.batch import Batch
from streamgauge.errors import ConfigError
from streamgauge.formats import avro, csv, json, parquet
from streamgauge.formats.contract import Decoder, FieldSpec, Layout
from streamgauge.formats.json import RecordDecoder
from streamgauge.formats.message_keys import open_keyed
from streamgauge.formats.shapes import (
    JsonShapes,
    ShapedDecoder,
    fields_of,
    of_avro,
    open_shaped,
    sampled,
    shape_field,
    text_of,
)
from tests.formats.avro_writing import bare, record
from tests.formats.decoding import NOW, frame_piece, layout, piece_of

ALL = FieldSpec(shape_field(1), "string")
SOME = FieldSpec(shape_field(3), "string")
ID = FieldSpec("id", "string")


def told(module: Any, piece: Any, *fields: FieldSpec, **options: Any) -> list[dict[str, str] | None]:
    """The shapes that come out."""
    decoder = open_shaped(
        layout(*fields, ALL), lambda rest: module.open_format(module.Config(**options), rest)
    )
    return shapes_of(decoder.decode(piece, NOW))


def shapes_of(batch: Batch) -> list[dict[str, str] | None]:
    texts = batch.columns[ALL.name].values()
    return [None if text is None else fields_of(text) for text in texts]


JSON = [
    ("every type", b'{"a":1,"b":1.5,"c":"x","d":true,"e":null,"f":{"a":1},"g":[1]}',
     {"a": "number", "b": "number", "c": "string", "d": "bool", "e": "null", "f": "object", "g": "array"}),
    ("nothing at all", b"{}", {}),
    ("of a key that comes twice the last", b'{"a":1,"a":"x"}', {"a": "string"}),
    ("a number that JSON has not", b'{"a":NaN}', {"a": "number"}),
    ("names of any kind", '{"ä\\"b":1,"":2}'.encode(), {'ä"b': "number", "": "number"}),
    ("an integer of any length", b'{"a":' + b"9" * 300 + b"}", {"a": "number"}),
]  # fmt: skip


@pytest.mark.parametrize(("sentence", "payload", "expected"), JSON, ids=[row[0] for row in JSON])
def test_json(sentence: str, payload: bytes, expected: dict[str, str]):
    assert told(json, piece_of([payload])) == [expected]


def test_equal_shapes_are_one_text_whatever_their_order():
    found = JsonShapes().of([b'{"a":1,"b":"x"}', b'{"b":"y","a":2.5}'], np.arange(2))
    assert found[0] == found[1] == text_of({"b": "string", "a": "number"})


def test_more_shapes_than_are_remembered():
    payloads = [b'{"f%d":1}' % (i % 5000) for i in range(10_000)]
    found = JsonShapes().of(payloads, np.arange(len(payloads)))
    assert found == [text_of({f"f{i % 5000}": "number"}) for i in range(10_000)]


def test_bad_records_have_none_and_the_others_keep_theirs():
    piece = piece_of([b'{"id":"x"}', b'{"id":7,"a":1}', b"{", None, b'{"id":"y","b":1}'])
    assert told(json, piece, ID) == [{"id": "string"}, {"id": "string", "b": "number"}]


def test_frames():
    frame = pl.DataFrame({
        "n": [1, None], "t": ["x", ""], "b": [True, None], "d": [date(2026, 1, 1)] * 2, "m": [datetime(2026, 1, 1, tzinfo=UTC)] * 2,
        "s": [{"a": 1}] * 2, "l": [[1]] * 2, "z": [None, None],
    })  # fmt: skip
    fixed = {"d": "timestamp", "m": "timestamp", "s": "object", "l": "array", "z": "null"}
    assert told(parquet, frame_piece(frame)) == [
        {"n": "number", "t": "string", "b": "bool", **fixed},
        {"n": "null", "t": "string", "b": "null", **fixed},
    ]


def test_of_csv_it_is_looked_at_what_a_cell_holds():
    cells = ["12", "-1.5e3", "true", "FALSE", "x", "", None, "1 2"]
    kinds = ["number", "number", "bool", "bool", "string", "null", "null", "string"]
    assert told(csv, frame_piece(pl.DataFrame({"c": cells}))) == [{"c": kind} for kind in kinds]


def test_a_table_without_columns():
    assert told(parquet, frame_piece(pl.DataFrame({"a": [1, 2]}).select([]))) == []


AVRO = record(
    ("id", "string"), ("n", ["null", "long"]), ("price", {"type": "bytes", "logicalType": "decimal", "precision": 4}),
    ("at", {"type": "long", "logicalType": "timestamp-millis"}), ("kind", {"type": "enum", "name": "K", "symbols": ["A"]}),
    ("tags", {"type": "array", "items": "string"}), ("more", {"type": "map", "values": "int"}), ("other", ["null", "K"]),
)  # fmt: skip
OF_AVRO = {
    "id": "string", "n": "null|number", "price": "number", "at": "timestamp", "kind": "string", "tags": "array",
    "more": "object", "other": "null|object",
}  # fmt: skip


def test_avro_says_it_in_the_writers_schema():
    assert fields_of(of_avro(AVRO)) == OF_AVRO


def test_avro_messages_of_one_schema(tmp_path: Path):
    path = tmp_path / "payment.avsc"
    schema = record(("id", "string"), ("n", ["null", "long"]))
    path.write_bytes(msgspec.json.encode(schema))
    piece = piece_of([bare(schema, {"id": "x", "n": 1}), b"", bare(schema, {"id": "y", "n": None})])
    assert told(avro, piece, ID, schema_file=str(path)) == [{"id": "string", "n": "null|number"}] * 2


def test_nobody_who_does_not_ask_pays():
    """The very decoder of the format, with no shape in it."""
    decoder = open_shaped(layout(ID), lambda rest: json.open_format(json.Config(), rest))
    assert type(decoder) is RecordDecoder
    assert list(decoder.decode(piece_of([b'{"id":"x"}']), NOW).columns) == ["id"]


def test_about_one_in_so_many_by_a_hash_of_the_offset_alone():
    offsets = np.arange(0, 30_000_000, 300)  # lines of one length
    for every in (2, 3, 10, 100):
        share = sampled(offsets, every).mean() * every
        assert 0.9 < share < 1.1
    assert (sampled(offsets[5000:], 10) == sampled(offsets, 10)[5000:]).all()


def test_two_rates_side_by_side_and_a_field_of_the_key():
    layout_ = Layout("s", {one.name: one for one in (ALL, SOME, FieldSpec("k", "string", from_key=True))})

    def plain(rest: Layout) -> Decoder:
        return json.open_format(json.Config(), rest)

    decoder = open_keyed(layout_, lambda rest: open_shaped(rest, plain))
    batch = decoder.decode(piece_of([b'{"a":1}'] * 60, keys=[b"x"] * 60), NOW)
    chosen = [text is not None for text in batch.columns[SOME.name].values()]
    assert chosen == sampled(batch.offsets, 3).tolist()
    assert shapes_of(batch) == [{"a": "number"}] * 60
    assert set(batch.columns["k"].values()) == {"x"}


def test_where_slices_end_changes_nothing():
    payloads = [b'{"f%d":1}' % (i % 7) for i in range(60)]
    decoder = open_shaped(layout(SOME), lambda rest: json.open_format(json.Config(), rest))
    whole = decoder.decode(piece_of(payloads), NOW).columns[SOME.name].values()
    parts = [decoder.decode(piece_of(payloads[i : i + 7], first=i), NOW) for i in range(0, 60, 7)]
    assert whole == [text for part in parts for text in part.columns[SOME.name].values()]


def test_a_format_that_cannot_tell_is_refused():
    class Silent:
        def decode(self, piece: Any, now: int) -> Any:
            raise AssertionError

    with pytest.raises(ConfigError, match="`schema` needs that"):
        open_shaped(layout(ALL), lambda _: Silent())


def test_a_decoder_that_waits_for_schemas_still_says_so():
    class Waiting(RecordDecoder):
        def ready(self, piece: Any) -> bool:
            return len(piece.offsets) == 1

    decoder = open_shaped(layout(ALL), lambda rest: Waiting(rest, texts=False))
    assert isinstance(decoder, ShapedDecoder)
    assert decoder.ready(piece_of([b"{}"]))
    assert not decoder.ready(piece_of([b"{}"] * 2))
