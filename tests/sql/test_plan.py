"""Statements make the monitors that YAML makes, and those find the same in a replay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import streamgauge
from streamgauge.config import load
from streamgauge.profiling.for_queries import sample
from streamgauge.sql.parse import parse
from streamgauge.sql.plan import Given, monitors, plan
from streamgauge.sql.running import Run
from streamgauge.sql.script import Script
from tests.sql.asking import STREAM, planned

FROM = "FROM s WINDOW TUMBLING (SIZE 5 SECONDS)"
MONITORS = {
    f"SELECT COUNT(*) AS event_count {FROM} HAVING COUNT(*) > threshold": {
        "stream": "s",
        "window": {"type": "tumbling", "size": "5s", "compute": {"event_count": "count(*)"}},
        "detect": {"type": "threshold", "when": "event_count > 20"},
    },
    "SELECT account, SUM(amount) AS spent FROM s WINDOW HOPPING (SIZE 1 MINUTE, ADVANCE BY 10 SECONDS) "
    "WHERE ok AND country <> 'CH' GROUP BY account HAVING SUM(amount) > 100 AND COUNT(*) >= 3": {
        "stream": "s",
        "where": "ok and country <> 'CH'",
        "window": {
            "type": "hopping",
            "size": "1m",
            "advance": "10s",
            "by": "account",
            "compute": {"spent": "sum(amount)", "count": "count(*)"},
        },
        "detect": {"type": "threshold", "when": "spent > 100 and count >= 3"},
    },
    f"SELECT account, AVG(amount) AS mean {FROM} GROUP BY account": {
        "stream": "s",
        "window": {"type": "tumbling", "size": "5s", "by": "account", "compute": {"mean": "avg(amount)"}},
        "detect": {"type": "threshold", "when": "1 = 0"},
    },
}


@pytest.mark.parametrize("sql", MONITORS)
def test_a_table_is_the_monitor_that_yaml_makes(sql):
    made = planned(f"{STREAM} CREATE TABLE t AS {sql};", {"threshold": "20"})
    (step,) = made.steps
    assert step.config is not None
    streams = {"s": step.query.source.settings("0s", "localhost:9092")}
    assert step.config == load({"streams": streams, "monitors": {"t": MONITORS[sql]}})
    assert dict(monitors(made.steps))["t"]["detect"] == MONITORS[sql]["detect"]


def test_a_declared_stream_reads_its_topic():
    made = planned(
        "CREATE STREAM clicks (id BIGINT KEY, who STRUCT<name STRING, age INT>, seen BIGINT) "
        "WITH (kafka_topic = 'web', value_format = 'JSON', timestamp = 'SEEN');"
        "CREATE TABLE t AS SELECT who->name, COUNT(*) AS n FROM clicks WINDOW TUMBLING (SIZE 1 HOUR) "
        "GROUP BY who->name;"
    )
    (step,) = made.steps
    assert step.config is not None
    stream = step.config.streams["clicks"]
    assert stream.source.model_dump()["topic"] == "web"
    assert (stream.time, stream.key) == ("seen", ("id",))
    assert stream.fields["who->name"].path == "who.name"
    assert (stream.fields["seen"].type, stream.fields["seen"].unit) == ("timestamp", "ms")
    assert list(step.query.kinds) == ["who->name", "name", "n", "window_start", "window_end"]


def test_statements_for_a_server_are_passed_over_with_a_note():
    made = planned(
        "SET 'auto.offset.reset' = 'earliest'; SHOW STREAMS; DROP TABLE IF EXISTS t; SET 'a' = 'b';"
    )
    assert made.notes == ["passed over, since they speak to a ksqlDB server: 2 SET, 1 SHOW, 1 DROP"]


def test_inserts_give_way_to_files(tmp_path: Path):
    path = tmp_path / "s.ndjson"
    path.write_text('{"account": "x", "AMOUNT": 7, "at": "2026-03-02T10:00:00Z"}\n')
    text = f"{STREAM} INSERT INTO s (account, at) VALUES ('y', '2026-03-02T10:00:00Z'); SELECT account, amount FROM s;"
    made = plan(parse([Script("a.sql", text)]), Given(files={"S": sample("s", [str(path)], None)}))
    assert [list(answer.lines()) for answer in Run(made).answers()] == [[{"account": "x", "amount": 7.0}]]
    assert made.notes == ["1 INSERTs not run: the records of s are given by --stream"]


def test_rows_without_a_time_are_all_of_one_moment():
    text = "CREATE STREAM t (a INT) WITH (kafka_topic='t'); INSERT INTO t VALUES (1); INSERT INTO t (a, ROWTIME) VALUES (2, 5);"
    made = plan(
        parse([Script("a.sql", text + "SELECT a, ROWTIME AS at FROM t;")]), Given(now=1_700_000_000_000_000)
    )
    (answer,) = Run(made).answers()
    assert [line["at"] for line in answer.lines()] == ["2023-11-14T22:13:20.000Z", "1970-01-01T00:00:00.005Z"]


def test_records_that_are_not_given_are_asked_for():
    made = planned(f"{STREAM} SELECT n FROM s;")
    with pytest.raises(streamgauge.errors.ConfigError, match="--stream s=PATH"):
        list(Run(made).answers())


@pytest.mark.parametrize("batch", [1, 7, 100_000])
def test_the_rows_of_a_table_are_the_windows_that_fire_in_a_replay(tmp_path: Path, batch: int):
    """One engine: what ``query`` prints is what the same monitor, written in YAML, fires for."""
    path = tmp_path / "s.ndjson"
    records = [{"who": f"k{i * i % 7}", "v": i % 11, "at": 1_700_000_000_000 + i * 37} for i in range(2_000)]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    sql = (
        "SELECT who, COUNT(*) AS n, SUM(v) AS v_sum FROM s WINDOW TUMBLING (SIZE 5 SECONDS) WHERE v > 1 "
        "GROUP BY who HAVING COUNT(*) > 20 AND SUM(v) > 100"
    )
    made = plan(parse([Script("a.sql", sql)]), Given(files={"s": sample("s", [str(path)], None)}))
    (answer,) = Run(made).answers()
    stream = {
        "source": {"type": "files", "path": str(path)},
        "format": "json",
        "fields": {"who": "string", "v": "int", "at": "timestamp"},
        "time": "at",
    }
    monitor = {
        "stream": "s",
        "where": "v > 1",
        "window": {
            "type": "tumbling",
            "size": "5s",
            "by": "who",
            "compute": {"n": "count(*)", "v_sum": "sum(v)"},
        },
        "detect": {"type": "threshold", "when": "n > 20 and v_sum > 100"},
    }
    config = {"streams": {"s": stream}, "monitors": {"t": monitor}}
    lines = streamgauge.replay(config, {"s": str(path)}, batch_size=batch).lines
    fired = [
        {
            "who": line["key"],
            **line["observed"],
            "window_start": line["window_start"],
            "window_end": line["window_end"],
        }
        for line in lines
        if line["kind"] == "verdict" and not line["early"] and line["severity"] == "critical"
    ]
    assert len(fired) > 5
    assert list(answer.lines()) == sorted(fired, key=lambda row: (row["window_end"], row["who"]))
