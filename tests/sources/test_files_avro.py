"""Avro container files: all records, from any record on, and what is wrong with a file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import fastavro
import pytest

from streamgauge.batch import Partition
from streamgauge.clock import SystemClock, to_micros
from streamgauge.errors import SourceError
from streamgauge.formats.avro import Config as AvroConfig
from streamgauge.formats.avro import open_format
from streamgauge.formats.contract import FieldSpec, Layout
from streamgauge.sources.contract import Source
from streamgauge.sources.files import Config, format_of, open_source

AT = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
SCHEMA = {
    "type": "record",
    "name": "Payment",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "amount", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "note", "type": ["null", "string", "int"]},
        {"name": "raw", "type": "bytes"},
    ],
}


def written(path: Path, count: int, codec: str = "deflate") -> Path:
    rows = [
        {"id": i, "amount": Decimal("1.50"), "at": AT, "note": [None, "x", 7][i % 3], "raw": b"\xff"}
        for i in range(count)
    ]
    with path.open("wb") as file:
        fastavro.writer(file, SCHEMA, rows, codec=codec, sync_interval=200)
    return path


def opened(path: Path) -> Source:
    return open_source(Config(path=(str(path),)), "payments", SystemClock())


def ids(path: Path, position: int = 0, limit: int = 7) -> list[int]:
    """What is read of the field ``id`` from a record on."""
    fields = {
        "id": FieldSpec("id", "int"),
        "amount": FieldSpec("amount", "float"),
        "at": FieldSpec("at", "timestamp"),
    }
    decoder = open_format(AvroConfig(), Layout("payments", fields, "at"))
    source, found = opened(path), []
    source.open({Partition(str(path)): position})
    while True:
        poll = source.poll(limit, timedelta(0))
        for piece in poll.slices:
            batch = decoder.decode(piece, to_micros(AT))
            assert not batch.bad
            assert set(batch.columns["amount"].values()) == {1.5}
            assert set(batch.times.tolist()) == {to_micros(AT)}
            assert batch.offsets.tolist() == batch.columns["id"].values()
            found += batch.columns["id"].values()
        if poll.ended:
            return found


@pytest.mark.parametrize("codec", ["null", "deflate", "bzip2", "xz"])
def test_every_record_by_its_number(tmp_path: Path, codec: str):
    assert ids(written(tmp_path / "payments.avro", 100, codec)) == list(range(100))


@pytest.mark.parametrize("position", [0, 1, 17, 99, 100])
def test_reading_goes_on_at_any_record(tmp_path: Path, position: int):
    assert ids(written(tmp_path / "payments.avro", 100), position) == list(range(position, 100))


def test_an_empty_file_ends_at_once(tmp_path: Path):
    assert ids(written(tmp_path / "payments.avro", 0)) == []


def test_a_file_that_shrank_is_refused(tmp_path: Path):
    with pytest.raises(SourceError, match="was read up to record 12 before, but has only 10 now"):
        ids(written(tmp_path / "payments.avro", 10), 12)


def test_a_damaged_file_stops_with_a_sentence(tmp_path: Path):
    path = written(tmp_path / "payments.avro", 100)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 30])
    with pytest.raises(SourceError, match=r"cannot be read to its end: .*; it is damaged, or no Avro file"):
        ids(path)


def test_what_is_no_avro_file(tmp_path: Path):
    (tmp_path / "payments.avro").write_text('{"id": 1}\n')
    with pytest.raises(SourceError, match=r"payments\.avro cannot be read to its end: .* no Avro file"):
        ids(tmp_path / "payments.avro")


def test_the_extension_tells_the_format():
    assert format_of("payments.avro") == "avro"
