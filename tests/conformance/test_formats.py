"""Every format found by its file's name keeps the contract."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamgauge.batch import Batch
from streamgauge.config import plugins
from streamgauge.conformance import check_format
from streamgauge.formats import avro
from streamgauge.formats.contract import Decoder, Layout
from streamgauge.formats.schema_registry import RefusedError, RegistryConfig, Schema, SchemaRegistry
from tests.formats.avro_writing import bare, framed, record

pytestmark = pytest.mark.conformance

GOOD = [
    b'{"name": "a", "amount": 1.5, "count": 3, "ok": true, "at": "2026-11-22T10:00:00Z"}',
    b'{"at": 1795338000, "name": null, "extra": {"deep": [1, 2]}}',
    '{"at": 1795338000.25, "name": "큰 강"}'.encode(),
]
TEXTS = [b'{"name": "a", "amount": "1.5", "count": "3", "ok": "true", "at": "2026-11-22T10:00:00Z"}']


@pytest.mark.parametrize("time", ["at", None])
@pytest.mark.parametrize("name", plugins.names("formats"))
def test_contract(name: str, time: str | None):
    module = plugins.module("formats", name)
    check_format(
        lambda layout: module.open_format(module.Config(), layout),
        TEXTS if name == "csv" else GOOD,
        time=time,
    )


AVRO = record(
    ("name", ["null", "string"]), ("amount", "double"), ("count", "int"), ("ok", "boolean"), ("at", "long")
)
ROWS: list[dict[str, Any]] = [
    {"name": "a", "amount": 1.5, "count": 3, "ok": True, "at": 1_795_338_000},
    {"name": None, "amount": 0.0, "count": 0, "ok": False, "at": 1_795_338_000},
]


@pytest.mark.parametrize("time", ["at", None])
def test_avro_messages(tmp_path: Path, time: str | None):
    (tmp_path / "checked.avsc").write_text(json.dumps(AVRO))
    config = avro.Config(schema_file=str(tmp_path / "checked.avsc"))
    check_format(
        lambda layout: avro.open_format(config, layout), [bare(AVRO, row) for row in ROWS], time=time
    )


@pytest.mark.parametrize("time", ["at", None])
def test_avro_messages_with_a_registry(time: str | None):
    def fetch(number: int) -> Schema:
        if number != 1:
            raise RefusedError("it knows no such schema", final=True)
        return Schema(AVRO)

    def make(layout: Layout) -> Decoder:
        return avro.RegistryDecoder(
            layout, SchemaRegistry(RegistryConfig(url=("http://registry",)), fetch=fetch)
        )

    check_format(make, [framed(1, AVRO, row) for row in ROWS], time=time)


class Raising:
    """Chokes on what is not JSON."""

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder

    def decode(self, piece, now: int) -> Batch:
        for payload in piece.payloads:
            (payload or b"").decode()
        return self.decoder.decode(piece, now)


def test_a_format_that_raises_is_found_out():
    from streamgauge.formats import json

    def make(layout: Layout) -> Decoder:
        return Raising(json.open_format(json.Config(), layout))

    with pytest.raises(AssertionError, match="such records are bad ones"):
        check_format(make, GOOD)
