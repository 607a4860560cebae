"""What befalls keys is an incident too: more of them than may be, and one on two partitions of a stream that says otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import streamgauge
from streamgauge.incident import Incident
from streamgauge.stores import open_reading


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """So few records are not worth compiling kernels for."""
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")


def found(folder: Path, keys: dict[str, list[str]], **stream: Any) -> list[Incident]:
    """The incidents after a run over files, each a partition, of records with these keys."""
    for name, values in keys.items():
        lines = [json.dumps({"k": value, "at": second}) for second, value in enumerate(values)]
        (folder / f"{name}.ndjson").write_text("".join(line + "\n" for line in lines))
    source = {"type": "files", "path": str(folder / "*.ndjson")}
    fields = {"k": "string", "at": {"type": "timestamp", "unit": "s"}}
    declared = {"source": source, "format": "json", "fields": fields, "time": "at", **stream}
    window = {"type": "tumbling", "size": "1h", "by": "k"}
    monitor = {"stream": "s", "window": window, "detect": {"type": "threshold", "when": "count > 100"}}
    told = {"told": {"type": "csv", "path": str(folder / "told.csv")}}
    store = f"sqlite:///{folder}/store.db"
    streamgauge.run(
        streamgauge.load(
            {"streams": {"s": declared}, "monitors": {"m": {**monitor, "notify": "told"}}, "channels": told,
             "store": store}
        )
    )  # fmt: skip
    look = open_reading(store)
    incidents = look.incidents()
    look.close()
    return incidents


def test_more_keys_than_may_be_are_told_once(tmp_path: Path):
    (one,) = found(tmp_path, {"a": ["x", "y", "z", "w", "v"]}, limits={"keys": 2})
    assert (one.monitor, one.kind, one.severity) == ("stream s", "key limit", "critical")
    assert one.title == (
        "s: more than 2 keys of k; new ones are pooled as __other__; raise `limits: {keys: …}` or group by "
        "something coarser"
    )
    assert "key limit" in (tmp_path / "told.csv").read_text()


def test_a_key_on_two_partitions_of_a_stream_that_says_otherwise(tmp_path: Path):
    (one,) = found(tmp_path, {"a": ["x", "y"], "b": ["z", "x"]}, partitioned_by="k")
    assert (one.monitor, one.kind) == ("stream s", "key on two partitions")
    assert "x" in one.title
    assert "key on two partitions" in (tmp_path / "told.csv").read_text()


def test_where_nobody_says_otherwise_it_is_nothing(tmp_path: Path):
    assert found(tmp_path, {"a": ["x", "y"], "b": ["z", "x"]}, limits={"keys": 3}) == []
