"""Rows that a sink dropped are written from the records again, and those that are there already are not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from streamgauge.clock import SystemClock
from streamgauge.config import load
from streamgauge.engines.outgoing.refill import Refilled, refill, sink_of
from streamgauge.errors import ConfigError, OutsideError
from tests.cli.in_process import Verb
from tests.sinks.writing import config, monitor, record, run

MANY = [record(n / 2, "abc"[n % 3], v=n) for n in range(400)]
WINDOWS = {
    "tumbling": {"type": "tumbling", "size": "5s", "by": "k", "compute": {"n": "count(*)"}},
    "session": {"type": "session", "gap": "400ms", "by": "k", "compute": {"n": "count(*)"}},
    "count": {"type": "count", "size": 4, "by": "k", "compute": {"n": "sum(v)"}},
}


@pytest.fixture(autouse=True)
def _plain_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")


@pytest.fixture
def replay(capsys: pytest.CaptureFixture[str]) -> Verb:
    return Verb("replay", capsys)


def lake(folder: Path, **more: Any) -> dict[str, Any]:
    return {"type": "files", "path": str(folder / "lake"), "every": "20ms", **more}


def ids(folder: Path) -> list[str]:
    return sorted(pl.read_parquet(folder / "lake" / "**" / "*.parquet", columns=["_id"])["_id"].to_list())


def make_whole(folder: Path, monitors: dict[str, Any], **stream: Any) -> list[str]:
    """All rows, as a run with room for them writes them."""
    folder.mkdir()
    run(folder, MANY, monitors, **stream)
    return ids(folder)


@pytest.mark.parametrize("kind", list(WINDOWS))
def test_what_a_full_spool_dropped_is_written(tmp_path: Path, kind: str, replay: Verb):
    def monitors(folder: Path, **more: Any) -> dict[str, Any]:
        return {"m": {"stream": "s", "window": WINDOWS[kind], "write": lake(folder, **more)}}

    whole = make_whole(tmp_path / "whole", monitors(tmp_path / "whole"))
    small = tmp_path / "small"
    small.mkdir()
    run(small, MANY, monitors(small, spool=20, rows=20))
    there = ids(small)
    assert 0 < len(there) < len(whole)
    path = small / "watch.yaml"
    path.write_text(_yaml(config(small, monitors(small))))
    done = replay(path, "--refill", "m")
    assert done.code == 0, done.err
    assert f"records 0 to {len(MANY) - 1} of {small}/records.ndjson:0" in done.err
    assert "400 records read" in done.out
    assert [one.replace(str(small), str(tmp_path / "whole")) for one in ids(small)] == whole
    assert replay(path, "--refill", "m").code == 0
    assert len(ids(small)) == len(whole), "a second time nothing is there twice"


def test_the_rows_of_a_stream_are_those_of_the_records(tmp_path: Path):
    run(tmp_path, MANY[:5], {}, write=lake(tmp_path, where="v < 3"))
    made = load(config(tmp_path, {}, write=lake(tmp_path)))
    sink, settings = sink_of(made, "s")
    place = f"{tmp_path}/records.ndjson:0"
    done = refill(made, sink, settings, {place: (2, 3)}, SystemClock())
    assert done == Refilled(5, 2, 0)
    assert [one.rpartition("/")[2] for one in ids(tmp_path)] == ["0", "1", "2", "3"]


def test_only_windows_that_the_records_can_have_decided_are_written(tmp_path: Path):
    (tmp_path / "records.ndjson").write_text("")
    run(
        tmp_path,
        MANY,
        {"m": {"stream": "s", "window": WINDOWS["tumbling"], "write": lake(tmp_path, where="n < 0")}},
    )
    made = load(
        config(tmp_path, {"m": {"stream": "s", "window": WINDOWS["tumbling"], "write": lake(tmp_path)}})
    )
    sink, settings = sink_of(made, "monitor m")
    refill(made, sink, settings, {f"{tmp_path}/records.ndjson:0": (100, 119)}, SystemClock())
    ends = sorted({one.rpartition("/")[2][14:19] for one in ids(tmp_path)})
    assert ends == ["00:45", "00:50", "00:55", "01:00"], "records 100 to 119 lie between 50 and 60 s"


def test_rows_of_rows_are_refilled_too(tmp_path: Path):
    below = {"stream": "s", "window": WINDOWS["tumbling"]}
    window = {"type": "tumbling", "size": "20s", "by": "k", "compute": {"most": "max(n)"}}
    above = {"stream": "below", "window": window}
    run(tmp_path, MANY, {"m": {**above, "write": lake(tmp_path, where="most < 0")}, "below": below})
    made = load(config(tmp_path, {"m": {**above, "write": lake(tmp_path)}, "below": below}))
    sink, settings = sink_of(made, "m")
    refill(made, sink, settings, {f"{tmp_path}/records.ndjson:0": (100, 119)}, SystemClock())
    ends = sorted({one.rpartition("/")[2][14:19] for one in ids(tmp_path)})
    assert {"00:40", "01:00", "01:20"} <= set(ends), "records 100 to 119 lie between 50 and 60 s"
    assert "02:40" not in ends


def test_a_sink_that_does_not_take_them_is_told(tmp_path: Path):
    run(tmp_path, MANY[:5], {}, write=lake(tmp_path))
    (tmp_path / "blocked").write_text("a file")
    made = load(config(tmp_path, {}, write={**lake(tmp_path), "path": str(tmp_path / "blocked")}))
    sink, settings = sink_of(made, "s")
    with pytest.raises(OutsideError, match=r"0 of 5 rows were written: .*blocked cannot be written"):
        refill(made, sink, settings, {}, SystemClock())


def test_what_cannot_be_refilled_is_said(tmp_path: Path):
    made = load(config(tmp_path, {"m": monitor(write=lake(tmp_path))}))
    with pytest.raises(ConfigError, match="x has no `write:`; there is: monitor m"):
        sink_of(made, "x")
    posted = {"source": {"type": "http", "token": "long-enough"}, "write": lake(tmp_path)}
    sink, settings = sink_of(load(config(tmp_path, {}, **posted)), "s")
    with pytest.raises(ConfigError, match="stream s is read from http as it comes"):
        refill(load(config(tmp_path, {}, **posted)), sink, settings, {}, SystemClock())


def test_the_verb_says_what_is_missing(tmp_path: Path, replay: Verb):
    path = tmp_path / "watch.yaml"
    path.write_text(_yaml(config(tmp_path, {"m": monitor(write=lake(tmp_path))})))
    run(tmp_path, MANY[:3], {"m": monitor(write=lake(tmp_path))})
    assert "no incident `sink overflow` of monitor m is known" in replay(path, "--refill", "m").err
    assert "--offsets" in replay(path, "--offsets", "s:0=3-9").err
    wrong = replay(path, "--refill", "m", "--offsets", "s:0=9-3")
    assert wrong.code == 2
    assert "such as payments:3=1200-4711" in wrong.err


def _yaml(config: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(config)
