"""Fields that are computed of others: grouped by, counted, and read no more than needed."""

from __future__ import annotations

import polars as pl

import streamgauge as sg
from streamgauge.config import load
from streamgauge.engines.decoding.decoder import open_decoder
from streamgauge.formats.json import Config as JsonConfig
from streamgauge.plan import make_plan

FILE = {
    "streams": {
        "s": {
            "source": {"type": "files", "path": "s.ndjson"},
            "format": "json",
            "fields": {
                "country": "string",
                "amount": "float",
                "region": {
                    "type": "string",
                    "compute": "case when country in ('CH', 'DE') then 'near' else 'far' end",
                },
                "cents": {"type": "float", "compute": "amount * 100"},
                "at": "timestamp",
            },
            "time": "at",
        }
    },
    "monitors": {
        "m": {
            "stream": "s",
            "where": "cents > 100",
            "window": {"type": "tumbling", "size": "5s", "by": "region", "compute": {"total": "sum(cents)"}},
            "detect": {"type": "threshold", "when": "total > 0"},
        }
    },
}
AT = "2026-03-02T10:00:0{}Z"


def test_a_window_is_grouped_by_a_computed_field():
    rows = [("CH", 1.0), ("DE", 2.0), ("FR", 3.0), (None, 4.0), ("CH", 5.0)]
    frame = pl.DataFrame(
        {
            "country": [country for country, _ in rows],
            "amount": [amount for _, amount in rows],
            "at": [AT.format(second) for second in range(len(rows))],
        }
    )
    windows = sg.replay(load(FILE), {"s": frame}).windows
    assert dict(zip(windows["key"], windows["total"], strict=True)) == {"near": 700.0, "far": 700.0}


def test_only_what_a_computed_field_reads_is_decoded():
    config = load(FILE)
    layout = make_plan(config).streams["s"].layout
    assert set(layout.fields) == {"region", "cents", "at"}
    decoder = open_decoder(config.streams["s"], layout)
    assert isinstance(config.streams["s"].format, JsonConfig)
    assert not hasattr(decoder, "ready")  # JSON fetches no schemas
