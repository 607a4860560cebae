"""`prepare` makes topics, tables and series once, on real servers; `run --summary` tells what a job came to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamgauge.config import load
from streamgauge.engines.outgoing.preparing import placed, prepare
from tests.cli.in_process import Verb
from tests.services.kafka import Broker, unique
from tests.services.postgresql import PostgresServer
from tests.services.redis import RedisServer

STREAM = {
    "format": "json",
    "fields": {"k": "string", "v": "float", "at": "timestamp"},
    "time": "at",
    "key": "k",
}


def written(folder: Path, write: dict[str, Any], **more: Any) -> Path:
    stream = {"source": {"type": "files", "path": "records.ndjson"}, **STREAM, "write": write}
    path = folder / "watch.yaml"
    store = f"sqlite:///{folder}/store.db"
    path.write_text(yaml.safe_dump({"streams": {"s": stream}, "store": store, "server": {"port": 0}, **more}))
    return path


@pytest.mark.services
def test_places_are_made_once(
    kafka: Broker,
    redis_server: RedisServer,
    postgres: PostgresServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    mine, database = unique("p"), postgres.new_database()
    hot: dict[str, Any] = {
        "type": "redis_timeseries",
        "url": redis_server.url,
        "series": f"{mine}_{{column}}_{{key}}",
        "retention": "1d",
    }
    hot["history"] = {"url": database.url(), "table": "past"}
    topic = {
        "type": "kafka",
        "brokers": kafka.bootstrap,
        "topic": mine,
        "partitions": 3,
        "places": {"a": 0, "b": 2},
    }
    window = {"type": "tumbling", "size": "1m", "by": "k", "compute": {"n": "count(*)"}}
    monitors = {
        "counts": {"stream": "s", "window": window, "write": topic},
        "rows": {
            "stream": "s",
            "window": window,
            "write": {"type": "postgres", "url": database.url(), "table": "rows"},
        },
    }
    file = written(tmp_path, hot, monitors=monitors)
    verb = Verb("prepare", capsys)
    first, again = verb(file, "--json"), verb(file, "--json")
    assert (first.code, again.code) == (0, 0)
    wanted = {
        ("series", f"{mine}_v_a"),
        ("series", f"{mine}_v_b"),
        ("table", "past"),
        ("topic", mine),
        ("table", "rows"),
    }
    assert {(one["kind"], one["name"]) for one in first.objects if one["made"]} == wanted
    assert {(one["kind"], one["name"]) for one in again.objects if not one["made"]} == wanted
    assert len(kafka.admin.list_topics(mine, timeout=30).topics[mine].partitions) == 3
    assert redis_server.do("TS.INFO", f"{mine}_v_b")
    assert database.sql("SELECT count(*) FROM past") == database.sql("SELECT count(*) FROM rows") == [(0,)]
    more = verb(file, "--key", "c")
    assert more.lines[0] == f"made  series {mine}_v_c of stream s"
    assert more.lines[-1] == "1 made, 3 were there"
    database.drop()


@pytest.mark.services
def test_a_table_that_does_not_fit_is_told(
    postgres: PostgresServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    database = postgres.new_database()
    database.sql("CREATE TABLE rows (k int, PRIMARY KEY (k))")
    ended = Verb("prepare", capsys)(
        written(tmp_path, {"type": "postgres", "url": database.url(), "table": "rows"})
    )
    assert ended.code == 3
    assert "table rows" in ended.err
    database.drop()


def test_a_server_that_is_away_ends_it_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    hot = {"type": "redis_timeseries", "url": "redis://127.0.0.1:9/0", "timeout": "1s"}
    ended = Verb("prepare", capsys)(written(tmp_path, hot), "--key", "a")
    assert (ended.code, ended.out) == (3, "")
    assert "127.0.0.1:9" in ended.err


def test_keys_are_those_with_a_place_and_a_topic_without_partitions_is_left_alone(tmp_path: Path):
    topic = {"type": "kafka", "brokers": "127.0.0.1:9", "topic": "t", "places": {"b": 1, "a": 0}}
    config = load(written(tmp_path, topic))
    assert placed(config) == ["a", "b"]  # the file is written with sorted names
    assert list(prepare(config, ["a"])) == []


def test_a_summary_tells_files_and_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STREAMGAUGE_JIT", "off")
    lines = [json.dumps({"k": "a", "v": n, "at": f"2026-03-02T10:00:0{n}Z"}) for n in range(3)]
    Path("records.ndjson").write_text("\n".join([*lines, "{"]) + "\n")
    verb = Verb("run", capsys)
    file = written(tmp_path, {"type": "files", "path": str(tmp_path / "out")})
    first = verb(file, "--summary")
    assert first.code == 0
    stream, sink = first.objects
    assert (stream["records"], stream["dead_letters"], stream["partitions"]) == (3, 1, {"records.ndjson": 4})
    assert (sink["written"], sink["waiting"]) == (3, 0)
    assert verb(file, "--summary", "--engine", "spark").code == 2
